"""Bars for a page without scripts: numbers in, rectangles of an SVG out. All are whole numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils import formats

WIDTH, HEIGHT, GAP = 720, 150, 3


@dataclass(frozen=True, slots=True)
class Series:
    """One value for each step. ``kind`` is the word that its colour goes by.

    ``total`` is what stands in the legend.
    """

    kind: str
    label: str
    values: Sequence[float]
    total: str


@dataclass(frozen=True, slots=True)
class Bar:
    kind: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Values of one step stand upon each other, in the order of the series."""

    name: str
    title: str
    about: str
    times: Sequence[str]
    series: Sequence[Series]
    unit: str = ""

    @property
    def highest(self) -> float:
        return max((sum(step) for step in self._steps()), default=0)

    @property
    def top(self) -> str:
        return spoken(self.highest, self.unit)

    @property
    def marks(self) -> list[tuple[int, str]]:
        """Four times below the bars, and where they stand."""
        each = max(1, len(self.times) // 4)
        return [(self._left(n), self.times[n]) for n in range(0, len(self.times), each)][:4]

    @property
    def bars(self) -> Iterator[Bar]:
        width = max(1, WIDTH // max(1, len(self.times)) - GAP)
        for number, values in enumerate(self._steps()):
            below = 0.0
            for series, value in zip(self.series, values, strict=True):
                low, high = self._height(below), self._height(below + value)
                if high > low:
                    yield Bar(series.kind, self._left(number), HEIGHT - high, width, high - low)
                below += value

    @property
    def shown(self) -> list[Series]:
        """Those that had something."""
        return [series for series in self.series if any(series.values)]

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The same as a table: of each step that had something."""
        steps = zip(*(series.values for series in self.shown), strict=True)
        said = zip(self.times, steps, strict=False)  # no steps where nothing is shown
        return [(at, [spoken(v, self.unit) for v in step]) for at, step in said if any(step)]

    def _steps(self) -> list[tuple[float, ...]]:
        return list(zip(*(series.values for series in self.series), strict=True))

    def _left(self, number: int) -> int:
        return number * WIDTH // max(1, len(self.times))

    def _height(self, value: float) -> int:
        """In pixels; what is more than nothing is seen."""
        if not value:
            return 0
        return max(2, round(value / self.highest * HEIGHT))


def spoken(value: float, unit: str = "") -> str:
    """As the reader writes numbers."""
    places = 1 if unit and value < 100 else 0
    number = formats.number_format(round(value, places), decimal_pos=places, use_l10n=True)
    return f"{number}\N{NO-BREAK SPACE}{unit}" if unit else number
