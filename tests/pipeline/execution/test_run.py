from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from relusweep.cluster import Address, Local
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.common.errors import IncompleteRun, SpecificationChanged
from relusweep.pipeline.common.run_facts import run_facts
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import (
    BlockDone,
    BlockFailed,
    Committed,
    Event,
    PlanStarted,
    RunFinished,
)
from relusweep.pipeline.planning.plan import make_plan
from relusweep.pipeline.sweeps.blocks import Schedule
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage import Committer, StoreLocked, history
from relusweep.tasks.training_block import TrainingBlock, train_block
from tests.pipeline.conftest import SMALL
from tests.seams import computing


def _results(store: Path, sweep: TrainingSweep) -> xr.Dataset:
    return open_results(store, sweep.group, mask_and_scale=False).load()


def _run(
    sweep: TrainingSweep, store: Path, workers: Address | Local, **options: Any
) -> tuple[RunFinished, list[Event]]:
    events: list[Event] = []
    finished = run(
        sweep, str(store), workers, listeners=[events.append, *options.pop("listeners", [])], **options
    )
    return finished, events


@pytest.fixture(scope="module")
def whole(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """What one run of `small` gives."""
    store, sweep = tmp_path_factory.mktemp("whole") / "store", override(find_sweep("npn2"), SMALL)
    _run(sweep, store, workers)
    return _results(store, sweep)


def test_a_run_fills_the_store(small: TrainingSweep, workers: Address, tmp_path: Path) -> None:
    finished, events = _run(small, tmp_path / "store", workers, commit_every=0.0)
    results = _results(tmp_path / "store", small)
    assert dict(results.sizes) == {"problem": 4, "leak": 2, "width": 2, "depth": 1, "trial": 4}
    assert results["done"].all()
    assert (results["fingerprint"] == small.fingerprint).all()
    assert set(results.coords) == {
        *small.axes,
        "rows",
        "truth_table",
        "swaps",
        "degree",
        "influence",
        "entropy",
        "class_size",
    }
    assert results["truth_table"].values.tolist() == ["0000", "0001", "0011", "0110"]
    assert results["swaps"].values.tolist() == [0, 1, 1, 2]
    assert results["class_size"].values.tolist() == [2, 8, 4, 2]
    assert TrainingSweep.model_validate_json(results.attrs["specification"]) == small
    assert not finished.failed
    assert not finished.interrupted
    kinds = [type(event) for event in events]
    assert kinds[0] is PlanStarted
    assert kinds[-2:] == [Committed, RunFinished]
    assert kinds.count(BlockDone) == 4
    successes = sum(event.successes for event in events if isinstance(event, BlockDone))
    assert successes == int((results["success_epoch"] >= 0).sum()) > 0


def test_results_lie_at_their_labels(small: TrainingSweep, whole: xr.Dataset) -> None:
    blocks = make_plan(override(small, ["problems=3", "leak=0.1", "width=4"]), None).blocks
    block = replace(small.block(blocks[0]), trials=range(1, 3))
    for name, array in train_block(block).arrays.items():
        part = whole[name].sel(problem=3, leak=0.1, width=4, depth=1, trial=[1, 2])
        assert part.dtype == array.dtype
        assert part.values.tolist() == array[0].tolist()


def test_facts_are_kept_with_the_last_commit(small: TrainingSweep, workers: Address, tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    finished, _ = _run(small, tmp_path / "store", workers, command="relusweep run npn2")
    facts = run_facts(store, small.group)
    assert facts["snapshot"] == history(store)[0].id
    for name in ("networks", "network_epochs", "kernel_seconds", "compile_seconds", "workers", "command"):
        assert facts[name] == finished.facts[name]
    assert facts["networks"] == small.n_cells
    assert facts["workers"] == 2
    assert 0 < facts["kernel_seconds"] < facts["worker_cpu_seconds"]
    assert 0 <= facts["idle_share"] < 1
    assert 0 <= facts["idle_at_end_share"] < 1
    assert facts["worker_peak_bytes"] + facts["client_peak_bytes"] <= facts["peak_bytes"]
    assert run_facts(store, "boolean/other") == {}


def test_running_again_computes_nothing(small: TrainingSweep, workers: Address, tmp_path: Path) -> None:
    _run(small, tmp_path / "store", workers)
    before = history(tmp_path / "store")
    finished, events = _run(small, tmp_path / "store", Local(workers=1))
    assert [type(event) for event in events] == [PlanStarted, RunFinished]
    assert finished.facts["networks"] == 0
    assert history(tmp_path / "store") == before


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (["trials=2"], []),
        (["width=4"], []),  # 2 is inserted before it
        (["leak=0"], []),
        (["problems=0,3"], []),  # 1 and 6 go between and behind
        (["trials=3", "width=2", "problems=1"], []),
        ([], ["trials=1", "width=2"]),  # a smaller request adds nothing
    ],
    ids=["trials", "width", "leak", "problems", "all", "smaller"],
)
def test_extending_gives_what_one_run_gives(
    first: list[str],
    then: list[str],
    small: TrainingSweep,
    workers: Address,
    whole: xr.Dataset,
    tmp_path: Path,
) -> None:
    _run(override(small, first), tmp_path / "grown", workers)
    _, events = _run(override(small, then), tmp_path / "grown", workers)
    xr.testing.assert_identical(_results(tmp_path / "grown", small), whole)
    again = sum(event.block.cells for event in events if isinstance(event, BlockDone))
    assert again == (0 if then else small.n_cells - override(small, first).n_cells)


class Cut(TrainingSweep):
    """In smaller blocks."""

    @property
    def schedule(self) -> Schedule:
        whole = super().schedule
        shape = {**whole.block_shape, "problem": 2, "trial": 3}
        return replace(whole, block_shape=shape, chunks=shape)


def test_blocks_do_not_matter(
    small: TrainingSweep, workers: Address, whole: xr.Dataset, tmp_path: Path
) -> None:
    _, events = _run(Cut.model_validate(small.model_dump()), tmp_path / "cut", workers)
    assert sum(isinstance(event, BlockDone) for event in events) == 16
    xr.testing.assert_identical(_results(tmp_path / "cut", small), whole)


def test_a_changed_specification_is_refused_until_asked_for(
    small: TrainingSweep, workers: Address, tmp_path: Path
) -> None:
    _run(small, tmp_path / "store", workers)
    before = history(tmp_path / "store")
    changed = override(small, ["seed=1", "epochs=5"])
    with pytest.raises(SpecificationChanged, match="seed: 0 in the store, 1 asked"):
        _run(changed, tmp_path / "store", workers)
    assert history(tmp_path / "store") == before
    _run(changed, tmp_path / "store", workers, replace=True)
    assert _results(tmp_path / "store", changed)["success_epoch"].max() < 6
    old = open_results(tmp_path / "store", small.group, as_of=before[0].written_at)
    assert TrainingSweep.model_validate_json(old.attrs["specification"]) == small
    again, _ = _run(override(changed, ["trials=5"]), tmp_path / "store", workers, replace=True)
    assert again.facts["networks"] == changed.n_cells // 4  # what was started anew is gone on with


def test_a_second_run_on_the_store_is_refused(small: TrainingSweep, workers: Address, tmp_path: Path) -> None:
    with Committer(tmp_path / "store", create=True), pytest.raises(StoreLocked, match=str(os.getpid())):
        _run(small, tmp_path / "store", workers)


def test_a_block_that_raises_is_reported_and_the_rest_completes(
    small: TrainingSweep, workers: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def task(block: TrainingBlock) -> object:  # a closure, so that it travels to the workers by value
        if block.protocol.network.width == 4:
            raise ValueError("not to its liking")
        return train_block(block)

    monkeypatch.setattr(TrainingSweep, "task", computing(task))
    finished, events = _run(small, tmp_path / "store", workers)
    assert {failure.block["width"] for failure in finished.failed} == {(4,)}
    assert len(finished.failed) == sum(isinstance(event, BlockFailed) for event in events) == 2
    assert finished.failed[0].error == "ValueError: not to its liking"
    done = _results(tmp_path / "store", small)["done"]
    assert done.sel(width=2).all()
    assert not done.sel(width=4).any()

    monkeypatch.undo()
    finished, events = _run(small, tmp_path / "store", workers)
    assert not finished.failed
    assert {event.block["width"] for event in events if isinstance(event, BlockDone)} == {(4,)}


def test_a_run_that_left_something_out_does_not_report_success(
    small: TrainingSweep, workers: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Committer.write

    def forgetful(self: Committer, group: str, region: dict[str, slice], *rest: Any) -> None:
        if region["leak"].start == 0:
            write(self, group, region, *rest)

    monkeypatch.setattr(Committer, "write", forgetful)
    with pytest.raises(IncompleteRun, match="2 blocks are not in the store"):
        _run(small, tmp_path / "store", workers)


def test_an_interrupt_commits_what_has_come(small: TrainingSweep, workers: Address, tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        if isinstance(event, BlockDone):
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    finished, events = _run(small, tmp_path / "store", workers, listeners=[interrupt])
    assert finished.interrupted
    assert signal.getsignal(signal.SIGINT) is before
    came = [event.block for event in events if isinstance(event, BlockDone)]
    assert int(_results(tmp_path / "store", small)["done"].sum()) == sum(block.cells for block in came)
    _, events = _run(small, tmp_path / "store", workers)
    assert not {event.block for event in events if isinstance(event, BlockDone)} & set(came)
    assert _results(tmp_path / "store", small)["done"].all()
