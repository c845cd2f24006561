"""When a signing secret may be taken out of the setting."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inscrit.webhooks.rotation import QUIET, Verdict, verdicts

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MOMENTS = st.none() | st.integers(0, 24 * 60).map(lambda minutes: ago(minutes=minutes))


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


@pytest.mark.parametrize(
    ("last_uses", "expected"),
    [
        ([None], [Verdict.ONLY]),
        ([None, ago(hours=3)], [Verdict.UNPROVEN, Verdict.IN_USE]),
        ([ago(hours=2), ago(minutes=5)], [Verdict.NEWEST, Verdict.IN_USE]),
        ([ago(minutes=1), ago(minutes=30)], [Verdict.NEWEST, Verdict.IN_USE]),
        ([ago(minutes=1), ago(minutes=61)], [Verdict.NEWEST, Verdict.SAFE_TO_REMOVE]),
        ([ago(minutes=1), ago(days=40)], [Verdict.NEWEST, Verdict.SAFE_TO_REMOVE]),
        # Perhaps the new one, put behind the old one: Stripe signs with both for a day.
        ([ago(minutes=1), None], [Verdict.NEWEST, Verdict.NEVER_USED]),
        ([None, None], [Verdict.UNPROVEN, Verdict.IN_USE]),
        ([], []),
    ],
)
def test_an_old_secret_is_safe_to_remove_once_a_newer_one_does_its_work(
    last_uses: list[datetime | None], expected: list[Verdict]
) -> None:
    assert verdicts(last_uses, NOW) == expected


@given(st.lists(MOMENTS, min_size=1, max_size=5))
def test_no_secret_is_called_safe_to_remove_that_may_still_be_needed(
    last_uses: list[datetime | None],
) -> None:
    judged = verdicts(last_uses, NOW)
    assert len(judged) == len(last_uses)
    assert judged[0] is not Verdict.SAFE_TO_REMOVE
    for place, verdict in enumerate(judged):
        if verdict is not Verdict.SAFE_TO_REMOVE:
            continue
        last = last_uses[place]
        proofs = [at for at in last_uses[:place] if at is not None]
        assert proofs
        assert last is not None
        assert max(proofs) > last
        assert NOW - last >= QUIET
