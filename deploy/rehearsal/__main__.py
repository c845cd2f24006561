"""``deploy/rehearse``. Exit code 0: all went well; 1: a step did not come out; 3: no engine can be
had here; 4: something of somebody else's is in the way.
"""

import argparse
import secrets
import signal
import sys
import time
from contextlib import ExitStack

from . import engine, images, installation
from .shell import Failed, chapter, say
from .story import Phase, Story

WENT_WRONG, NO_ENGINE, IN_THE_WAY, INTERRUPTED = 1, 3, 4, 130
COLUMNS = {
    "requests": "requests",
    "refused": "no good answer",
    "acknowledged": "events acknowledged",
    "lost": "lost",
    "delivered": "sandbox's deliveries",
    "failed": "failed",
    "bought": "purchases",
    "unpaid": "not PAID",
}


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _rehearse(options)
    except (engine.NoEngine, engine.InTheWay) as problem:
        say(f"\nNot rehearsed: {problem}")
        return NO_ENGINE if isinstance(problem, engine.NoEngine) else IN_THE_WAY
    except Failed as problem:
        say(f"\n❌ {problem}")
        return WENT_WRONG
    except KeyboardInterrupt:
        say("\nStopped.")
        return INTERRUPTED
    say("\n✅ All went well.")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="deploy/rehearse", description=__doc__)
    parser.add_argument("--base-image", help="else python:3.12-slim-trixie, or one made here")
    parser.add_argument("--use-this-swarm", action="store_true", help="where there is one already")
    parser.add_argument("--keep-images", action="store_true", help="for the next time")
    return parser.parse_args()


def _rehearse(options: argparse.Namespace) -> None:
    with ExitStack() as stack:
        chapter("Docker Engine")
        stack.enter_context(engine.engine())
        stack.enter_context(engine.swarm(may_use_existing=options.use_this_swarm))
        installation.make_sure_that_nothing_is_overwritten()
        chapter("The image")
        if not options.keep_images:
            stack.callback(images.remove)
        began = time.monotonic()
        built = images.build(options.base_image)
        build_seconds = time.monotonic() - began
        chapter("The stack")
        secret = f"whsec_{secrets.token_hex(24)}"
        story = Story(stack.enter_context(installation.deployed(secret)), secret)
        story.tell()
        story.figures["image"] = (
            f"{_megabytes(built.product)}, of which the base {_megabytes(built.base)}"
        )
        story.figures["building"] = f"{build_seconds:.0f} s"
        _summarise(story)


def _summarise(story: Story) -> None:
    chapter("Summary")
    say("  ".join(["under load", *COLUMNS.values()]))
    for phase in (*story.phases, _total(story.phases)):
        numbers = (f"{getattr(phase, name):{len(head)}}" for name, head in COLUMNS.items())
        say("  ".join([f"{phase.name:10}", *numbers]))
    for name, value in story.figures.items():
        say(f"{name}: {value}")


def _total(phases: list[Phase]) -> Phase:
    return Phase("all", **{n: sum(getattr(phase, n) for phase in phases) for n in COLUMNS})


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.0f} MB"


if __name__ == "__main__":
    sys.exit(main())
