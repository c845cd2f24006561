"""Bars of the health page: whatever the numbers, they stand within their chart and are true."""

from itertools import pairwise

from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from inscrit.watchdog.health.chart import HEIGHT, WIDTH, Bar, Chart, Series, spoken

numbers = st.integers(0, 10**9)
tables = st.integers(1, 60).flatmap(
    lambda steps: st.lists(
        st.lists(numbers, min_size=steps, max_size=steps), min_size=1, max_size=6
    )
)


def chart(values: list[list[int]]) -> Chart:
    series = [Series(str(n), str(n), row, str(sum(row))) for n, row in enumerate(values)]
    return Chart("it", "It", "", [str(n) for n in range(len(values[0]))], series)


@given(tables)
def test_every_bar_stands_within_its_chart(values: list[list[int]]) -> None:
    # Each of the series of a step is seen, so a step of very many small ones may be a bit higher.
    slack = 2 * len(values)
    for bar in chart(values).bars:
        assert 0 <= bar.x < bar.x + bar.width <= WIDTH
        assert -slack <= bar.y < bar.y + bar.height <= HEIGHT


@given(tables)
def test_bars_of_one_step_stand_upon_each_other(values: list[list[int]]) -> None:
    columns: dict[int, list[Bar]] = {}
    for bar in chart(values).bars:
        columns.setdefault(bar.x, []).append(bar)
    for bars in columns.values():
        assert bars[0].y + bars[0].height == HEIGHT
        for below, above in pairwise(bars):
            assert above.y + above.height == below.y


@given(tables)
def test_the_table_has_each_step_in_which_something_was(values: list[list[int]]) -> None:
    it = chart(values)
    some = [str(n) for n, step in enumerate(zip(*values, strict=True)) if any(step)]
    assert [time for time, _ in it.rows] == some
    assert bool(it.rows) == (it.highest > 0)


def test_numbers_are_spoken_as_the_reader_writes_them() -> None:
    with translation.override("fr"):
        assert spoken(1.26, "s") == "1,3\u00a0s"
        assert spoken(250.4, "s") == "250\u00a0s"
        assert spoken(7) == "7"
