"""Groups of the four kinds of earlier versions get the form of today when they are opened."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import xarray as xr

from relusweep.pipeline.common.earlier import brought_up
from relusweep.pipeline.sweeps.training.again import sweep_of_results

ADAM = {"learning_rate": 0.025, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
SIZES = {"leak": [0.0, 0.1], "width": [2, 3], "depth": [1, 2]}
SHARED = {"name": "old", "seed": 4, "engine": "lanes", "trials": 2, "bias": "uniform"}
ONE_LOSS = {"loss": "bce", "epochs": 400, "stop": "first_success", "optimizer": ADAM}

OLD: dict[str, dict[str, Any]] = {
    "boolean": {**SHARED, **SIZES, **ONE_LOSS, "n_inputs": 2, "problems": [0, 1]},
    "functions": {**SHARED, **SIZES, **ONE_LOSS, "n_inputs": [4, 5], "random": 1, "classes": []},
    "hypersphere": {
        **SHARED,
        "n_inputs": [2, 3],
        "samples": 40,
        "test_samples": 20,
        "ball": 0.5,
        "shell_volume": "surrounded",
        "inputs": ["raw", "scaled"],
        "mse_targets": "0,1",
        "loss": ["bce", "mse"],
        "leak": [0.0, 0.1],
        "batch": [10, 40],
        "optimizer": ADAM,
        "epochs": 1000,
        "stop": "last_epoch",
        "success": 0.95,
    },
    "sine": {
        **SHARED,
        "width": [1, 2],
        "depth": [1, 2],
        "leak": 0.0,
        "points": 16,
        "epochs": 30,
        "most_pieces": 8,
        "optimizer": {"learning_rate": 0.1, "momentum": 0.0},
        "restarts": {"bar": 0.45, "most": 3, "further_epochs": 20},
    },
}
LABELS: dict[str, dict[str, Any]] = {
    "boolean": {"problem": np.array([0, 1], "uint64"), **SIZES},
    "functions": {"problem": np.array(["parity", "random 0000"], object), "n_inputs": [4, 5], **SIZES},
    "hypersphere": {
        name: OLD["hypersphere"][name] for name in ("n_inputs", "loss", "leak", "batch", "inputs")
    },
    "sine": {"width": [1, 2], "depth": [1, 2]},
}
SCALARS: dict[str, dict[str, Any]] = {
    "boolean": {"n_inputs": 2, "loss": "bce", "batch": 0, "success": 1.0, "optimizer": "adam"},
    "functions": {"loss": "bce", "epochs": 400, "learning_rate": 0.025, "init": "he_normal"},
    "hypersphere": {"samples": 40, "ball": 0.5, "width": 0, "depth": 1, "success": 0.95, "test_rows": 20},
    "sine": {
        "points": 16,
        "bar": 0.45,
        "most_restarts": 3,
        "optimizer": "sgd",
        "momentum": 0.0,
        "loss": "mse",
    },
}


def group(kind: str) -> xr.Dataset:
    """What an earlier version wrote, as far as it matters."""
    labels = {
        name: np.array(some, object if isinstance(some[0], str) else None)
        for name, some in LABELS[kind].items()
    }
    coords = {**labels, "trial": np.arange(2)}
    shape = [len(some) for some in coords.values()]
    loss = "train_loss" if kind == "hypersphere" else "loss"
    data = xr.Dataset(
        {name: (tuple(coords), np.zeros(shape, "float32")) for name in ("success_epoch", loss)},
        coords,
        {"kind": kind, "specification": json.dumps(OLD[kind])},
    )
    if kind == "hypersphere":
        data["rows_right"] = data["success_epoch"].assign_attrs(rows=40)
        data["test_rows_right"] = data["success_epoch"].assign_attrs(test_rows=20)
    if kind in ("boolean", "functions"):
        dims = ("problem",) if kind == "boolean" else ("problem", "n_inputs")
        tables = np.full([data.sizes[dim] for dim in dims], "0110", object)
        data = data.assign_coords(truth_table=(dims, tables))
    return data


@pytest.mark.parametrize("kind", OLD)
def test_names_coordinates_and_specification_are_those_of_today(kind: str) -> None:
    old = group(kind)
    new = brought_up(old)
    assert "final_loss" in new
    assert not {"loss", "train_loss"} & set(new.data_vars)
    assert dict(new.sizes) == dict(old.sizes)
    assert new.attrs["kind"] == "training"
    for name, value in SCALARS[kind].items():
        assert (new[name].dims, new[name].item()) == ((), value), name
    parts = {name: new[name].attrs["part"] for name in new.coords if "part" in new[name].attrs}
    assert {parts["leak"], parts["width"]} == {"network"}
    assert {parts["loss"], parts["batch"], parts["learning_rate"]} == {"protocol"}
    assert set(new.attrs["paired_along"]) == (
        set() if kind == "hypersphere" else {name for name, part in parts.items() if part == "protocol"}
    )


@pytest.mark.parametrize("kind", OLD)
def test_the_specification_makes_a_sweep_of_the_same_axes(kind: str) -> None:
    new = brought_up(group(kind))
    sweep = sweep_of_results(new)
    for dim in sweep.places.keys() & set(new.coords):
        assert np.atleast_1d(new[dim].values).tolist() == list(sweep.places[dim].labels), dim
    assert (sweep.name, sweep.seed, sweep.trials) == ("old", 4, 2)


def test_rows_are_counted() -> None:
    assert brought_up(group("boolean"))["rows"].item() == 4
    functions = brought_up(group("functions"))["rows"]
    assert (functions.dims, functions.values.tolist()) == (("n_inputs",), [16, 32])
    assert brought_up(group("hypersphere"))["rows"].item() == 40


@pytest.mark.parametrize("attrs", [{}, {"kind": "training"}, {"kind": "measures", "specification": "{}"}])
def test_other_groups_stay_as_they_are(attrs: dict[str, str]) -> None:
    data = group("boolean").drop_attrs().assign_attrs(attrs)
    xr.testing.assert_identical(brought_up(data), data)
    again = brought_up(group("sine"))
    xr.testing.assert_identical(brought_up(again), again)
