"""So many calls a minute, and no more."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inscrit import rate_limits
from inscrit.networks import network_of
from inscrit.rate_limits import Limit


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_quota_may_be_used_at_once_and_comes_back_with_time() -> None:
    clock = Clock()
    limit = Limit("x", 60, 60, clock)
    assert [limit.take("a").remaining for _ in range(60)] == list(range(59, -1, -1))
    refused = limit.take("a")
    assert (refused.wait, refused.remaining) == (1, 0)
    assert refused.headers == {
        "RateLimit-Policy": '"x";q=60;w=60',
        "RateLimit": '"x";r=0;t=60',
        "Retry-After": "1",
    }
    clock.now += 1
    assert limit.take("a").wait == 0
    assert limit.take("a").wait == 1
    assert limit.take("b").wait == 0, "others are not concerned"


@given(
    quota=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 40), max_size=200),
)
def test_in_no_window_more_than_twice_the_quota_passes_and_waiting_is_enough(
    quota: int, pauses: list[float]
) -> None:
    clock = Clock()
    limit = Limit("x", quota, 60, clock)
    passed = []
    for pause in pauses:
        clock.now += pause
        standing = limit.take("a")
        assert 0 <= standing.remaining <= quota
        if standing.wait == 0:
            passed.append(clock.now)
            continue
        clock.now += standing.wait
        assert limit.take("a").wait == 0
        passed.append(clock.now)
    for begin in passed:
        assert len([at for at in passed if begin <= at < begin + 60]) <= 2 * quota


def test_it_does_not_remember_everybody_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "MOST_REMEMBERED", 3)
    clock = Clock()
    limit = Limit("x", 1, 60, clock)
    for who in "abc":
        limit.take(who)
    clock.now += 61
    limit.take("d")
    assert list(limit._full_at) == ["d"]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9/32"),
        ("::ffff:203.0.113.9", "203.0.113.9/32"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("10.1.2.3", None),
        ("127.0.0.1", None),
        ("fd00::1", None),
        ("testclient", None),
        ("", None),
    ],
)
def test_whom_an_address_stands_for(address: str, network: str | None) -> None:
    assert network_of(address) == network
