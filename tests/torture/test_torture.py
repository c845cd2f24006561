"""The short form of ``make torture``; its report is printed should it fail."""

from .run import Options, torture


def test_nothing_is_lost_or_sold_twice_whatever_is_killed() -> None:
    report = torture(Options(seed=1, seconds=20, buyers=60, events=3, kills=2))
    assert report.kills == {"web": 2, "worker": 2, "mailbox": 2, "postgresql": 2}
    assert report.faults.total() > 0
    assert report.books is not None
    assert len(report.books.money) > 0
    assert not report.breaches, str(report)
