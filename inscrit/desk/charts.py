"""Small charts as shapes: a template draws them as SVG, with the same figures in a table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import TypeAlias

HEIGHT = 100
Words: TypeAlias = Callable[[int], str]  # how a figure is written


@dataclass(frozen=True, slots=True)
class Point:
    """One day. ``x`` counts the days, ``height`` is of HEIGHT, ``text`` is what it says."""

    day: date
    x: int
    value: int
    height: int
    text: str

    @property
    def y(self) -> int:
        return HEIGHT - self.height


@dataclass(frozen=True, slots=True)
class Chart:
    points: Sequence[Point]
    most: str
    total: str

    @property
    def width(self) -> int:
        return len(self.points)

    @property
    def outline(self) -> str:
        """The area under the points, as SVG's polygon has it; each day is a step."""
        steps = " ".join(f"{p.x},{p.y} {p.x + 1},{p.y}" for p in self.points)
        return f"0,{HEIGHT} {steps} {self.width},{HEIGHT}"

    @property
    def told(self) -> Sequence[Point]:
        """What the table tells: the days on which there was something."""
        return [point for point in self.points if point.value]


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def chart(span: Sequence[date], found: Mapping[date, int], words: Words = str) -> Chart:
    """A day each, 0 where nothing was found."""
    values = [found.get(day, 0) for day in span]
    return _drawn(span, values, sum(values), words)


def curve(span: Sequence[date], found: Mapping[date, int]) -> Chart:
    """What had come together by each day."""
    values = list(accumulate(found.get(day, 0) for day in span))
    return _drawn(span, values, values[-1] if values else 0, str)


def _drawn(span: Sequence[date], values: Sequence[int], total: int, words: Words) -> Chart:
    most = max([*values, 1])
    points = [
        Point(day, x, value, _height(value, most), words(value))
        for x, (day, value) in enumerate(zip(span, values, strict=True))
    ]
    return Chart(points, words(max([*values, 0])), words(total))


def _height(value: int, most: int) -> int:
    """However little it is beside the most, it can be seen."""
    return max(1, round(HEIGHT * value / most)) if value > 0 else 0
