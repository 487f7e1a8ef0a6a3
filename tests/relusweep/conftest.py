from __future__ import annotations

from pathlib import Path

import pytest

import relusweep as rs
from relusweep.cluster import Address
from tests.pipeline.conftest import workers

__all__ = ["workers"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def small() -> rs.Sweep:
    """Few kernels to compile, few epochs to train."""
    return rs.sweep("npn2", trials=4, width=[2, 4], depth=1, epochs=60)


@pytest.fixture(scope="session")
def store(small: rs.Sweep, workers: Address, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that two runs have filled: four trials, tagged, and then six."""
    place = tmp_path_factory.mktemp("store") / "results"
    rs.run(small, place, cluster=workers, progress=False)
    rs.tag(place, "four")
    rs.run(rs.sweep(small, trials=6), place, cluster=workers, progress=False)
    return place
