"""Stored networks taken out of their sweeps: outputs to the last bit, and modules of PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from numpy.typing import NDArray

import relusweep as rs
from relusweep.pipeline.sweeps.training.again import network_of
from relusweep.tasks import elementary
from relusweep.tasks.regions._modules import matrices_of

X = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1], [0.3, -0.7]])


def rows_of(results: xr.Dataset) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw the rows of one network again."""
    one = results.expand_dims(
        [dim for dim in ("problem", "trial") if dim not in results.dims and dim in results.coords]
    )
    block = network_of(one)
    drawn = block.problem.draw(block.setting, block.labels, block.trials, block.seed)
    x = drawn.inputs[0] if drawn.inputs.ndim == 3 else drawn.inputs
    return x, drawn.targets[0].astype(np.float32)


def loss_of(outputs: NDArray[np.float32], targets: NDArray[np.float32], loss: str) -> np.float32:
    """Give the mean loss in the order and precision that the engine says: float64, row after row."""
    total = 0.0
    for output, target in zip(outputs, targets, strict=True):
        if loss == "bce":
            total += elementary.softplus(-np.float64(target * output))
        else:
            total += (np.float64(output) - np.float64(target)) ** 2
    return np.float32(total / len(targets))


def every(results: xr.Dataset) -> list[dict[str, int]]:
    """Give the places of the networks that ran."""
    there = results["success_epoch"].notnull()
    return [dict(zip(there.dims, map(int, at), strict=True)) for at in np.argwhere(there.values)]


@pytest.mark.parametrize("name", ["kept", "balls", "sine"])
def test_outputs_have_the_bits_that_the_engine_saw_at_the_end(store: str, name: str) -> None:
    results = rs.open(store, name)
    if "parameters" not in results:
        results = rs.retrain(results, progress=False)
    for at in every(results)[:: 3 if name == "kept" else 1]:
        one = results.isel(at)
        x, targets = rows_of(one)
        outputs = rs.networks(one)(x, engine="lanes")
        assert outputs.dtype == np.float32
        assert loss_of(outputs.values, targets, str(one["loss"].item())) == one["final_loss"].values
        if "rows_right" in one:
            threshold = 0.0 if one["loss"].item() == "bce" else 0.5
            right = (outputs.values - threshold) * (targets - threshold) > 0
            assert right.sum() == one["rows_right"].values


def test_any_selection_has_the_bits_of_the_whole(store: str) -> None:
    results = rs.open(store, "kept")
    whole = rs.networks(results)(X)
    assert whole.dims == (*results["success_epoch"].dims, "row")
    np.testing.assert_array_equal(whole.isnull().any("row"), results["success_epoch"].isnull())

    part = results.isel(trial=[3, 0], width=0, problem=slice(1, None))
    expected = whole.isel(trial=[3, 0], width=0, problem=slice(1, None))
    np.testing.assert_array_equal(rs.networks(part)(X), expected)

    points = {dim: xr.DataArray(some, dims="point") for dim, some in (("trial", [2, 0]), ("problem", [1, 1]))}
    np.testing.assert_array_equal(rs.networks(results.isel(points))(X), whole.isel(points))

    stacked = results.stack(which=("trial", "width"))
    outputs = rs.networks(stacked)(X)
    assert outputs.dims == ("problem", "depth", "learning_rate", "which", "row")
    np.testing.assert_array_equal(outputs.unstack("which").transpose(*whole.dims), whole)

    solved = results.where(results["success_epoch"] >= 0)
    np.testing.assert_array_equal(rs.networks(solved)(X), whole.where(results["success_epoch"] >= 0))

    lazy = rs.networks(rs.open(store, "kept", chunks={}))(X)
    assert lazy.chunks
    xr.testing.assert_identical(lazy.compute(), whole)


def test_each_network_may_have_inputs_of_its_own(store: str) -> None:
    some = rs.networks(rs.open(store, "kept").isel(width=0, learning_rate=1))
    trials = some.labels["trial"]
    own = xr.DataArray(X, dims=("row", "input")) * (1 + trials)
    outputs = some(own)
    for trial in trials.values:
        np.testing.assert_array_equal(outputs.sel(trial=trial), some((1 + trial) * X).sel(trial=trial))


def test_torch_differs_by_rounding(store: str) -> None:
    for name in ("kept", "sine"):
        some = rs.networks(rs.open(store, name))
        x = X[:, : some.shapes[0].n_inputs]
        np.testing.assert_allclose(some(x, engine="torch"), some(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["kept", "sine", "slow"])
def test_modules_give_the_same_outputs(store: str, name: str) -> None:
    some = rs.networks(rs.open(store, name))
    x = X[:, : some.shapes[0].n_inputs]
    outputs = some(x).values.reshape(-1, len(x))
    modules = list(some.modules())
    assert len(modules) == len(some) == len(outputs)
    for module, expected in zip(modules, outputs, strict=True):
        if module is None:
            assert np.isnan(expected).all()
            continue
        found = module(torch.tensor(x, dtype=torch.float32)).detach().numpy()
        assert found.shape == (len(x), 1)
        np.testing.assert_allclose(found[:, 0], expected, rtol=1e-4, atol=1e-5)
        assert all(tensor.dtype == torch.float32 for tensor in module.state_dict().values())


def test_modules_are_ordinary_and_without_units_of_zeros(store: str) -> None:
    relu = next(iter(rs.networks(rs.open(store, "kept").isel(width=0, depth=1)).modules()))
    assert [type(part).__name__ for part in relu] == ["Linear", "LeakyReLU", "Linear", "LeakyReLU", "Linear"]
    assert isinstance(relu, torch.nn.Sequential)
    matrices, slopes = matrices_of(relu)  # what rs.regions takes of a module
    assert [len(matrix) for matrix in matrices] == [2, 2, 1]
    assert slopes == [0.1, 0.1]
    (vrelu,) = rs.networks(rs.open(store, "sine").sel(widths="3-2", trial=[0])).modules()
    shapes = {name: tuple(tensor.shape) for name, tensor in vrelu.state_dict().items()}
    assert shapes["0.linear.weight"] == (3, 1)
    assert shapes["1.linear.weight"] == (2, 3)
    assert shapes["1.scalars"] == (2, 2)
    assert shapes["2.weight"] == (1, 2)


def test_networks_of_one_shape_are_one_module(store: str) -> None:
    results = rs.open(store, "kept")
    some = rs.networks(results)
    with pytest.raises(
        ValueError, match=r"have 4, as 2-2-1 relu, leak 0\.1 and 2-2-2-1 relu, leak 0\.1; take"
    ):
        some.stacked()
    parts = some.by_shape()
    assert sum(map(len, parts)) == len(some)
    whole = some(X)
    for part in parts:
        stacked = part.stacked()
        outputs = stacked(torch.tensor(X, dtype=torch.float32)).detach().numpy()
        labels = {dim: part.labels[dim] for dim in results["success_epoch"].dims}
        np.testing.assert_allclose(outputs, whole.sel(labels), rtol=1e-4, atol=1e-5)
        assert stacked.layers()[0].weights.shape == (len(part), part.shapes[0].width, 2)
    one = rs.networks(results.isel(dict.fromkeys(results["success_epoch"].dims, 0)))
    assert one.stacked()(torch.zeros(1, 2)).shape == (1, 1)
    assert [len(part) for part in one.by_shape()] == [1]


def test_networks_that_did_not_stay_finite_are_missing(store: str) -> None:
    results = rs.open(store, "kept").load().copy(deep=True)
    results["stop_reason"][1, 0, 0, 0, 1] = 2
    results["parameters"][1, 0, 0, 0, 2, 0] = np.inf
    some = rs.networks(results.isel(problem=1, width=0, depth=0, learning_rate=0))
    for engine in ("lanes", "torch"):
        lost = some(X, engine=engine).isnull().all("row")
        np.testing.assert_array_equal(lost, [False, True, True, False, False])
    assert [module is None for module in some.modules()] == [False, True, True, False, False]
    stacked = some.stacked()(torch.zeros(1, 2)).detach().numpy()
    np.testing.assert_array_equal(np.isnan(stacked[:, 0]), [False, True, True, False, False])


def test_what_cannot_be_is_said(store: str) -> None:
    results, bare = rs.open(store, "kept"), rs.open(store, "bare")
    some = rs.networks(results)
    faults: dict[str, Any] = {
        r'no parameters here, only .*; where .* rs\.retrain\(results, keep="parameters"\)': lambda: (
            rs.networks(bare)
        ),
        "does not say of which training sweep it is": lambda: rs.networks(results.drop_attrs()),
        "which width its networks have: keep the coordinate width": lambda: rs.networks(
            results.drop_vars("width")
        ),
        "up to 25 parameters, and the dataset has 3": lambda: rs.networks(results.isel(parameter=slice(3))),
        "no networks are selected: trial has 0 labels": lambda: rs.networks(results.isel(trial=[])),
        "inputs have no rows": lambda: some(np.zeros((0, 2))),
        r"inputs have shape \(2,\); allowed is \(n_rows, n_inputs\)": lambda: some([1.0, 2.0]),
        "inputs have 3 columns, and there are networks of 2 inputs": lambda: some(np.zeros((4, 3))),
        "some inputs are not finite": lambda: some([[1e300, 0]]),
        "unknown engine 'fast'; allowed are auto, lanes, torch": lambda: some(X, engine="fast"),
        r"inputs have dimensions \('row', 'x'\); allowed are row and input": lambda: some(
            xr.DataArray(X, dims=("row", "x"))
        ),
    }
    for message, fault in faults.items():
        with pytest.raises(ValueError, match=message):
            fault()


def test_they_say_what_they_are(store: str) -> None:
    some = rs.networks(rs.open(store, "kept").isel(width=0))
    assert repr(some).splitlines() == [
        "<40 networks (problem: 2, depth: 2, learning_rate: 2, trial: 5)>",
        "  2-2-1 relu, leak 0.1",
        "  2-2-2-1 relu, leak 0.1",
    ]
    assert set(some.labels.dims) == set(some.sizes)
