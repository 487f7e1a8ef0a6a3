"""Nothing lost: real processes are killed, and the store holds what an undisturbed run gives."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import xarray as xr

from benchmarks.sites.machines import DRIVER, local_workers, machines, results
from relusweep.cluster import Local
from relusweep.pipeline.common.errors import SchedulerLost, WorkersLost
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.execution.settings import RunSettings
from relusweep.pipeline.monitoring.events import BlockDone, Event
from relusweep.pipeline.planning.plan import plan_store
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks.training_block import TrainingBlock, train_block
from tests.faults.disturbed import resumed_is_undisturbed
from tests.seams import computing


def test_a_worker_killed_in_mid_block(sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill(event: Event) -> None:
        if isinstance(event, BlockDone) and not killed:  # both workers are at their next blocks now
            victim = local_workers()[0]
            victim.kill()
            killed.append(victim.pid)

    finished = run(sweep, str(tmp_path / "store"), Local(workers=2), listeners=[kill])
    assert killed
    assert not finished.failed
    resumed_is_undisturbed(sweep, tmp_path / "store", undisturbed, lacking=False)


def test_a_block_that_kills_its_workers_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def task(block: TrainingBlock) -> object:  # a closure, so that it travels to the workers by value
        if block.protocol.network.leak == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return train_block(block)

    monkeypatch.setattr(TrainingSweep, "task", computing(task))
    sweep = override(find_sweep("npn2"), ["width=2", "depth=1", "trials=4", "epochs=60"])
    finished = run(sweep, str(tmp_path / "store"), Local(workers=2))
    assert [failure.block["leak"] for failure in finished.failed] == [(0.0,)]
    assert "KilledWorker" in finished.failed[0].error
    assert results(tmp_path / "store", sweep)["done"].sel(leak=0.1).all()


def test_the_scheduler_killed_in_mid_run(
    sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path
) -> None:
    with machines(tmp_path) as at:

        def kill(event: Event) -> None:
            if isinstance(event, BlockDone):
                at.scheduler.kill()

        with pytest.raises(SchedulerLost, match="run the same command again"):
            run(sweep, str(tmp_path / "store"), at.cluster, listeners=[kill])
    assert results(tmp_path / "store", sweep)["done"].any()
    resumed_is_undisturbed(sweep, tmp_path / "store", undisturbed, lacking=True)


@pytest.mark.cluster
def test_all_workers_killed_in_mid_run(sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path) -> None:
    settings = RunSettings(worker_timeout=1.0, worker_check=0.2)
    with machines(tmp_path) as at:

        def kill(event: Event) -> None:
            if isinstance(event, BlockDone):
                at.workers[0].kill()

        with pytest.raises(WorkersLost, match="no worker for"):
            run(sweep, str(tmp_path / "store"), at.cluster, listeners=[kill], settings=settings)
    assert results(tmp_path / "store", sweep)["done"].any()
    resumed_is_undisturbed(sweep, tmp_path / "store", undisturbed, lacking=True)


def _told_until_killed(sweep: TrainingSweep, store: Path, lines: int, seconds: float) -> list[str]:
    """Start a run, kill it some time after it told so many lines, and give what it told."""
    command = [
        sys.executable,
        "-c",
        DRIVER,
        sweep.model_dump_json(),
        str(store),
        Local(workers=2).model_dump_json(),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(lines)]
        time.sleep(seconds)
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        told += process.stdout
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive, "workers outlive their run"
    return [line.strip() for line in told if line.endswith("\n")]


@pytest.mark.cluster
def test_the_run_killed_at_random_moments(
    sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    seed = random.randrange(2**32)
    print(f"seed of the moments: {seed}")  # shown when the test fails
    moments = random.Random(seed)
    every = {block.key for block in plan_store(sweep, str(tmp_path / "nowhere")).blocks}
    stored: set[str] = set()
    for _ in range(5):
        # How far a run is after so many seconds, a busy machine decides; after so many lines it does not.
        told = _told_until_killed(sweep, store, moments.randint(1, 5), moments.uniform(0, 0.5))
        came = [line for line in told if line != "committed"]
        assert not stored.intersection(came), "a block that was in the store ran again"
        announced = told[: _last(told, "committed")]
        before, stored = stored, every - {block.key for block in plan_store(sweep, str(store)).blocks}
        # The kill may have cut off the announcement of a commit, but never undoes one.
        assert before.union(announced) - {"committed"} <= stored <= before.union(came)
    assert stored, "the kills came too early to test anything"

    events: list[Event] = []
    run(sweep, str(store), Local(workers=2), listeners=[events.append])  # no lock is in the way
    assert sorted(event.block.key for event in events if isinstance(event, BlockDone)) == sorted(
        every - stored
    )
    xr.testing.assert_identical(results(store, sweep), undisturbed)


def _last(lines: list[str], line: str) -> int:
    """Position of the last such line, 0 if there is none."""
    return max((position for position, other in enumerate(lines) if other == line), default=0)
