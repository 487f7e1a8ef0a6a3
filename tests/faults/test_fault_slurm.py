"""A node of a real Slurm is taken away from a run; what cancelled jobs and walltimes do is tested elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import xarray as xr
from disturbed import once, resumed_is_undisturbed, told

import cluster
from pipeline.events import BlockFailed
from pipeline.sweep import BooleanSweep

if TYPE_CHECKING:
    from tests.cluster.slurm_site import SlurmSite

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not hasattr(cluster, "Slurm"), reason="this version has no Slurm"),
]
pytest.importorskip("dask_jobqueue", reason="needs relusweep[slurm]")


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
    how: str, site: SlurmSite, sweep: BooleanSweep, undisturbed: xr.Dataset, tmp_path: Path
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
