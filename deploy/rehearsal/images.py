"""The images: Inscrit's own, and one with PostgreSQL and a proxy for want of a registry."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import engine
from .shell import ask, do, say, succeeds

PUBLISHED_BASE = "python:3.12-slim-trixie"
OWN_BASE = "inscrit-rehearsal-base"
PRODUCT = "inscrit:rehearsal"
NEXT_PRODUCT = "inscrit:rehearsal-next"
PARTS = "inscrit-rehearsal-parts"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PACKAGES = "python3,python3-venv,ca-certificates"


@dataclass(frozen=True, slots=True)
class Images:
    """Sizes in bytes."""

    product: int
    base: int


def build(base: str | None) -> Images:
    """Build everything. Raises NoEngine where no base image can be had."""
    base = base or _base()
    command = engine.building()
    with tempfile.TemporaryDirectory() as folder:
        secrets = _build_secrets(Path(folder))
        product = f"{command} -f deploy/Dockerfile --build-arg BASE_IMAGE={base} {secrets}"
        do(f"{product} --build-arg REVISION=first -t {PRODUCT} .", show=0)
        do(f"{product} --build-arg REVISION=next -t {NEXT_PRODUCT} .", show=0)
    do(f"{command} --build-arg BASE_IMAGE={base} -t {PARTS} deploy/rehearsal", show=0)
    compilers = ask(f"docker run --rm --entrypoint sh {PRODUCT} -c 'command -v cc gcc pip || true'")
    say(f"Compilers and installers in the image: {compilers or 'none'}")
    return Images(product=_size(PRODUCT), base=_size(base))


def remove() -> None:
    for image in (PRODUCT, NEXT_PRODUCT, PARTS, OWN_BASE):
        succeeds(f"docker image rm {image}")


def _size(image: str) -> int:
    return int(ask(f"docker image inspect --format '{{{{.Size}}}}' {image}"))


def _base() -> str:
    for image in (OWN_BASE, PUBLISHED_BASE):
        if succeeds(f"docker image inspect {image}"):
            return image
    if succeeds(f"docker pull --quiet {PUBLISHED_BASE}"):
        return PUBLISHED_BASE
    say(f"{PUBLISHED_BASE} can't be pulled: a base image is made with debootstrap.")
    _bootstrap()
    return OWN_BASE


def _bootstrap() -> None:
    """A Debian as small as it gets, from wherever this machine has its packages."""
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        raise engine.NoEngine("No base image: install debootstrap and run this as root.")
    mirror = ask("apt-cache policy base-files | grep -oE 'https?://[^ ]+' | head -n 1")
    suite = ask(". /etc/os-release && echo $VERSION_CODENAME")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        ask(f"debootstrap --variant=minbase --include={PACKAGES} {suite} {root} {mirror}")
        for spent in ("var/cache/apt", "var/lib/apt/lists"):
            shutil.rmtree(root / spent)
        ask(f"tar -C {root} -c . | docker import - {OWN_BASE}")


def _build_secrets(folder: Path) -> str:
    """The machine's own package index and certificates, for the build alone."""
    index = os.environ.get("PIP_INDEX_URL") or (
        ask("python3 -m pip config get global.index-url || true") if shutil.which("pip") else ""
    )
    lines = [f"index-url = {index}"] if index and "://" in index else []
    conf = folder / "pip.conf"
    conf.write_text("\n".join(["[global]", *lines, ""]))
    certificates = f"--secret id=ca_bundle,src={CERTIFICATES}" if CERTIFICATES.exists() else ""
    return f"--secret id=pip_conf,src={conf} {certificates}"
