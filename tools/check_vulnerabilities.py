"""Whether a vulnerability is known in a library that the product runs with.

pip-audit asks PyPI's database. Where that can't be reached nothing was checked, and that is said:
pip-audit itself would call it a success.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

REQUIREMENTS = Path(__file__).parent.parent / "requirements" / "runtime.txt"
UNKNOWN = "The vulnerability database can't be reached: NOTHING WAS CHECKED."


def judged(dependencies: list[dict[str, Any]]) -> tuple[bool, list[str]]:
    """Whether something is wrong, and the lines that say so."""
    found = [
        f"{one['name']} {one['version']}: {hole['id']}, mended in"
        f" {', '.join(hole['fix_versions']) or 'no version yet'}"
        for one in dependencies
        for hole in one.get("vulns", [])
    ]
    skipped = [one["name"] for one in dependencies if "skip_reason" in one]
    if skipped and len(skipped) == len(dependencies):
        return False, [UNKNOWN]
    unchecked = [f"Not checked: {', '.join(skipped)}"] if skipped else []
    return bool(found), [*found, *unchecked] or ["No vulnerability is known."]


def audit(requirements: Path) -> tuple[bool, list[str]]:
    done = subprocess.run(
        [
            sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps",
            "--disable-pip", "--format", "json", "--timeout", "10", "--progress-spinner", "off",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        return judged(json.loads(done.stdout)["dependencies"])
    except (ValueError, KeyError):
        said = done.stderr.strip().splitlines()
        return False, [UNKNOWN, *said[-1:]]


if __name__ == "__main__":
    wrong, lines = audit(REQUIREMENTS)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.exit(wrong)
