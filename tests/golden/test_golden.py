"""Stores written by earlier versions: read, and reproduced by this one.

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
from relusweep.pipeline.common.errors import SpecificationChanged
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.planning.plan import plan_store, plans
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.training.again import sweep_of_results

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
    assert (
        xr.open_datatree(store, engine="relusweep")[GROUP]
        .to_dataset()
        .identical(xr.open_dataset(store, engine="relusweep", group=GROUP))
    )


def test_an_old_store_has_the_form_of_today(store: Path) -> None:
    data = opened(store)
    assert {"success_epoch", "rows_right", "final_loss", "stop_reason"} <= set(data.data_vars)
    assert "loss" not in data.data_vars
    known = {"n_inputs": 2, "loss": "bce", "learning_rate": 0.025, "batch": 0, "epochs": 4000, "rows": 4}
    assert {name: data[name].item() for name in known} == known
    assert all(data[name].dims == () for name in known)
    sweep = sweep_of_results(data)
    assert (
        sweep.model_copy(update={"where": None}).axes.keys()
        == override(find_sweep("npn2"), SETTINGS).axes.keys()
    )


def test_rates_of_an_old_store(store: Path) -> None:
    data = opened(store)
    rate = data.sweep.success_rate(["problem", "trial"])
    assert (rate["networks"] == 12).all()
    np.testing.assert_array_equal(rate["rate"], (data["success_epoch"] >= 0).mean(["problem", "trial"]))
    right = data.sweep.success_rate(["problem", "trial"], at_least=1)
    np.testing.assert_array_equal(right["rate"], (data["rows_right"] == 4).mean(["problem", "trial"]))


def test_an_old_store_does_not_grow_and_it_is_said_what_to_do(store: Path) -> None:
    sweep = override(find_sweep("npn2"), ["trials=4", *SETTINGS[1:]])
    before = opened(store)
    with pytest.raises(
        SpecificationChanged, match=r"npn2 was written by another version.*stay readable.*--replace"
    ):
        plan_store(sweep, str(store))
    xr.testing.assert_identical(opened(store), before)
    (anew,) = plans(sweep, str(store), replace=True)
    assert (anew.anew, anew.cells) == (True, sweep.n_cells)


def test_this_version_computes_what_the_old_one_did(store: Path, tmp_path: Path) -> None:
    run(override(find_sweep("npn2"), SETTINGS), str(tmp_path / "new"), Local(workers=1))
    old, new = opened(store), opened(tmp_path / "new")
    for name in set(old.data_vars) - {"fingerprint"}:
        assert new[name].dims == old[name].dims
        assert new[name].dtype == old[name].dtype
        np.testing.assert_array_equal(new[name].values, old[name].values, err_msg=str(name))
    for name in old.coords:
        np.testing.assert_array_equal(new[name].values, old[name].values, err_msg=str(name))
