"""What `inscrit serve` leaves behind."""

import os
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from inscrit import ports, server

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


@pytest.mark.parametrize(("workers", "shared"), [(1, 0), (2, 1)])
def test_the_figures_of_several_processes_are_gone_with_them(
    monkeypatch: pytest.MonkeyPatch, workers: int, shared: int
) -> None:
    monkeypatch.setenv(FOLDER, "")  # put back after the test
    monkeypatch.delenv(FOLDER)
    there: list[Path] = []

    def served(*_: Any, **__: Any) -> None:
        there.extend(Path(os.environ[name]) for name in (FOLDER,) if name in os.environ)
        assert all(folder.is_dir() for folder in there)

    monkeypatch.setattr(uvicorn, "run", served)
    server.run("127.0.0.1", ports.free(), workers, [])
    assert len(there) == shared
    assert not any(folder.exists() for folder in there)
