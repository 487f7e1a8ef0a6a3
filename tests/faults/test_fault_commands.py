"""A command killed in the middle, and the same command again: nothing lost, nothing else found."""

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

SETTINGS = ["--set", "depth=1", "--set", "leak=0.1", "--set", "width=2,3", "--set", "epochs=200"]
SEARCH = [
    *("search", "npn3", "--over", "learning_rate,width", "--workers", "1", *SETTINGS),
    *("--set", "learning_rate=0.003,0.01,0.03", "--set", "trials=1000"),
]


def _process(command: list[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "relusweep", *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _killed(command: list[str], folder: Path, after: str, times: int) -> None:
    """Start a command, and kill it and its workers once it has said something so often."""
    with _process(command, folder) as process:
        assert process.stdout is not None
        said = 0
        for line in process.stdout:
            said += after in line
            if said == times:
                break
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def _said(command: list[str], folder: Path) -> str:
    """Let a command end."""
    with _process(command, folder) as process:
        said, _ = process.communicate()
    assert process.returncode == 0, said
    return said


def _found(store: str, folder: Path) -> str:
    """Search to the end; give the tables of what was found."""
    said = _said([*SEARCH, "--store", store], folder)
    return said[said.index("search of") :].split("All of")[0].split("networks in")[0].rpartition("\n")[0]


def test_a_search_that_is_killed_goes_on(tmp_path: Path) -> None:
    _killed([*SEARCH, "--store", "killed"], tmp_path, "networks to train", 2)  # the first rung is stored
    before = rs.open(str(tmp_path / "killed"), "npn3").load()

    assert _found("killed", tmp_path) == _found("whole", tmp_path)
    after, whole = (rs.open(str(tmp_path / store), "npn3").load() for store in ("killed", "whole"))
    ran = before["success_epoch"].notnull()
    assert 0 < ran.sum() < after["success_epoch"].notnull().sum()
    np.testing.assert_array_equal(after["final_loss"].values[ran], before["final_loss"].values[ran])
    xr.testing.assert_identical(after.drop_attrs(), whole.drop_attrs())


def test_a_derivation_that_is_killed_goes_on(tmp_path: Path) -> None:
    _said(["run", "npn3", *SETTINGS, "--set", "trials=1000", "--workers", "1", "--store", "store"], tmp_path)
    derive = ["derive", "npn3", "sharpness", "--store", "store", "--workers", "1", "--log", "-"]
    _killed(derive, tmp_path, '"event": "committed"', 1)
    store = str(tmp_path / "store")
    before = rs.open(store, "npn3.sharpness").load()

    done = before["done"].values
    assert 0 < done.sum() < done.size
    assert f"{done.size - done.sum():,} networks to measure, {done.sum():,} in the store" in _said(
        derive, tmp_path
    )
    _said([*derive, "--set", "name=whole"], tmp_path)
    after, whole = (rs.open(store, group).load() for group in ("npn3.sharpness", "npn3.whole"))
    assert after["done"].all()
    np.testing.assert_array_equal(after["sharpness"].values[done], before["sharpness"].values[done])
    ours = {"fingerprint", "done"}
    xr.testing.assert_identical(after.drop_attrs().drop_vars(ours), whole.drop_attrs().drop_vars(ours))
