"""Nodes and time of a real Slurm are taken away from a run; cancelled jobs: test_slurm_runs.py."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import xarray as xr
from relusweep.tasks.boolean.training import TrainingBlock, train_block

from relusweep import cluster
from relusweep.pipeline.monitoring.events import BlockDone, BlockFailed, Event
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks.blocks import BlockResult
from tests.extras import needs
from tests.faults.disturbed import once, resumed_is_undisturbed, told
from tests.seams import computing

if TYPE_CHECKING:
    from benchmarks.sites.slurm_site import SlurmSite

pytestmark = [
    pytest.mark.cluster,
]
needs("dask_jobqueue", "slurm")


@pytest.fixture
def site(slurm: SlurmSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmSite]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield slurm
    for node in slurm.nodes:
        if any(word in slurm.call("sinfo", "-hN", "-n", node, "-o", "%T") for word in ("drain", "down")):
            slurm.resume(node)
    slurm.clear()


@pytest.mark.parametrize("how", ["drain", "down"])
def test_a_node_taken_away_in_mid_run(
    how: str, site: SlurmSite, sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path
) -> None:
    config = cluster.Slurm(memory="1 GB", walltime="10", folder=str(tmp_path / "shared"))
    lost: list[str] = []

    def take() -> None:
        job = site.jobs("relusweep-worker")[0]
        lost.append(job.node)
        if how == "down":
            site.down(job.node)
        else:  # a drained node keeps its jobs to their ends: this one ends now
            site.drain(job.node)
            site.cancel(job.id)

    story = told(sweep, tmp_path / "store", config, once(take))
    assert lost
    assert not story.of(BlockFailed)
    resumed_is_undisturbed(sweep, tmp_path / "store", undisturbed, lacking=False)


@pytest.mark.slow  # a walltime is a minute at least
@pytest.mark.timeout(900)
@pytest.mark.parametrize("drain", ["0:15", "0:01"], ids=["drained", "cut off"])
def test_jobs_that_reach_their_walltime_in_mid_run(
    drain: str,
    site: SlurmSite,
    sweep: TrainingSweep,
    undisturbed: xr.Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With too short a drain the last block of a job is cut off, and computed in the next."""

    def task(block: TrainingBlock) -> BlockResult:  # a closure, so that it travels to the workers by value
        time.sleep(4)
        return train_block(block)

    monkeypatch.setattr(TrainingSweep, "task", computing(task))
    config = cluster.Slurm(memory="1 GB", walltime="1", drain=drain, folder=str(tmp_path / "shared"))
    jobs: set[str] = set()

    def look(event: Event) -> None:
        if isinstance(event, BlockDone):
            jobs.update(job.id for job in site.jobs("relusweep-worker"))

    story = told(sweep, tmp_path / "store", config, look)
    assert len(jobs) > 1, "it did not take a second job"
    assert not story.of(BlockFailed)
    monkeypatch.undo()
    resumed_is_undisturbed(sweep, tmp_path / "store", undisturbed, lacking=False)
