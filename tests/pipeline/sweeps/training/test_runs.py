"""Small runs of training sweeps: what the store has, that growing gives what one run gives, and opening."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from relusweep.cluster import Address
from relusweep.pipeline.commands.status import asked_for
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, Event
from relusweep.pipeline.planning.plan import make_plan
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import changed, override
from relusweep.pipeline.sweeps.training.again import network_of, sweep_of_results
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage import open_dataset, stored_groups
from relusweep.tasks.hypersphere.outlines import Outline, outline, outline_kind
from relusweep.tasks.hypersphere.shapes import Shape
from relusweep.tasks.training_block import train_block

SETTINGS = {
    "npn2": [
        "trials=3",
        "width=3",
        "depth=1,2",
        "epochs=20",
        "probes=parameters",
        "learning_rate=0.025,0.05",
    ],
    "dimensions": ["random=2", "classes=1", "n_inputs=4,5", "width=3", "depth=1", "trials=3", "epochs=5"],
    "annulus": ["trials=3", "epochs=20", "samples=40", "batch=20,40", "leak=0,0.1", "success=0.7"],
    "sine": [
        *("width=1,2", "depth=1,2", "trials=3", "points=16", "epochs=30"),
        *("restarts.bar=0.3", "restarts.most=3", "restarts.further_epochs=20"),
    ],
}


def made(name: str) -> TrainingSweep:
    sweep = override(SWEEPS[name], SETTINGS[name])
    probes = ["parameters", {"pieces": {"most": 8}}]
    return changed(sweep, [("probes", probes)]) if name == "sine" else sweep


SMALL = {name: made(name) for name in SETTINGS}
LAYERS = TrainingSweep.model_validate(
    {
        "name": "layers",
        "problem": {"kind": "boolean", "n_inputs": 3, "problems": [1, 105]},
        "network": {"widths": ["8-4-2", "3-3"], "leak": 0.1},
        "protocol": {"optimizer": {"kind": "sgd", "learning_rate": 0.1, "momentum": 0.9}, "epochs": 9},
        "probes": ["parameters", {"snapshots": {"at": [0, 5]}}, {"curve": {"every": 3}}],
        "trials": 2,
        "where": "problem == 1 or widths == '8-4-2'",
    }
)


def ran(sweep: TrainingSweep, store: Path, workers: Address) -> int:
    """Run a sweep; count the networks that it trained."""
    events: list[Event] = []
    assert not run(sweep, str(store), workers, listeners=[events.append]).failed
    return sum(event.block.cells for event in events if isinstance(event, BlockDone))


def raw(store: Path, sweep: TrainingSweep) -> xr.Dataset:
    """As it is stored, every axis a dimension."""
    return open_dataset(str(store), sweep.group, mask_and_scale=False).load()


@pytest.fixture(scope="module")
def store(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them, small."""
    path = tmp_path_factory.mktemp("training") / "store"
    for sweep in (*SMALL.values(), LAYERS):
        assert ran(sweep, path, workers) == sweep.n_wanted
    return path


@pytest.mark.parametrize("name", SMALL)
def test_a_run_fills_the_store(store: Path, name: str) -> None:
    sweep, results = SMALL[name], raw(store, SMALL[name])
    assert results["done"].all()
    assert (results["fingerprint"] == sweep.fingerprint).all()
    assert results.attrs["kind"] == "training"
    assert sweep_of_results(results) == sweep
    sizes = dict(zip(sweep.axes, sweep.shape, strict=True))
    assert dict(results.sizes) == sizes | {dim: len(labels) for dim, labels in sweep.inner.items()}
    for dim, labels in sweep.axes.items():
        assert results[dim].values.tolist() == labels.tolist()
    for variable in (*results.data_vars.values(), *results.coords.values()):
        assert variable.attrs["long_name"], variable.name
        texts = variable.dtype.kind not in "iuf" or variable.name in ("fingerprint", "problem")
        assert texts or "units" in variable.attrs or "flag_values" in variable.attrs, variable.name


@pytest.mark.parametrize("name", [*SMALL, "layers"])
def test_results_lie_at_their_labels(store: Path, name: str) -> None:
    sweep = SMALL.get(name, LAYERS)
    results = raw(store, sweep)
    for block in make_plan(sweep, None).blocks[:3]:
        part = results.sel({dim: list(labels) for dim, labels in block.labels})
        for key, array in train_block(sweep.block(block)).arrays.items():
            there = part[key].values
            assert there.dtype == array.dtype
            assert there.tobytes() == np.ascontiguousarray(array).tobytes(), key


@pytest.mark.parametrize("name", [*SMALL, "layers"])
def test_fixed_axes_open_as_scalar_coordinates(store: Path, name: str) -> None:
    sweep = SMALL.get(name, LAYERS)
    data = open_results(store, sweep.group)
    for dim in sweep.places:
        assert data[dim].dims == (() if dim in sweep.fixed else (dim,)), dim
        assert data[dim].values.reshape(-1).tolist() == sweep.axes[dim].tolist()
    assert set(data["success_epoch"].dims) == sweep.axes.keys() - sweep.fixed.keys()


@pytest.mark.parametrize("name", [*SMALL, "layers"])
def test_what_is_opened_can_be_chunked_and_saved_again(store: Path, name: str, tmp_path: Path) -> None:
    sweep = SMALL.get(name, LAYERS)
    lazy = open_results(store, sweep.group, chunks={})
    data = open_results(store, sweep.group).load()
    xr.testing.assert_identical(lazy.load(), data)
    data.to_zarr(tmp_path / "saved", zarr_format=3, consolidated=False)
    again = xr.open_dataset(tmp_path / "saved", engine="zarr", consolidated=False)
    xr.testing.assert_equal(again, data)
    assert again.attrs == data.attrs


def test_coordinates_say_what_is_known_of_problems(store: Path) -> None:
    data = open_results(store, "boolean/dimensions")
    assert data["truth_table"].dims == data["degree"].dims == ("problem", "n_inputs")
    assert data["family"].dims == ("problem",)
    assert data["rows"].values.tolist() == [16, 32]
    assert (data["rows_right"] <= data["rows"]).all()
    rates = data.sweep.success_rate(["problem", "trial"])
    assert (rates["networks"] == 4 * 3).all()
    assert data.sweep.missing().empty
    assert open_results(store, "boolean/npn2")["rows"].item() == 4


def test_shares_of_rows_are_asked_of_any_sweep(store: Path) -> None:
    for group, rows in (("boolean/dimensions", [16, 32]), ("hypersphere/annulus", 40)):
        data = open_results(store, group).load()
        rate = data.sweep.success_rate("trial", at_least=0.75)["rate"]
        bar = xr.DataArray(0.75 * np.array(rows), dims=("n_inputs",) if isinstance(rows, list) else ())
        xr.testing.assert_allclose(
            rate.drop_vars(rate.coords), (data["rows_right"] >= bar).mean("trial").drop_vars(rate.coords)
        )


def test_combinations_that_were_not_asked_for_are_missing_values(store: Path) -> None:
    results = raw(store, LAYERS)
    asked = (results["problem"] == 1) | (results["widths"] == "8-4-2")
    np.testing.assert_array_equal(
        results["done"], asked.broadcast_like(results["done"]).transpose(*results["done"].dims)
    )
    group = stored_groups(str(store))["boolean/layers"]
    assert group.missing("problem", "trial")
    assert group.missing("problem", "trial", asked=asked_for(group)) == []
    lost = results.isel(problem=1).sel(widths="3-3")
    assert (lost["success_epoch"] == -2).all()
    assert lost["final_loss"].isnull().all()


def test_layers_of_unequal_widths_keep_their_zeros(store: Path) -> None:
    """A network 8-4-2 is one of width 8 with units of zeros, which training leaves zeros."""
    data = open_results(store, "boolean/layers").sel(widths="8-4-2", problem=1).load()
    of = network_of(data.isel(trial=[0]))
    network = of.protocol.network
    start, end = (data[name].isel(trial=0).values for name in ("snapshots", "parameters"))
    assert network.n_parameters == 8 * 4 + 2 * 8 * 9 + 9
    zeros = of.initial_parameters()[0] == 0
    assert 0 < zeros.sum() < zeros.size
    assert (end[zeros] == 0).all()
    assert (start[0] == of.initial_parameters()[0]).all()
    assert (end[~zeros] != start[0][~zeros]).any()


def test_a_network_is_described_by_the_store_alone(store: Path) -> None:
    """Its samples are drawn again and judged by its stored parameters."""
    results = open_results(store, "hypersphere/annulus")
    one = results.sel(n_inputs=2, loss="mse", leak=0.1, batch=20, inputs="raw", trial=2).load()
    of = network_of(one)
    rows = of.problem.draw(of.setting, of.labels, of.trials, of.seed)
    (points,), (targets,) = rows.inputs, rows.targets
    hidden, outer = np.split(one["parameters"].values, [9])
    z = points @ hidden.reshape(3, 3)[:, :2].T + hidden.reshape(3, 3)[:, 2]
    outputs = np.maximum(z, np.float32(0.1) * z) @ outer[:3] + outer[3]
    assert ((outputs > 0.5) == (targets > 0.5)).sum() == one["rows_right"]
    bodies: Any = of.problem
    curves = outline(
        bodies.bodies(of.setting, 40), of.protocol.network, one["parameters"], threshold=of.protocol.threshold
    )
    assert outline_kind(curves) in Outline
    with pytest.raises(ValueError, match=r"several labels of leak, trial; .* sel\(leak=0.0\)"):
        network_of(results.sel(n_inputs=2, loss="mse", batch=20, inputs="raw"))


def test_success_is_a_share_of_the_training_samples(store: Path) -> None:
    results = raw(store, SMALL["annulus"])
    succeeded = results["success_epoch"] == 20
    assert (succeeded == (results["rows_right"] >= 28)).all()
    assert 0 < int(succeeded.sum()) < succeeded.size
    assert results["shape"].attrs["flag_meanings"].split() == [shape.name.lower() for shape in Shape]


def test_fits_say_whether_the_bar_was_met(store: Path) -> None:
    results = raw(store, SMALL["sine"])
    ends = results["piece_stop"].max("piece")
    np.testing.assert_array_equal(ends, np.where(results["n_pieces"] <= 8, np.pi, ends))
    met = results["try_loss"] <= 0.3
    np.testing.assert_array_equal(results["success_epoch"], np.where(met, 30, -1))
    assert (results["tries"].where(~met, 4) == 4).all()


GROWTH: list[tuple[str, list[tuple[str, Any]]]] = [
    ("npn2", [("learning_rate", 0.025)]),  # one value, which grows to a list
    ("sine", [("width", [2]), ("depth", [1])]),  # networks of depth 2 have more parameters
    ("npn2", [("depth", [2]), ("trials", 1)]),  # 1 is inserted before it
    ("dimensions", [("classes", "none"), ("random", 0), ("n_inputs", [5])]),
    ("annulus", [("loss", ["mse"]), ("leak", [0.1])]),
]


@pytest.mark.parametrize(
    ("name", "first"),
    [GROWTH[0], pytest.param(*GROWTH[4]), *(pytest.param(*g, marks=pytest.mark.slow) for g in GROWTH[1:4])],
)
def test_extending_gives_what_one_run_gives(
    name: str, first: list[tuple[str, Any]], store: Path, workers: Address, tmp_path: Path
) -> None:
    whole = SMALL[name]
    part = changed(whole, first)
    assert ran(part, tmp_path / "grown", workers) == part.n_cells
    assert ran(whole, tmp_path / "grown", workers) == whole.n_cells - part.n_cells
    xr.testing.assert_identical(raw(tmp_path / "grown", whole), raw(store, whole))


def test_a_smaller_request_adds_nothing(store: Path, workers: Address) -> None:
    before = raw(store, SMALL["sine"])
    assert ran(changed(SMALL["sine"], [("width", [1]), ("trials", 2)]), store, workers) == 0
    xr.testing.assert_identical(raw(store, SMALL["sine"]), before)


def test_other_bars_are_further_labels(store: Path, workers: Address, tmp_path: Path) -> None:
    small = changed(SMALL["sine"], [("width", [2]), ("depth", [1])])
    assert ran(small, tmp_path / "store", workers) == 3
    assert ran(changed(small, [("bar", [0.2, 0.3])]), tmp_path / "store", workers) == 3
    data = open_results(tmp_path / "store", small.group)
    assert data["bar"].values.tolist() == [0.2, 0.3]
    assert (data["tries"].sel(bar=0.2) >= data["tries"].sel(bar=0.3)).all()  # the same starts


def test_blocks_do_not_matter(
    store: Path, workers: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = SMALL["dimensions"]
    shape = {"problem": 2, "trial": 2}
    monkeypatch.setattr("relusweep.tasks.problems.boolean.Boolean.block_shape", lambda self: shape)
    fresh = TrainingSweep.model_validate(sweep.model_dump())
    assert len(make_plan(fresh, None).blocks) == 2 * 2 * 2
    ran(fresh, tmp_path / "cut", workers)
    xr.testing.assert_identical(raw(tmp_path / "cut", sweep), raw(store, sweep))
