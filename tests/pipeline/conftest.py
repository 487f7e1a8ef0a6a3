from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from relusweep.cluster import Address, Local, connect
from relusweep.pipeline.commands import app as cli
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

# Few kernels to compile, few epochs to train; every axis has more than one label.
SMALL = ("trials=4", "width=2,4", "depth=1", "epochs=60")


@pytest.fixture(scope="session")
def workers() -> Iterator[Address]:
    """Two workers that all runs of the session share."""
    with connect(Local(workers=2)) as connection:
        yield Address(address=connection.backend.address)


@pytest.fixture
def small() -> TrainingSweep:
    return override(find_sweep("npn2"), SMALL)


@pytest.fixture
def relusweep(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process: exit code, what it says, what it complains of."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["relusweep", *words])
        with pytest.raises(SystemExit) as left:
            cli.main()
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    return call
