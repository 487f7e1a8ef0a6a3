"""Sweeps on a real Slurm, from the command line: jobs are lost, drivers too, and not a bit of the results."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import xarray as xr

from relusweep.cluster import Local, Slurm
from relusweep.pipeline.commands.app import main
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, Event
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from tests.extras import needs
from tests.pipeline.execution.submissions import cluster_file, record, relusweep, until

if TYPE_CHECKING:
    from benchmarks.sites.slurm_site import SlurmSite

pytestmark = pytest.mark.cluster

needs("dask_jobqueue", "slurm")

# Two dozen blocks of a good part of a second each.
PART = ("width=2", "depth=1", "leak=0,0.1", "trials=1500", "epochs=20000")


@pytest.fixture(scope="module")
def sweep() -> TrainingSweep:
    return override(find_sweep("npn3"), PART)


@pytest.fixture(scope="module")
def undisturbed(sweep: TrainingSweep, tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    store = tmp_path_factory.mktemp("undisturbed") / "store"
    run(sweep, str(store), Local(workers=2))
    return _results(store)


@pytest.fixture
def site(slurm: SlurmSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmSite]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield slurm
    slurm.clear()


def _results(store: Path) -> xr.Dataset:
    return open_results(store, "boolean/npn3", mask_and_scale=False).load()


def _options() -> list[str]:
    return [f"--set={field}" for field in PART]


def _done(store: Path) -> bool:
    """Whether a block of the newest run has come."""
    return any(group["done"] for group in record(store).get("groups", {}).values())


def test_a_sweep_from_the_command_line(site: SlurmSite, undisturbed: xr.Dataset, tmp_path: Path) -> None:
    file = cluster_file(tmp_path, jobs=2)
    done = relusweep("run", "npn3", *_options(), "--cluster", file, "--store", "store", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    xr.testing.assert_identical(_results(tmp_path / "store"), undisturbed)
    until(lambda: not site.jobs())


@pytest.mark.parametrize("processes", [1, 2])
def test_a_job_cancelled_in_mid_run(
    site: SlurmSite, sweep: TrainingSweep, undisturbed: xr.Dataset, tmp_path: Path, processes: int
) -> None:
    config = Slurm(memory="1 GB", walltime="10", cores=processes, folder=str(tmp_path / "shared"))
    cancelled: list[str] = []

    def cancel(event: Event) -> None:
        if isinstance(event, BlockDone) and not cancelled:
            cancelled.append(site.jobs("relusweep-worker")[0].id)
            site.cancel(cancelled[0])

    finished = run(sweep, str(tmp_path / "store"), config, listeners=[cancel])
    assert cancelled
    assert not finished.failed
    assert finished.facts["threads"] >= processes  # though they came when the run had begun
    xr.testing.assert_identical(_results(tmp_path / "store"), undisturbed)


def test_a_run_goes_on_when_who_submitted_it_has_left(
    site: SlurmSite, undisturbed: xr.Dataset, tmp_path: Path
) -> None:
    file, store = cluster_file(tmp_path, jobs=2), tmp_path / "a store"
    submitted = relusweep("submit", "npn3", *_options(), "--cluster", file, "--store", store, folder=tmp_path)
    assert submitted.returncode == 0, submitted.stderr
    run_id = re.search(r"Submitted run (\S+)", submitted.stdout)[1]
    file.unlink()  # the job has its own
    assert record(store)["id"] == run_id
    until(lambda: record(store)["state"] == "finished")
    status = relusweep("status", "--store", store, folder=tmp_path)
    assert "finished" in status.stdout
    xr.testing.assert_identical(_results(store), undisturbed)
    until(lambda: not site.jobs())


@pytest.mark.slow
def test_a_driver_whose_time_is_over_is_followed_by_another(
    site: SlurmSite, undisturbed: xr.Dataset, tmp_path: Path
) -> None:
    file, store = cluster_file(tmp_path), tmp_path / "store"
    typed = ("submit", "npn3", *_options(), "--cluster", file, "--store", store)
    assert relusweep(*typed, folder=tmp_path).returncode == 0
    first = record(store)
    until(lambda: _done(store))
    # As Slurm does when it is so, but now: the signal to the process of the job alone.
    site.call("scontrol", "update", f"JobId={first['job']}", "TimeLimit=2")
    site.call("scancel", "--batch", "--signal=TERM", first["job"])
    until(lambda: record(store)["job"] != first["job"])
    assert 0 < int(_results(store)["done"].sum()) < undisturbed["done"].size
    until(lambda: record(store)["state"] == "finished")
    assert record(store)["id"] == first["id"]
    xr.testing.assert_identical(_results(store), undisturbed)


@pytest.mark.slow
def test_a_driver_that_is_stopped_by_hand_is_not_followed(site: SlurmSite, tmp_path: Path) -> None:
    file, store = cluster_file(tmp_path), tmp_path / "store"
    typed = ("submit", "npn3", *_options(), "--cluster", file, "--store", store)
    assert relusweep(*typed, folder=tmp_path).returncode == 0
    until(lambda: _done(store))
    site.cancel(record(store)["job"])
    until(lambda: record(store)["state"] == "interrupted")
    until(lambda: not site.jobs())


def test_a_submitted_run_is_cancelled_from_outside(
    site: SlurmSite, undisturbed: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, store = cluster_file(tmp_path), tmp_path / "store"
    typed = ("submit", "npn3", *_options(), "--cluster", file, "--store", store)
    assert relusweep(*typed, folder=tmp_path).returncode == 0
    until(lambda: _done(store))
    with monkeypatch.context() as patch:  # a second machine, where Slurm is not
        patch.setenv("PATH", str(tmp_path))
        # In this process, or on a busy machine the run is over before the command has begun.
        patch.setattr(sys, "argv", ["relusweep", "cancel", "--store", str(store)])
        with pytest.raises(SystemExit, match=r"^0$"):
            main()
    until(lambda: record(store)["state"] == "cancelled")
    until(lambda: not site.jobs())
    before = int(_results(store)["done"].sum())
    assert 0 < before < undisturbed["done"].size
    run(override(find_sweep("npn3"), PART), str(store), Local(workers=2))
    xr.testing.assert_identical(_results(store), undisturbed)


def test_a_run_that_has_not_begun_is_cancelled_with_its_job(site: SlurmSite, tmp_path: Path) -> None:
    for node in site.nodes:
        site.drain(node)
    try:
        file, store = cluster_file(tmp_path), tmp_path / "store"
        relusweep("submit", "npn3", *_options(), "--cluster", file, "--store", store, folder=tmp_path)
        assert [job.state for job in site.jobs("relusweep-npn3")] == ["PENDING"]
        asked = relusweep("cancel", record(store)["id"][:-4], "--store", store, folder=tmp_path)
        assert "had not begun" in asked.stdout
        assert record(store)["state"] == "cancelled"
        until(lambda: not site.jobs())
        again = relusweep("cancel", "--store", store, folder=tmp_path)
        assert again.returncode == 2
        assert f"{record(store)['id']} (cancelled)" in again.stderr
    finally:
        for node in site.nodes:
            site.resume(node)


def test_a_store_that_the_nodes_do_not_see(site: SlurmSite, tmp_path: Path) -> None:
    file, store = cluster_file(tmp_path), tmp_path / "store"
    for node in site.nodes:
        site.drain(node)
    try:
        relusweep("submit", "npn3", *_options(), "--cluster", file, "--store", store, folder=tmp_path)
        store.rename(tmp_path / "elsewhere")  # for the job it is not there
    finally:
        for node in site.nodes:
            site.resume(node)
    until(lambda: not site.jobs())
    (log,) = (tmp_path / "shared").glob("*/driver-*.log")
    assert "has no record of run" in log.read_text()
    assert not store.exists()


def test_what_is_wrong_is_said_before_anything_is_submitted(
    site: SlurmSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def refused(*options: str, **fields: Any) -> str:
        file = cluster_file(tmp_path, **fields)
        monkeypatch.setattr(sys, "argv", ["relusweep", "submit", "--cluster", str(file), *options])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 2
        return capsys.readouterr().err

    assert "no sweep" in refused("npn33")
    assert "width" in refused("npn3", "--set", "width=-1")
    assert "walltime = 1 day" in refused("npn3", walltime="1 day")
    assert "no partition 'night'" in refused("npn3", partition="night")
    assert "no partition 'day'" in refused("npn3", driver={"partition": "day"})
    (tmp_path / "local.yaml").write_text("kind: local")
    assert "use: relusweep run" in refused("npn3", "--cluster", "local.yaml", "--store", "store")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "ssh login relusweep" in refused("npn3")
    assert not (tmp_path / "results").exists()
    assert not list(tmp_path.glob("shared/*"))
    monkeypatch.undo()
    assert not site.jobs()
