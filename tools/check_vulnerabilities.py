"""Whether a vulnerability is known in a library that the product runs with.

pip-audit asks PyPI's database. Where that can't be reached nothing was checked, and that is said:
pip-audit itself would call it a success. It is no failure, unless told that it must be reached.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REQUIREMENTS = Path(__file__).parent.parent / "requirements" / "runtime.txt"
UNKNOWN = "The vulnerability database can't be reached: NOTHING WAS CHECKED."
BROKEN = "pip-audit did not do its work: "
SIGNS_OF_NO_NETWORK = (
    "requests.exceptions.",
    "ERROR:pip_audit._cli:Could not connect",
    "ERROR:pip_audit._cli:PyPI is not redirecting",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``wrong``: a hole, or no answer to be had from pip-audit. ``lines`` say which."""

    wrong: bool
    lines: Sequence[str]

    def exit_code(self, *, must_reach: bool) -> int:
        return int(self.wrong or (must_reach and UNKNOWN in self.lines))


def judged(report: str, errors: str) -> Verdict:
    """What pip-audit's report, or its last words instead of one, come to."""
    try:
        dependencies = json.loads(report)["dependencies"]
    except (ValueError, KeyError):
        dependencies = []
    if dependencies:
        return _of(dependencies)
    said = errors.strip().splitlines() or ["it said nothing"]
    if any(line.startswith(SIGNS_OF_NO_NETWORK) for line in said):
        return Verdict(wrong=False, lines=[UNKNOWN, said[-1]])
    return Verdict(wrong=True, lines=[BROKEN + said[-1]])


def _of(dependencies: list[dict[str, Any]]) -> Verdict:
    found = [
        f"{one['name']} {one['version']}: {hole['id']}, mended in"
        f" {', '.join(hole['fix_versions']) or 'no version yet'}"
        for one in dependencies
        for hole in one.get("vulns", [])
    ]
    skipped = [one["name"] for one in dependencies if "skip_reason" in one]
    if len(skipped) == len(dependencies):
        return Verdict(wrong=False, lines=[UNKNOWN])
    unchecked = [f"Not checked: {', '.join(skipped)}"] if skipped else []
    return Verdict(bool(found), [*found, *unchecked] or ["No vulnerability is known."])


def audit(requirements: Path) -> Verdict:
    done = subprocess.run(
        [
            sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps",
            "--disable-pip", "--format", "json", "--timeout", "10", "--progress-spinner", "off",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return judged(done.stdout, done.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--must-reach", action="store_true", help="fail if nothing was checked")
    options = parser.parse_args()
    verdict = audit(REQUIREMENTS)
    sys.stdout.write("".join(f"{line}\n" for line in verdict.lines))
    return verdict.exit_code(must_reach=options.must_reach)


if __name__ == "__main__":
    sys.exit(main())
