"""Sweeps of five inputs: measured first, by the workers, then trained; small parts of `npn5`."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from relusweep.cluster import Address, Local
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.common.queries import success_rate
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, Event, PlanStarted, RunFinished
from relusweep.pipeline.sweeps.computed import ComputedSweep
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks.boolean.ids import classes_of
from relusweep.tasks.boolean.measures import measure
from relusweep.tasks.quantities import QuantityBlock, compute_block
from tests.seams import computing

MEASURED = "boolean/measures5"


def _ids(step: int) -> list[int]:
    """Some dozens of classes, and one of the eight of most swaps."""
    return sorted({*classes_of(5).representative[::step].tolist(), 26990475})


def _part(ids: list[int], *settings: str) -> TrainingSweep:
    return override(
        SWEEPS["npn5"], ["trials=2", "epochs=60", f"problems={','.join(map(str, ids))}", *settings]
    )


def _run(sweep: TrainingSweep, store: Path, workers: Address | Local, *listeners: Any) -> list[Event]:
    events: list[Event] = []
    run(sweep, str(store), workers, listeners=[events.append, *listeners])
    return events


def _came(events: list[Event]) -> dict[str, int]:
    """Cells that were computed, by sweep."""
    cells: dict[str, int] = {}
    for event in events:
        if isinstance(event, BlockDone):
            cells[event.block.sweep] = cells.get(event.block.sweep, 0) + event.block.cells
    return cells


def _results(store: Path, group: str) -> xr.Dataset:
    return open_results(store, group, mask_and_scale=False).load()


def test_measures_come_first_and_become_coordinates(workers: Address, tmp_path: Path) -> None:
    ids = _ids(20_000)
    events = _run(_part(ids), tmp_path / "store", workers)
    assert [event.plan.sweep.name for event in events if isinstance(event, PlanStarted)] == [
        "measures5",
        "npn5",
    ]
    assert _came(events) == {"measures5": len(ids), "npn5": 2 * len(ids)}
    results = _results(tmp_path / "store", "boolean/npn5")
    assert results["done"].all()
    for name, values in measure(np.array(ids, np.uint64), 5).items():
        assert results.coords[name].dims == ("problem",)
        assert results[name].values.tolist() == values.tolist()
    assert int(results["swaps"].sel(problem=26990475)) == 9
    assert len(results["truth_table"].values[0]) == 32
    measured = _results(tmp_path / "store", MEASURED)
    assert measured["done"].all()
    assert measured["problem"].values.tolist() == ids


@pytest.mark.slow
def test_what_is_measured_is_measured_once(workers: Address, tmp_path: Path) -> None:
    few, many = _ids(40_000), _ids(20_000)
    _run(_part(few), tmp_path / "store", workers)
    assert _came(_run(_part(few, "trials=3"), tmp_path / "store", workers)) == {"npn5": len(few)}
    assert _came(_run(_part(few, "name=other"), tmp_path / "store", workers)) == {"other": 2 * len(few)}
    grown = _came(_run(_part(many), tmp_path / "store", workers))
    assert grown == {"measures5": len(many) - len(few), "npn5": 2 * (len(many) - len(few))}
    _run(_part(many), tmp_path / "whole", workers)
    xr.testing.assert_identical(
        _results(tmp_path / "store", MEASURED), _results(tmp_path / "whole", MEASURED)
    )
    part = _results(tmp_path / "store", "boolean/npn5").isel(trial=slice(2))
    xr.testing.assert_equal(part, _results(tmp_path / "whole", "boolean/npn5"))


def test_stopped_while_measuring_it_goes_on(
    workers: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relusweep.tasks.problems.boolean._CLASSES_PER_BLOCK", 8)
    ids = _ids(20_000)

    def interrupt(event: Event) -> None:
        if isinstance(event, BlockDone):
            os.kill(os.getpid(), signal.SIGINT)

    events = _run(_part(ids), tmp_path / "store", workers, interrupt)
    before = _came(events)
    assert isinstance(events[-1], RunFinished)
    assert events[-1].interrupted
    assert set(before) == {"measures5"}
    after = _came(_run(_part(ids), tmp_path / "store", workers))
    assert after == {"measures5": len(ids) - before["measures5"], "npn5": 2 * len(ids)}


def test_nothing_is_trained_where_measuring_failed(
    workers: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def task(block: QuantityBlock) -> object:  # a closure, so that it travels to the workers by value
        if 0 in block.labels["problem"]:
            raise ValueError("not to its liking")
        return compute_block(block)

    monkeypatch.setattr("relusweep.tasks.problems.boolean._CLASSES_PER_BLOCK", 8)
    monkeypatch.setattr(ComputedSweep, "task", computing(task, ComputedSweep))
    ids = _ids(20_000)
    events = _run(_part(ids), tmp_path / "store", workers)
    assert isinstance(events[-1], RunFinished)
    assert [failure.error for failure in events[-1].failed] == ["ValueError: not to its liking"]
    assert _came(events) == {"measures5": len(ids) - 8}
    monkeypatch.undo()
    assert _came(_run(_part(ids), tmp_path / "store", workers)) == {"measures5": 8, "npn5": 2 * len(ids)}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_all_of_npn5_with_one_trial(tmp_path: Path) -> None:
    _run(override(SWEEPS["npn5"], ["trials=1", "epochs=100"]), tmp_path / "store", Local())
    results = open_results(tmp_path / "store", "boolean/npn5")
    assert bool(results["done"].all())
    counts = np.bincount(results["swaps"].values)
    assert counts.tolist() == [1, 62, 1205, 12152, 74879, 210804, 261679, 54216, 1120, 8]
    assert (success_rate(results, ["problem", "trial"])["networks"] == 616_126).all()  # of each size
