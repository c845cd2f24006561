"""A drawing for an event without a photo: tiles that its id chooses, so it is always the same.

It says nothing, and takes the page's colours: pages.css paints the tones, light and dark.
"""

from collections import defaultdict
from hashlib import sha256
from random import Random

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

COLUMNS, ROWS, SIDE = 6, 4, 50
PALETTES, TONES = 6, 3
WIDTH, HEIGHT = COLUMNS * SIDE, ROWS * SIDE

# A tile as a path from the corner of its square.
FORMS = (
    "h50a50 50 0 0 1-50 50z",  # a quarter of a disc, round its four corners
    "v50h50a50 50 0 0 0-50-50z",
    "m50 50v-50a50 50 0 0 0-50 50z",
    "h50v50a50 50 0 0 1-50-50z",
    "m0 25a25 25 0 0 1 50 0z",  # half a disc
    "m0 25a25 25 0 0 0 50 0z",
    "m10 25a15 15 0 0 1 30 0a15 15 0 0 1-30 0z",  # a dot
    "h50v50h-50z",
)


def drawing(seed: str) -> SafeString:
    """The drawing of whatever has this id, as SVG."""
    chance = Random(sha256(seed.encode()).digest())  # noqa: S311 - it draws
    palette = chance.randrange(PALETTES)
    paths = format_html_join("", '<path class="tone{}" d="{}"/>', sorted(_tiles(chance).items()))
    return format_html(
        '<svg class="art art{}" viewBox="0 0 {} {}" preserveAspectRatio="xMidYMid slice"'
        ' aria-hidden="true" focusable="false">{}</svg>',
        palette, WIDTH, HEIGHT, paths,
    )  # fmt: skip


def _tiles(chance: Random) -> dict[int, str]:
    """One path for each tone."""
    paths: dict[int, str] = defaultdict(str)
    for row in range(ROWS):
        for column in range(COLUMNS):
            if chance.random() < 0.9:
                form = chance.choice(FORMS)
                paths[chance.randrange(TONES)] += f"M{column * SIDE} {row * SIDE}{form}"
    return paths
