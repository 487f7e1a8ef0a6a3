"""Networks trained again from their labels: bit for bit what is stored, and a difference is noticed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import relusweep as rs
from relusweep.cluster import Address

ENDS = ("success_epoch", "final_loss", "stop_reason", "rows_right", "test_loss", "tries", "try_loss")


def same(found: xr.Dataset, stored: xr.Dataset, *names: str) -> None:
    for name in names or [name for name in ENDS if name in stored]:
        assert found[name].dims == stored[name].dims
        assert found[name].dtype == stored[name].dtype
        np.testing.assert_array_equal(found[name], stored[name], strict=True)


def test_weights_that_were_not_kept_are_those_that_would_have_been(store: str, workers: Address) -> None:
    bare, kept = rs.open(store, "bare"), rs.open(store, "kept")
    found = rs.retrain(bare, cluster=workers, progress=False)
    same(found, bare)
    same(found, kept, "parameters")
    outputs = rs.networks(found)([[1, -1]])
    np.testing.assert_array_equal(outputs, rs.networks(kept)([[1, -1]]))
    again = rs.retrain(
        found, keep={"curve": {"every": 20}}, progress=False
    )  # what came is a dataset as others
    assert again["curve_loss"].dims == (*bare["success_epoch"].dims, "curve_epoch")
    last = again["curve_loss"].isel(curve_epoch=-1)
    unsolved = bare["success_epoch"] == -1
    np.testing.assert_array_equal(last.where(unsolved), bare["final_loss"].where(unsolved))


@pytest.mark.parametrize("name", ["balls", "sine"])
def test_batches_test_rows_and_restarts_come_again(store: str, name: str) -> None:
    stored = rs.open(store, name)
    some = stored.isel(trial=[2, 0])
    same(rs.retrain(some, progress=False), some)


def test_scattered_networks_are_found_again(store: str) -> None:
    kept = rs.open(store, "kept")
    where = {
        "problem": [1, 0, 1, 1],
        "trial": [4, 2, 0, 4],
        "width": [0, 1, 0, 0],
        "learning_rate": [1, 0, 0, 1],
    }
    points = kept.isel({dim: xr.DataArray(places, dims="point") for dim, places in where.items()})
    found = rs.retrain(points, keep=["parameters", {"curve": {"every": 10}}], progress=False)
    same(found, points)
    n = found.sizes["parameter"]  # of the largest network that is asked for
    np.testing.assert_array_equal(found["parameters"], points["parameters"].isel(parameter=slice(n)))
    assert found["curve_loss"].sizes["point"] == 4


def test_the_blocks_of_the_slow_engine_are_those_of_the_run(store: str) -> None:
    stored = rs.open(store, "slow")
    some = stored.isel(trial=[5, 33], skip=[0, 2])
    same(rs.retrain(some, progress=False), some, *ENDS[:4], "parameters")


def test_one_network_and_none(store: str) -> None:
    kept = rs.open(store, "kept")
    one = kept.isel(dict.fromkeys(kept["success_epoch"].dims, 0))
    same(rs.retrain(one, progress=False), one)
    none = rs.retrain(kept.where(kept["success_epoch"] > 1e6), progress=False)
    assert none["parameters"].isnull().all()
    same(none, none.assign(success_epoch=kept["success_epoch"] * np.nan), "success_epoch")


def test_what_did_not_run_and_what_was_masked_stay_missing(store: str) -> None:
    kept = rs.open(store, "kept")
    solved = kept.where(kept["success_epoch"] >= 0)
    found = rs.retrain(solved, progress=False)
    same(found, solved, "success_epoch", "parameters")


def test_a_store_that_was_changed_is_noticed(store: str) -> None:
    kept = rs.open(store, "kept").load().copy(deep=True)
    kept["final_loss"][1, 0, 0, 0, 2] = np.nextafter(kept["final_loss"][1, 0, 0, 0, 2].values, np.float32(1))
    kept["parameters"][0, 0, 1, 1, 3, 4] *= -1
    with pytest.raises(rs.errors.ResultsDiffer) as told:
        rs.retrain(kept.isel(width=0), progress=False)
    assert "2 of 40 networks that were trained again" in str(told.value)
    assert "final_loss of problem 6, width 2, depth 1, learning_rate 0.025, trial 2 is " in str(told.value)
    assert "parameters of problem 1, width 2, depth 2, learning_rate 0.05, trial 3" in str(told.value)
    found = rs.retrain(kept.isel(width=0), progress=False, allow_different=True)
    assert np.argwhere(found["different"].values).tolist() == [[0, 1, 1, 3], [1, 0, 0, 2]]
    same(found, rs.open(store, "kept").isel(width=0))
    whole = rs.retrain(rs.open(store, "kept").isel(width=0, trial=[0]), progress=False, allow_different=True)
    assert not whole["different"].any()


def test_what_cannot_be_is_said(store: str) -> None:
    kept = rs.open(store, "kept")
    faults: dict[str, Any] = {
        "keep: probes = 'weights': no probe 'weights'": lambda: rs.retrain(kept, "weights"),
        "pieces are of functions of one input, not of boolean": lambda: rs.retrain(kept, "pieces"),
        "no success_epoch here": lambda: rs.retrain(kept[["final_loss"]]),
        "no networks are selected: trial has 0 labels": lambda: rs.retrain(kept.isel(trial=[])),
        "does not say of which training sweep": lambda: rs.retrain(kept.drop_attrs()),
    }
    for message, fault in faults.items():
        with pytest.raises(ValueError, match=message):
            fault()
