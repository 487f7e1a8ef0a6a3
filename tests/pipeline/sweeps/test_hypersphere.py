"""Sweeps of balls and shells: their specification, and small runs of both named ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from relusweep.tasks.hypersphere.training import train_block

from relusweep.cluster import Address
from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.planning.plan import make_plan
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep, network_of
from relusweep.storage import open_dataset
from relusweep.tasks.hypersphere.outlines import Outline, outline, outline_kind
from relusweep.tasks.hypersphere.shapes import Shape
from relusweep.tasks.training import Adam

SMALL = {
    "annulus": ["trials=3", "epochs=20", "samples=40", "batch=10,40", "leak=0,0.1", "success=0.7"],
    "hypersphere": ["trials=3", "epochs=20", "samples=40", "test_samples=20", "batch=10", "n_inputs=2,3"],
}


def named(name: str, *settings: str) -> TrainingSweep:
    sweep = override(SWEEPS[name], settings)
    assert isinstance(sweep, TrainingSweep)
    return sweep


def stored(store: Path, name: str) -> xr.Dataset:
    return open_dataset(store, f"hypersphere/{name}", mask_and_scale=False).load()


@pytest.fixture(scope="module")
def store(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both sweeps, small."""
    path = tmp_path_factory.mktemp("hypersphere") / "store"
    for name, settings in SMALL.items():
        run(named(name, *settings), str(path), workers)
    return path


def test_the_named_sweeps_are_those_of_the_source() -> None:
    annulus, hypersphere = named("annulus"), named("hypersphere")
    assert annulus.shape == (1, 2, 3, 3, 2, 100)
    assert hypersphere.shape == (7, 1, 2, 1, 1, 100)
    assert (annulus.samples, annulus.test_samples) == (1000, 0)
    assert (hypersphere.samples, hypersphere.test_samples) == (10_000, 10_000)
    assert annulus.batch == (10, 100, 1000)
    for sweep in (annulus, hypersphere):
        assert sweep.optimizer == Adam(learning_rate=0.01)
        assert (sweep.epochs, sweep.success, sweep.mse_targets) == (1000, 0.95, "0,1")
        assert (sweep.ball, sweep.bias, sweep.stop) == (0.5, "uniform", "last_epoch")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("samples=200", ["batch = (10, 100, 1000)", "200 samples", "batches of 1000", "--set batch=10,100"]),
        ("batch=3,10,7", ["1000 samples", "batches of 3 or 7", "--set batch=10 "]),
        ("batch=300", ["batches of 300", "--set batch=1000 "]),
        ("samples=7", ["samples = '7'", "even"]),
        ("test_samples=3", ["test_samples = '3'", "even number, or 0"]),
        ("n_inputs=1,2", ["n_inputs = '1'", "2 to 32"]),
        ("loss=hinge", ["loss = 'hinge'", "bce, mse"]),
        ("inputs=normalised", ["inputs = 'normalised'", "raw,scaled"]),
        ("leak=2", ["leak = '2'", "0 to 1"]),
        ("mse_targets=1,2", ["mse_targets = '1,2'", "'0,1' or '-1,1'"]),
        ("ball=0", ["ball = '0'", "above 0"]),
        ("success=0", ["success = '0'", "above 0"]),
        ("stop=never", ["stop", "last_epoch", "first_success"]),
        ("shell_volume=same", ["shell_volume", "surrounded or ball"]),
    ],
)
def test_wrong_settings_say_what_is_allowed(setting: str, words: list[str]) -> None:
    with pytest.raises(InvalidSweep) as caught:
        named("annulus", setting)
    assert all(word in f"{caught.value} " for word in words), caught.value


def test_axes_are_kept_ascending_without_repetition() -> None:
    sweep = named("annulus", "loss=mse,bce,mse", "batch=100,10", "leak=0.1,-0", "n_inputs=4,2..3")
    assert (sweep.loss, sweep.batch, sweep.n_inputs) == (("bce", "mse"), (10, 100), (2, 3, 4))
    assert str(sweep.leak) == "(0.0, 0.1)"


def test_a_grown_sweep_keeps_its_fingerprint_and_another_protocol_does_not() -> None:
    sweep = named("annulus")
    assert (
        named("annulus", "n_inputs=2..5", "loss=bce", "leak=0.5", "trials=7").fingerprint == sweep.fingerprint
    )
    for setting in ("ball=1", "samples=2000", "mse_targets=-1,1", "success=0.9", "epochs=3", "seed=1"):
        assert named("annulus", setting).fingerprint != sweep.fingerprint


@pytest.mark.parametrize(("targets", "values", "threshold"), [("0,1", (0, 1), 0.5), ("-1,1", (-1, 1), 0.0)])
def test_targets_of_the_losses(targets: str, values: tuple[float, float], threshold: float) -> None:
    sweep = named("annulus", f"mse_targets={targets}")
    mse = sweep.networks(range(1), 2, "mse", 0.1, 10, "raw")
    assert (mse.targets, mse.protocol.threshold) == (values, threshold)
    bce = sweep.networks(range(1), 2, "bce", 0.1, 10, "raw")
    assert (bce.targets, bce.protocol.threshold) == ((-1, 1), 0)


def test_every_block_is_one_setting_of_full_lanes() -> None:
    plan = make_plan(named("hypersphere"), None)
    assert sum(block.cells for block in plan.blocks) == plan.cells == 1400
    assert {block.cells for block in plan.blocks} == {32, 4}
    assert plan.nbytes == 1400 * (4 + 4 + 4 + 1 + 4 + 4 + 1 + 2 + 2 + 4 + 4 * 91 + 9)
    work = [plan.sweep.schedule.cost(block) for block in plan.blocks]
    assert len({plan.sweep.schedule.compile_key(block) for block in plan.blocks}) == 7
    assert plan.sweep.schedule.compile_key(plan.blocks[0]) == (8, 100)
    assert max(work) == work[0]


@pytest.mark.parametrize("name", SMALL)
def test_a_run_fills_the_store(store: Path, name: str) -> None:
    results, sweep = stored(store, name), named(name, *SMALL[name])
    assert results["done"].all()
    assert (results["fingerprint"] == sweep.fingerprint).all()
    assert results.attrs["kind"] == "hypersphere"
    assert TrainingSweep.model_validate_json(results.attrs["specification"]) == sweep
    parameters = {"annulus": 13, "hypersphere": 21}[name]
    assert dict(results.sizes) == {**dict(zip(sweep.axes, sweep.shape, strict=True)), "parameter": parameters}
    assert results["train_loss"].dims == tuple(sweep.axes)
    assert results["parameters"].dims == (*sweep.axes, "parameter")
    for dim, labels in sweep.axes.items():
        assert results[dim].values.tolist() == labels.tolist()
    for variable in (*results.data_vars.values(), *results.coords.values()):
        assert variable.attrs["long_name"]
        texts = variable.dtype.kind not in "iuf" or variable.name == "fingerprint"
        assert texts or "units" in variable.attrs or "flag_values" in variable.attrs
    assert results["rows_right"].attrs["rows"] == 40
    if name == "annulus":
        assert not {"test_rows_right", "test_loss"} & set(results.data_vars)
    else:
        assert results["test_rows_right"].attrs["test_rows"] == 20
    names = [shape.name.lower() for shape in Shape]
    assert results["shape"].attrs["flag_meanings"].split() == names


def test_results_lie_at_their_labels(store: Path) -> None:
    results, sweep = stored(store, "hypersphere"), named("hypersphere", *SMALL["hypersphere"])
    arrays = train_block(sweep.networks(range(3), 2, "bce", 0.01, 10, "scaled")).arrays
    part = results.sel(n_inputs=2, loss="bce", leak=0.01, batch=10, inputs="scaled")
    for name, array in arrays.items():
        np.testing.assert_array_equal(part[name].values, array, err_msg=name)
        assert part[name].dtype == array.dtype
    assert part["parameters"].isnull().sum("parameter").values.tolist() == [21 - 13] * 3


def test_success_is_a_share_of_the_training_samples(store: Path) -> None:
    results = stored(store, "annulus")
    succeeded = results["success_epoch"] == 20
    assert (succeeded == (results["rows_right"] >= 28)).all()
    assert ((results["success_epoch"] == -1) | succeeded).all()
    assert 0 < int(succeeded.sum()) < succeeded.size


def test_a_network_is_described_by_the_store_alone(store: Path) -> None:
    """Its samples are drawn again and judged by its stored parameters."""
    results = open_dataset(store, "hypersphere/annulus")
    one = results.sel(n_inputs=2, loss="mse", leak=0.1, batch=10, inputs="raw", trial=2).load()
    network = network_of(one)
    (points,), (classes,) = network.samples("training")
    hidden, outer = np.split(one["parameters"].values, [9])
    z = points @ hidden.reshape(3, 3)[:, :2].T + hidden.reshape(3, 3)[:, 2]
    outputs = np.maximum(z, np.float32(0.1) * z) @ outer[:3] + outer[3]
    right = (outputs > 0.5) == (classes > 0)
    assert right.sum() == one["rows_right"]
    curves = outline(network, one["parameters"])
    assert outline_kind(curves) in Outline
    with pytest.raises(ValueError, match=r"several labels of leak, trial; .* sel\(leak=0.0\)"):
        network_of(results.sel(n_inputs=2, loss="mse", batch=10, inputs="raw"))


@pytest.mark.parametrize(
    ("first", "then"),
    [(["n_inputs=2"], []), (["n_inputs=3"], []), (["trials=1", "leak=0.01"], []), ([], ["n_inputs=2"])],
    ids=["larger", "inserted", "trials", "smaller"],
)
def test_a_store_grows_to_what_one_run_gives(
    first: list[str], then: list[str], store: Path, workers: Address, tmp_path: Path
) -> None:
    for settings in (first, then):
        run(named("hypersphere", *SMALL["hypersphere"], *settings), str(tmp_path / "grown"), workers)
    xr.testing.assert_identical(stored(tmp_path / "grown", "hypersphere"), stored(store, "hypersphere"))


def test_a_smaller_request_writes_rows_of_the_stored_length(
    store: Path, workers: Address, tmp_path: Path
) -> None:
    """Parameters of two inputs, asked for where the store has room for those of three."""
    settings = [*SMALL["hypersphere"], "trials=1"]
    run(named("hypersphere", *settings), str(tmp_path / "grown"), workers)
    run(named("hypersphere", *settings, "n_inputs=2", "trials=2"), str(tmp_path / "grown"), workers)
    grown = stored(tmp_path / "grown", "hypersphere").sel(n_inputs=2, trial=1)
    assert json.loads(grown.attrs["specification"])["n_inputs"] == [2, 3]
    whole = stored(store, "hypersphere").sel(n_inputs=2, trial=1)
    xr.testing.assert_equal(grown, whole)
