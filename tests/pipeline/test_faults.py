"""Nothing lost: real processes are killed, and the store holds what an undisturbed run gives."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
import xarray as xr

from cluster import Address, Local
from pipeline import dispatch
from pipeline.errors import SchedulerLost, WorkersLost
from pipeline.events import BlockDone, Event
from pipeline.overrides import find_sweep, override
from pipeline.plan import plan_store
from pipeline.run import run
from pipeline.sweep import BooleanSweep
from storage import open_dataset
from tasks.boolean.training import TrainingBlock, train_block

# Two dozen blocks of a good part of a second each: what fails to learn goes on to the last of many epochs.
LONG = ("width=2", "depth=1", "leak=0,0.1,0.2,0.3", "trials=600", "epochs=20000")

# A run that tells each block as it comes and is committed, so that the test knows what it may not lose.
DRIVER = """
import sys
from cluster import Address, Local
from pipeline import dispatch
from pipeline.events import BlockDone, Committed
from pipeline.run import run
from pipeline.sweep import BooleanSweep

def tell(event):
    if isinstance(event, BlockDone):
        print(event.block.key, flush=True)
    elif isinstance(event, Committed):
        print("committed", flush=True)

if __name__ == "__main__":
    sweep = BooleanSweep.model_validate_json(sys.argv[1])
    run(sweep, sys.argv[2], Local(workers=2), listeners=[tell], commit_every=0.5)
"""


@pytest.fixture(scope="module")
def sweep() -> BooleanSweep:
    return override(find_sweep("npn3"), LONG)


@pytest.fixture(scope="module")
def undisturbed(sweep: BooleanSweep, tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    store = tmp_path_factory.mktemp("undisturbed") / "store"
    run(sweep, str(store), Local(workers=2))
    return _results(store, sweep)


def _results(store: Path, sweep: BooleanSweep) -> xr.Dataset:
    return open_dataset(store, sweep.group, mask_and_scale=False).load()


def _workers() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [child for child in children if any("spawn_main" in word for word in child.cmdline())]


def test_a_worker_killed_in_mid_block(sweep: BooleanSweep, undisturbed: xr.Dataset, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill(event: Event) -> None:
        if isinstance(event, BlockDone) and not killed:  # both workers are at their next blocks now
            victim = _workers()[0]
            victim.kill()
            killed.append(victim.pid)

    finished = run(sweep, str(tmp_path / "store"), Local(workers=2), listeners=[kill])
    assert killed
    assert not finished.failed
    xr.testing.assert_identical(_results(tmp_path / "store", sweep), undisturbed)


def test_a_block_that_kills_its_workers_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def task(block: TrainingBlock) -> object:  # a closure, so that it travels to the workers by value
        if block.protocol.network.leak == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return train_block(block)

    monkeypatch.setattr("pipeline.sweep.train_block", task)
    sweep = override(find_sweep("npn2"), ["width=2", "depth=1", "trials=4", "epochs=60"])
    finished = run(sweep, str(tmp_path / "store"), Local(workers=2))
    assert [failure.block["leak"] for failure in finished.failed] == [(0.0,)]
    assert "KilledWorker" in finished.failed[0].error
    assert _results(tmp_path / "store", sweep)["done"].sel(leak=0.1).all()


@contextmanager
def _scheduler_with_worker(folder: Path) -> Iterator[tuple[list[subprocess.Popen[bytes]], str]]:
    file = folder / "scheduler.json"
    roles = (
        ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"],
        ["worker", "--nthreads", "1", "--no-nanny"],
    )
    with ExitStack() as stack:
        processes = []
        for role, *options in roles:
            command = [
                sys.executable,
                "-m",
                f"distributed.cli.dask_{role}",
                *options,
                "--scheduler-file",
                file,
            ]
            environment = {**os.environ, "PYTHONSAFEPATH": "1"}
            process = subprocess.Popen(command, env=environment, cwd=folder, stderr=subprocess.DEVNULL)
            processes.append(stack.enter_context(process))
            stack.callback(process.terminate)
        while not file.exists():
            time.sleep(0.05)
        yield processes, json.loads(file.read_text())["address"]


def test_the_scheduler_killed_in_mid_run(
    sweep: BooleanSweep, undisturbed: xr.Dataset, tmp_path: Path
) -> None:
    with _scheduler_with_worker(tmp_path) as ((scheduler, _), address):

        def kill(event: Event) -> None:
            if isinstance(event, BlockDone):
                scheduler.kill()

        with pytest.raises(SchedulerLost, match="run the same command again"):
            run(sweep, str(tmp_path / "store"), Address(address=address, timeout=30), listeners=[kill])
    assert 0 < int(_results(tmp_path / "store", sweep)["done"].sum()) < sweep.n_cells
    run(sweep, str(tmp_path / "store"), Local(workers=2))
    xr.testing.assert_identical(_results(tmp_path / "store", sweep), undisturbed)


def test_all_workers_killed_in_mid_run(
    sweep: BooleanSweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_PATIENCE", 1.0)
    monkeypatch.setattr(dispatch, "_LOOK_EVERY", 0.2)
    with _scheduler_with_worker(tmp_path) as ((_, worker), address):

        def kill(event: Event) -> None:
            if isinstance(event, BlockDone):
                worker.kill()

        with pytest.raises(WorkersLost, match="no worker for"):
            run(sweep, str(tmp_path / "store"), Address(address=address, timeout=30), listeners=[kill])
    assert 0 < int(_results(tmp_path / "store", sweep)["done"].sum()) < sweep.n_cells


def _told_until_killed(sweep: BooleanSweep, store: Path, seconds: float) -> list[str]:
    """Start a run, kill it some time after its first block, and give what it told."""
    command = [sys.executable, "-c", DRIVER, sweep.model_dump_json(), str(store)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(seconds)
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        told = [first, *process.stdout]
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive, "workers outlive their run"
    return [line.strip() for line in told if line.endswith("\n")]


def test_the_run_killed_at_random_moments(
    sweep: BooleanSweep, undisturbed: xr.Dataset, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    seed = random.randrange(2**32)
    print(f"seed of the moments: {seed}")  # shown when the test fails
    moments = random.Random(seed)
    every = {block.key for block in plan_store(sweep, str(tmp_path / "nowhere")).blocks}
    stored: set[str] = set()
    for _ in range(5):
        told = _told_until_killed(sweep, store, moments.uniform(0, 1.5))
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
    xr.testing.assert_identical(_results(store, sweep), undisturbed)


def _last(lines: list[str], line: str) -> int:
    """Position of the last such line, 0 if there is none."""
    return max((position for position, other in enumerate(lines) if other == line), default=0)
