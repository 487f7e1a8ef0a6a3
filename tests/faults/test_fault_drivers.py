"""The process that runs the sweep is told to stop, or killed; the workers are its own or another's."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import xarray as xr

from benchmarks.sites.machines import DRIVER, machines
from relusweep.cluster import Address, Local
from relusweep.pipeline.planning.plan import plan_store
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from tests.faults.disturbed import resumed_is_undisturbed

pytestmark = pytest.mark.cluster


def _stopped(
    sweep: TrainingSweep, store: Path, cluster: Address | Local, how: signal.Signals
) -> tuple[set[str], int]:
    """Start a run, stop it after its third block; give the blocks that it told as committed, and its end."""
    command = [sys.executable, "-c", DRIVER, sweep.model_dump_json(), str(store), cluster.model_dump_json()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip()]
        while sum(line != "committed" for line in lines) < 3:
            lines.append(process.stdout.readline().strip())
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(how)
        lines += [line.strip() for line in process.stdout if line.endswith("\n")]
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive, "workers outlive their run"
    last = max((n for n, line in enumerate(lines) if line == "committed"), default=0)
    return {line for line in lines[:last] if line != "committed"}, process.returncode


def _lacking(sweep: TrainingSweep, store: Path) -> set[str]:
    return {block.key for block in plan_store(sweep, str(store)).blocks}


@pytest.mark.parametrize("own", [True, False], ids=["own workers", "workers of another"])
def test_a_driver_told_to_stop(
    own: bool, sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    with machines(tmp_path, workers=1) as at:
        told, code = _stopped(sweep, store, Local(workers=2) if own else at.cluster, signal.SIGTERM)
    assert code == 0  # in good order: all that came is committed
    assert len(told) >= 3
    assert not told & _lacking(sweep, store)
    resumed_is_undisturbed(sweep, store, undisturbed, lacking=True)


def test_a_driver_killed_leaves_a_scheduler_of_another_fit_to_go_on(
    sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    with machines(tmp_path, workers=1) as at:
        told, code = _stopped(sweep, store, at.cluster, signal.SIGKILL)
        assert code == -signal.SIGKILL
        assert not told & _lacking(sweep, store)
        assert _lacking(sweep, store), "it was killed too late to test anything"
        again, code = _stopped(sweep, store, at.cluster, signal.SIGTERM)
    assert code == 0
    assert not again & told, "a block that was in the store ran again"
    resumed_is_undisturbed(sweep, store, undisturbed, lacking=bool(_lacking(sweep, store)))
