"""Workers too large, frozen, or killed by a block, at a scheduler that the run does not own."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import xarray as xr
from distributed import Client
from relusweep.tasks.boolean.training import TrainingBlock, train_block

from benchmarks.sites.machines import Machines, machines, results, wait_until
from relusweep.cluster import Local
from relusweep.pipeline.monitoring.events import BlockFailed, Committed
from relusweep.pipeline.planning.plan import plan_store
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks.blocks import BlockResult
from tests.faults.disturbed import once, resumed_is_undisturbed, told
from tests.seams import computing

pytestmark = pytest.mark.cluster

Task = Callable[[TrainingBlock], BlockResult]


def _hungry(marks: Path) -> Task:
    """Make a task that, the first time it is tried, takes more memory than there is."""

    def task(block: TrainingBlock) -> BlockResult:  # a closure, so that it travels to the workers by value
        if block.protocol.network.leak == 0 and not marks.exists():
            marks.write_text(str(os.getpid()))
            hoard = bytearray(os.urandom(2**20)) * 1500
            time.sleep(120)  # what watches over the memory looks now and then
            raise MemoryError(len(hoard))
        return train_block(block)

    return task


def test_a_worker_over_its_memory_limit(
    sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainingSweep, "task", computing(_hungry(tmp_path / "hungry")))
    limited = ("--memory-limit", "1GiB", "--nanny")
    with machines(tmp_path, workers=2, options=limited) as at:
        story = told(sweep, tmp_path / "store", at.cluster)
        alive = {child.pid for nanny in at.workers for child in nanny.children(recursive=True)}
    assert int((tmp_path / "hungry").read_text()) not in alive, "nobody killed it"
    assert not story.of(BlockFailed)
    monkeypatch.undo()
    resumed_is_undisturbed(sweep, tmp_path / "store", undisturbed, lacking=False)


def _wake(frozen: signal.Signals, at: Machines, woken: list[int]) -> None:
    """Wait until the scheduler has given a frozen worker up, and let it go on."""
    with Client(at.cluster.address, set_as_default=False) as client:
        wait_until(lambda: len(client.nthreads()) == 1)
    os.kill(at.workers[0].pid, frozen)
    woken.append(at.workers[0].pid)


def test_a_frozen_worker_that_wakes_up(sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path) -> None:
    woken: list[int] = []
    with machines(tmp_path, workers=2, settings={"scheduler.worker-ttl": "2s"}) as at:
        waking = threading.Thread(target=_wake, args=(signal.SIGCONT, at, woken))

        def freeze() -> None:
            at.workers[0].suspend()
            waking.start()

        story = told(sweep, tmp_path / "store", at.cluster, once(freeze))
        waking.join()
    assert woken, "the frozen worker was never given up"
    assert not story.of(BlockFailed)
    assert len(story.keys()) == len(set(story.keys()))
    resumed_is_undisturbed(sweep, tmp_path / "store", undisturbed, lacking=False)


def test_a_worker_frozen_for_good(sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path) -> None:
    with machines(tmp_path, workers=2, settings={"scheduler.worker-ttl": "2s"}) as at:
        story = told(sweep, tmp_path / "store", at.cluster, once(at.workers[0].suspend))
    assert not story.of(BlockFailed)
    resumed_is_undisturbed(sweep, tmp_path / "store", undisturbed, lacking=False)


@pytest.mark.parametrize("allowed", [0, 3])
def test_a_poison_block_fails_alone_wherever_it_runs(
    allowed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scheduler of somebody else's counts the innocent too: with 0, one death is enough."""

    def task(block: TrainingBlock) -> BlockResult:
        network = block.protocol.network
        if (network.leak, network.width) == (0, 2):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.3)  # innocent, and there when the others die
        return train_block(block)

    sweep = override(find_sweep("npn2"), ["width=2..5", "depth=1", "trials=4", "epochs=60"])
    undisturbed = told(sweep, tmp_path / "undisturbed", Local(workers=2))
    assert undisturbed.finished
    monkeypatch.setattr(TrainingSweep, "task", computing(task))
    settings = {"scheduler.allowed-failures": allowed, "scheduler.worker-saturation": "inf"}
    two_at_a_time = ("--nanny", "--nthreads", "2", "--memory-limit", "0")
    with machines(tmp_path, workers=1, options=two_at_a_time, settings=settings) as at:
        story = told(sweep, tmp_path / "store", at.cluster)
    failed = [event for event in story.of(BlockFailed) if isinstance(event, BlockFailed)]
    assert [event.block["leak"] + event.block["width"] for event in failed] == [(0.0, 2)]
    assert "KilledWorker" in failed[0].error
    assert story.finished
    assert story.finished.failed == tuple(failed)
    left = plan_store(sweep, str(tmp_path / "store")).blocks
    assert left == (failed[0].block,)  # reported, and still to be done

    monkeypatch.undo()
    resumed_is_undisturbed(sweep, tmp_path / "store", results(tmp_path / "undisturbed", sweep), lacking=True)


def test_workers_that_die_again_and_again(
    sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path
) -> None:
    """At no allowed failure at all every death blames an innocent block: none fails for it."""
    nannied = ("--nanny", "--memory-limit", "0")
    with machines(tmp_path, workers=2, options=nannied, settings={"scheduler.allowed-failures": 0}) as at:

        def kill() -> None:
            for nanny in at.workers:
                for child in nanny.children(recursive=True):
                    if any("spawn_main" in word for word in child.cmdline()):
                        child.kill()

        killers = [once(kill, nth=n) for n in (1, 5, 9)]
        story = told(sweep, tmp_path / "store", at.cluster, *killers, commit_every=0.5)
    assert not story.of(BlockFailed)
    assert story.of(Committed)
    resumed_is_undisturbed(sweep, tmp_path / "store", undisturbed, lacking=False)
