"""Drawings for events without a photo."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from inscrit.pages.artwork import PALETTES, TONES, drawing


@given(st.text(st.characters(codec="utf-8")))
def test_an_event_always_has_the_same_small_drawing(seed: str) -> None:
    svg = drawing(seed)
    assert svg == drawing(seed)
    assert len(svg) < 2500
    root = ElementTree.fromstring(svg)
    assert root.get("aria-hidden") == "true"
    assert root.get("class") in {f"art art{n}" for n in range(PALETTES)}
    assert {path.get("class") for path in root} <= {f"tone{n}" for n in range(TONES)}


def test_two_events_rarely_look_the_same() -> None:
    assert len({drawing(f"ev-{n}") for n in range(200)}) == 200
