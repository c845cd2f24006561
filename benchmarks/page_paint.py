"""What the public pages weigh and when they are painted, on an old phone with a slow line.

Chromium with an empty cache, 390 pixels wide, a processor four times slower and the line that
Lighthouse takes for "slow 4G" (its ``mobileSlow4G`` as applied by DevTools: 562.5 ms a request,
1,474.56 kbit/s down, 675 up). The site must be running: ``make demo`` in another window.

    python -m benchmarks.page_paint [--site http://localhost:8000] [--rounds 5]
"""

import argparse
import shutil
import statistics
import sys
from dataclasses import dataclass
from urllib.parse import urljoin

from playwright.sync_api import Browser, Error, Page, sync_playwright

SLOW_4G = {
    "offline": False,
    "latency": 562.5,
    "downloadThroughput": 1474.56 * 1024 / 8,
    "uploadThroughput": 675 * 1024 / 8,
}
SLOWER = 4
# What an observer has to be told to see: entries from before it was there, too.
OBSERVE = """
window.largest = 0; window.shifted = 0;
new PerformanceObserver(list => { for (const e of list.getEntries()) largest = e.startTime; })
    .observe({type: "largest-contentful-paint", buffered: true});
new PerformanceObserver(list => { for (const e of list.getEntries())
    if (!e.hadRecentInput) shifted += e.value; }).observe({type: "layout-shift", buffered: true});
"""
FIRST = 'performance.getEntriesByName("first-contentful-paint")[0].startTime'
STILL = 1500


@dataclass(frozen=True)
class Seen:
    """One visit. Times are milliseconds from the start of the navigation, ``weight`` bytes."""

    weight: int
    requests: int
    first: float
    largest: float
    shifted: float


def visit(browser: Browser, address: str) -> Seen:
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, device_scale_factor=2, locale="fr-FR"
    )
    context.add_init_script(OBSERVE)
    page = context.new_page()
    session = context.new_cdp_session(page)
    weights: list[int] = []
    session.on("Network.loadingFinished", lambda told: weights.append(told["encodedDataLength"]))
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.send("Network.emulateNetworkConditions", SLOW_4G)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    answer = page.goto(address, wait_until="load")
    if answer is None or not answer.ok:
        sys.exit(f"{address} does not answer with a page.")
    page.wait_for_timeout(STILL)
    seen = Seen(
        sum(weights),
        len(weights),
        page.evaluate(FIRST),
        page.evaluate("largest"),
        page.evaluate("shifted"),
    )
    context.close()
    return seen


def event_pages(page: Page, site: str) -> list[str]:
    try:
        page.goto(site)
    except Error:
        sys.exit(f"Nothing answers at {site}: start `make demo` in another window.")
    links = page.locator("a[href^='/events/']").all()
    found = [link.get_attribute("href") or "" for link in links]
    return list(dict.fromkeys(urljoin(site, href) for href in found))


def report(address: str, rounds: list[Seen]) -> None:
    def median(name: str) -> float:
        return float(statistics.median(getattr(seen, name) for seen in rounds))

    print(
        f"{address}: {median('weight') / 1000:.0f} kB in {median('requests'):.0f} requests, "
        f"first paint {median('first') / 1000:.2f} s, largest {median('largest') / 1000:.2f} s, "
        f"layout shift {median('shifted'):.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--site", default="http://localhost:8000")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is not installed (apt: chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        pages = [chosen.site, *event_pages(browser.new_page(), chosen.site)]
        for address in pages:
            report(address, [visit(browser, address) for _ in range(chosen.rounds)])
        browser.close()


if __name__ == "__main__":
    main()
