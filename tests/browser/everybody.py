"""How a page is looked at: by axe, in both colour schemes, and whether it fits."""

from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

Rules = dict[str, Any]
LANGUAGES = {"fr": "fr-FR", "en": "en-GB"}
RULES: Rules = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
# What others wrote: headings that skip a level, their own landmarks.
WITHOUT_HEADINGS: Rules = RULES | {"runOnly": RULES["runOnly"][:-1]}
# Everything else that axe looks at is the same in the dark.
COLOURS: Rules = RULES | {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
}
CUT_OFF = """() => {
  const end = one => one.getBoundingClientRect().right;
  const boxes = one => one === null ? [] : [one, ...boxes(one.parentElement)];
  const has = (box, ...ways) => ways.includes(getComputedStyle(box).overflowX);
  const cuts = (box, one) => has(box, "clip", "hidden") && end(one) > end(box) + 1;
  return [...document.querySelectorAll("input:not([type=hidden]), select, textarea, button")]
    .filter(one => one.checkVisibility() && !one.matches(".unseen") && !one.closest(".results"))
    .filter(one => end(one) > innerWidth + 1 || boxes(one).some(box => cuts(box, one)))
    .map(one => one.outerHTML.slice(0, 160));
}"""
COVERED = """() => {
  const above = (one, part) => {
    const { left, top, height } = one.getBoundingClientRect();
    return document.elementFromPoint(left + 4, top + height * part);
  };
  const seen = ({ top, bottom }) => top >= 0 && bottom < innerHeight;
  return [...document.querySelectorAll("h1")]
    .filter(one => seen(one.getBoundingClientRect()))
    .filter(one => [.1, .5, .9].some(part => !one.contains(above(one, part))))
    .map(one => one.outerHTML.slice(0, 160));
}"""
_AXE = Axe()


def visitor(chromium: Browser, language: str, **more: Any) -> BrowserContext:
    return chromium.new_context(locale=LANGUAGES[language], **more)


def complaints(page: Page, rules: Rules) -> list[str]:
    """What axe has to say in light and in dark colours, a line for each element."""
    page.evaluate(_AXE.axe_script)
    return [*_look(page, "light", rules), *_look(page, "dark", COLOURS)]


def _look(page: Page, scheme: Literal["light", "dark"], rules: Rules) -> list[str]:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no colour is half-way
    found = page.evaluate("rules => axe.run(rules)", rules)
    return [
        f"{scheme}: {one['id']}: {one['help']}: {node['html'][:160]} {node['any'][:1]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def cut_off(page: Page) -> list[str]:
    """Fields and buttons whose end nobody can reach, in the window or in a box around them."""
    found: list[str] = page.evaluate(CUT_OFF)
    return found


def covered(page: Page) -> list[str]:
    """Headings that something else lies upon."""
    found: list[str] = page.evaluate(COVERED)
    return found


def fits(page: Page) -> bool:
    """Whether nothing has to be pushed aside to be read."""
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    return not page.evaluate(wide)
