"""Stores written by earlier versions: read, gone on with and reproduced by this one.

Each folder beside this file is a store as its version left it. Made by
``relusweep run npn2 --set trials=3 --set width=2,3 --set depth=1,2``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from relusweep.cluster import Local
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.planning.plan import plan_store
from relusweep.pipeline.sweeps.overrides import find_sweep, override

GROUP = "boolean/npn2"
SETTINGS = ("trials=3", "width=2,3", "depth=1,2")
STORES = sorted(path for path in Path(__file__).parent.iterdir() if path.name.startswith("npn2-"))


@pytest.fixture(params=STORES, ids=lambda path: path.name)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy: writing takes a lock, and reading must not depend on where a store lies."""
    return Path(shutil.copytree(request.param, tmp_path / "store"))


def opened(store: Path) -> xr.Dataset:
    return xr.open_dataset(store, engine="relusweep", group=GROUP).load()


def test_an_old_store_can_be_read(store: Path) -> None:
    data = opened(store)
    assert dict(data.sizes) == {"problem": 4, "leak": 2, "width": 2, "depth": 2, "trial": 3}
    assert data["done"].all()
    assert data["swaps"].values.tolist() == [0, 1, 1, 2]
    assert data["truth_table"].values.tolist() == ["0000", "0001", "0011", "0110"]
    assert data.sweep.missing().empty


def test_an_old_store_needs_nothing_run_again_and_can_grow(store: Path) -> None:
    sweep = find_sweep("npn2")
    assert not plan_store(override(sweep, SETTINGS), str(store)).blocks
    before = opened(store)
    larger = override(sweep, ["trials=4", *SETTINGS[1:]])
    finished = run(larger, str(store), Local(workers=1))
    assert finished.facts["networks"] == before["done"].size // 3
    xr.testing.assert_identical(opened(store).isel(trial=slice(3)).drop_attrs(), before.drop_attrs())


def test_this_version_computes_what_the_old_one_did(store: Path, tmp_path: Path) -> None:
    run(override(find_sweep("npn2"), SETTINGS), str(tmp_path / "new"), Local(workers=1))
    old, new = opened(store), opened(tmp_path / "new")
    for name in old.data_vars:
        np.testing.assert_array_equal(new[name].values, old[name].values, err_msg=str(name))
