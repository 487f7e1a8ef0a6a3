"""A search killed between its rungs, and the same command again: nothing lost, nothing else found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import relusweep as rs

pytestmark = pytest.mark.cluster

SEARCH = [
    *("search", "npn3", "--over", "learning_rate,width", "--workers", "1", "--set", "depth=1"),
    *("--set", "leak=0.1", "--set", "learning_rate=0.003,0.01,0.03", "--set", "width=2,3"),
    *("--set", "epochs=200", "--set", "trials=1000"),
]


def _process(store: str, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "relusweep", *SEARCH, "--store", store]
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _found(store: str, folder: Path) -> str:
    """Search to the end; give the tables of what was found."""
    with _process(store, folder) as process:
        said, _ = process.communicate()
    assert process.returncode == 0, said
    return said[said.index("search of") :].split("All of")[0].split("networks in")[0].rpartition("\n")[0]


def test_a_search_that_is_killed_goes_on(tmp_path: Path) -> None:
    with _process("killed", tmp_path) as process:
        assert process.stdout is not None
        rungs = 0
        for line in process.stdout:
            rungs += "networks to train" in line
            if rungs == 2:  # the first rung is stored, the second begins
                break
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    store = str(tmp_path / "killed")
    before = rs.open(store, "npn3").load()

    assert _found("killed", tmp_path) == _found("whole", tmp_path)
    after, whole = rs.open(store, "npn3").load(), rs.open(str(tmp_path / "whole"), "npn3").load()
    ran = before["success_epoch"].notnull()
    assert 0 < ran.sum() < after["success_epoch"].notnull().sum()
    np.testing.assert_array_equal(after["final_loss"].values[ran], before["final_loss"].values[ran])
    xr.testing.assert_identical(after.drop_attrs(), whole.drop_attrs())
