"""The sine sweep: its specification, its run from the plan to the store, and its extension in place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from relusweep.tasks.sine import fit_block

from relusweep.cluster import Address
from relusweep.pipeline.common.errors import InvalidSweep, SpecificationChanged
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, Event
from relusweep.pipeline.planning.plan import make_plan
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage import open_dataset
from relusweep.tasks.training import Network, Protocol, Restarts, Sgd

SMALL = (
    "width=1,2",
    "depth=1,2",
    "trials=3",
    "points=16",
    "epochs=30",
    "restarts.bar=0.3",
    "restarts.most=3",
    "restarts.further_epochs=20",
    "most_pieces=8",
)


@pytest.fixture
def small() -> TrainingSweep:
    return override(find_sweep("sine"), SMALL)


def _results(store: Path, sweep: TrainingSweep) -> xr.Dataset:
    return open_dataset(store, sweep.group, mask_and_scale=False).load()


def _run(sweep: TrainingSweep, store: Path, workers: Address) -> int:
    """Run a sweep; count the networks that it trained."""
    events: list[Event] = []
    finished = run(sweep, str(store), workers, listeners=[events.append])
    assert not finished.failed
    return sum(event.block.cells for event in events if isinstance(event, BlockDone))


def test_the_named_sweep_is_that_of_the_source() -> None:
    sweep = find_sweep("sine")
    assert isinstance(sweep, TrainingSweep)
    assert sweep.shape == (10, 10, 10)
    assert (sweep.width, sweep.depth) == (tuple(range(1, 11)), tuple(range(1, 11)))
    assert sweep.points == 100
    assert sweep.restarts == Restarts(bar=0.45, most=1000, further_epochs=1000)
    assert sweep.protocol(3, 7) == Protocol(
        network=Network(n_inputs=1, width=3, depth=7, leak=0.0, bias="uniform"),
        loss="mse",
        optimizer=Sgd(learning_rate=0.1, momentum=0.0),
        epochs=200,
        stop="last_epoch",
    )


def test_a_run_fills_the_store(small: TrainingSweep, workers: Address, tmp_path: Path) -> None:
    assert _run(small, tmp_path / "store", workers) == 12
    results = _results(tmp_path / "store", small)
    assert dict(results.sizes) == {"width": 2, "depth": 2, "trial": 3, "piece": 8, "parameter": 13}
    assert set(results.coords) == set(results.sizes)
    assert results["done"].all()
    assert (results["fingerprint"] == small.fingerprint).all()
    assert results.attrs["kind"] == "sine"
    assert TrainingSweep.model_validate_json(results.attrs["specification"]) == small
    for name, array in results.variables.items():
        assert array.attrs["long_name"], name
    ends = results["piece_stop"].max("piece")
    np.testing.assert_array_equal(ends, np.where(results["n_pieces"] <= 8, np.pi, ends))
    met = results["try_loss"] <= 0.3
    np.testing.assert_array_equal(results["success_epoch"], np.where(met, 30, -1))
    assert (results["tries"].where(~met, 4) == 4).all()


def test_results_lie_at_their_labels(small: TrainingSweep, workers: Address, tmp_path: Path) -> None:
    _run(small, tmp_path / "store", workers)
    results = _results(tmp_path / "store", small)
    block = next(
        block for block in make_plan(small, None).blocks if block["width"] + block["depth"] == (2, 1)
    )
    _, argument = small.task(block, "no store")
    for name, array in fit_block(argument).arrays.items():
        part = results[name].sel(width=2, depth=1).to_numpy()
        assert (part.dtype, part.tobytes()) == (array.dtype, array.tobytes()), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "then"),
    [
        (["trials=2"], []),
        (["width=2"], []),  # 1 is inserted before it
        (["depth=1"], []),  # networks of depth 2 have more parameters
        ([], ["depth=1", "trials=1"]),  # a smaller request adds nothing
        (["width=1"], ["width=2", "depth=1"]),  # neither holds the other; the store holds both
    ],
    ids=["trials", "width", "depth", "smaller", "aside"],
)
def test_extending_gives_what_one_run_gives(
    first: list[str], then: list[str], small: TrainingSweep, workers: Address, tmp_path: Path
) -> None:
    _run(small, tmp_path / "whole", workers)
    _run(override(small, first), tmp_path / "grown", workers)
    trained = _run(override(small, then), tmp_path / "grown", workers)
    grown, whole = (_results(tmp_path / name, small) for name in ("grown", "whole"))
    if then == ["width=2", "depth=1"]:
        assert trained == 3
        whole = whole.where(grown["done"])
        grown = grown.where(grown["done"])
    xr.testing.assert_equal(grown, whole)


def test_blocks_do_not_matter(
    small: TrainingSweep, workers: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(small, tmp_path / "whole", workers)
    monkeypatch.setattr("relusweep.pipeline.sweeps.sine.TRIALS_PER_BLOCK", 2)
    assert len(make_plan(small, None).blocks) == 8
    _run(small, tmp_path / "cut", workers)
    xr.testing.assert_identical(_results(tmp_path / "cut", small), _results(tmp_path / "whole", small))


def test_another_bar_is_another_specification(small: TrainingSweep, workers: Address, tmp_path: Path) -> None:
    _run(override(small, ["width=2", "depth=1"]), tmp_path / "store", workers)
    with pytest.raises(SpecificationChanged, match=r"restarts.bar: 0.3 in the store, 0.2 asked"):
        _run(override(small, ["restarts.bar=0.2"]), tmp_path / "store", workers)


def test_the_plan_knows_the_bytes_of_a_network(small: TrainingSweep) -> None:
    layout = small.layout("")
    arrays = (
        np.dtype(variable.dtype).itemsize * np.prod(layout.shape(variable.dims))
        for variable in layout.arrays().values()
    )
    assert make_plan(small, None).nbytes == sum(arrays)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("width=0", "whole numbers of at least 1"),
        ("trials=0", "a whole number of at least 1"),
        ("points=1", "2 to 100 000"),
        ("leak=2", "a number from 0 to 1"),
        ("restarts.bar=inf", "restarts.bar = 'inf'.*a finite number"),
        ("restarts.most=-1", "0 to 1 000 000"),
        ("restarts.tries=3", "no field 'restarts.tries'"),
        ("most_pieces=0", "1 to 100 000"),
        ("bar=0.4", "no field 'bar'"),
    ],
)
def test_what_the_specification_forbids_is_refused(small: TrainingSweep, setting: str, message: str) -> None:
    with pytest.raises(InvalidSweep, match=message):
        override(small, [setting])


def test_work_grows_with_the_tries_that_narrow_deep_networks_need() -> None:
    sweep = find_sweep("sine")
    work = {
        block["width"] + block["depth"]: sweep.schedule.cost(block) for block in make_plan(sweep, None).blocks
    }
    assert max(work, key=work.__getitem__) == (1, 10)
    assert work[1, 10] > 50 * work[1, 1]
    assert work[10, 10] > work[10, 9] > work[9, 9]
    leaky = override(sweep, ["leak=0.1"])
    (block,) = make_plan(override(leaky, ["width=1", "depth=10"]), None).blocks
    assert leaky.schedule.cost(block) == 10 * 1400 * 22 * 100
