"""Whether every library that the product runs with may be given away with it.

Read from what is installed, for the names in requirements/runtime.txt.
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

REQUIREMENTS = Path(__file__).parent.parent / "requirements" / "runtime.txt"
ALLOWED = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD", "HPND", "ISC", "LGPL-3.0-only",
        "MIT", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Unlicense", "Zlib",
    }
)  # fmt: skip
# In the words of older packages.
ALSO_KNOWN_AS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", re.MULTILINE)


def names(requirements: str) -> list[str]:
    return sorted({name.lower() for name in _PINNED.findall(requirements)})


def licences(about: PackageMetadata) -> set[str]:
    """All that have to be kept; of those that may be chosen among, the first that is allowed."""
    if expression := _stated(about, "License-Expression"):
        return {_chosen(part) for part in re.split(r"\s+AND\s+", expression.strip("()"))}
    classified = [
        line.rsplit(" :: ", 1)[1]
        for line in about.get_all("Classifier") or []
        if line.startswith("License :: ") and line.count(" :: ") > 1
    ]
    found = {ALSO_KNOWN_AS.get(name, name) for name in classified}
    return found or {(_stated(about, "License") or "none stated").splitlines()[0]}


def _stated(about: PackageMetadata, name: str) -> str:
    return about[name] if name in about else ""  # noqa: SIM401 - its type knows no get


def _chosen(part: str) -> str:
    choices = [one.strip(" ()") for one in re.split(r"\s+OR\s+", part)]
    return next((one for one in choices if one in ALLOWED), choices[0])


def problems(requirements: str) -> Iterator[str]:
    for name in names(requirements):
        try:
            found = licences(metadata(name))
        except PackageNotFoundError:
            continue  # for another platform
        if refused := sorted(found - ALLOWED):
            yield f"{name}: {', '.join(refused)} is not among the licences allowed"


if __name__ == "__main__":
    wrong = list(problems(REQUIREMENTS.read_text(encoding="utf-8")))
    sys.stdout.write("".join(f"{line}\n" for line in wrong) or "All licences are allowed.\n")
    sys.exit(bool(wrong))
