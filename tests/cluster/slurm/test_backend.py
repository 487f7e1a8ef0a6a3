"""Against a real Slurm: jobs come, are lost and are replaced."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from distributed import Client, as_completed

from relusweep.cluster import InvalidCluster, JobsFail, Slurm, SlurmNotReached, SlurmRefuses, connect
from tests.extras import needs

if TYPE_CHECKING:
    from tests.cluster.slurm.slurm_site import SlurmSite

pytestmark = pytest.mark.cluster

needs("dask_jobqueue", "slurm")


def _until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture
def site(slurm: SlurmSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmSite]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield slurm
    slurm.clear()


def _config(**fields: Any) -> Slurm:
    return Slurm(**({"memory": "500 MB", "walltime": "10"} | fields))


def _jobs_of(client: Client) -> list[str]:
    """The jobs of the workers, one for each worker."""
    return sorted(client.run(lambda: os.environ["SLURM_JOB_ID"]).values())


def _work(log: Path, seconds: float) -> Callable[[int], int]:
    """Make a task that notes when it begins and ends; a closure, as the nodes have no tests to import."""
    name = str(log)

    def work(number: int) -> int:
        with Path(name).open("a") as file:
            file.write(f"begins {number}\n")
        time.sleep(seconds)
        with Path(name).open("a") as file:
            file.write(f"ends {number}\n")
        return number

    return work


@pytest.mark.parametrize("processes", [1, 2])
def test_a_cancelled_job_is_replaced_whatever_its_processes(
    site: SlurmSite, processes: int, tmp_path: Path
) -> None:
    with connect(_config(cores=processes, processes=processes)) as connection:
        client = connection.client
        client.wait_for_workers(processes, timeout=60)
        lost, *_ = _jobs_of(client)
        work = _work(tmp_path / "log", 0.5)
        futures = [client.submit(work, number, key=f"work-{number}") for number in range(8)]
        _until((tmp_path / "log").exists)
        site.cancel(lost)
        assert client.gather(futures) == list(range(8))
        _until(lambda: len(client.nthreads()) == processes)
        (new,) = set(_jobs_of(client))
        assert int(new) == int(lost) + 1
        assert connection.backend.status()[:3] == (processes, processes, 0)
    _until(lambda: not site.jobs())


def test_a_controller_that_goes_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with _site_of_its_own() as site, monkeypatch.context() as patch:
        patch.setenv("SLURM_CONF", site.environment["SLURM_CONF"])
        with connect(_config()) as connection:
            client = connection.client
            client.wait_for_workers(1, timeout=60)
            (lost,) = _jobs_of(client)
            site.stop_controller()
            work = _work(tmp_path / "log", 0.5)
            futures = [client.submit(work, number, key=f"work-{number}") for number in range(4)]
            assert client.gather(futures) == list(range(4))
            _until(lambda: "does not answer" in connection.backend.status().message)
            assert _jobs_of(client) == [lost]
            site.start_controller()
            _until(lambda: "does not answer" not in connection.backend.status().message)
            site.cancel(lost)
            _until(lambda: [job.id for job in site.jobs()] == [str(int(lost) + 1)])
            _until(lambda: connection.backend.status().running == 1)
        _until(lambda: not site.jobs())


@contextmanager
def _site_of_its_own() -> Iterator[SlurmSite]:
    """One whose nodes may forget their GPUs, as they do when the controller is started anew."""
    from tests.cluster.slurm.slurm_site import SlurmMissing, slurm_site

    try:
        with slurm_site() as site:
            yield site
    except SlurmMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.slow
def test_blocks_are_not_cut_off_when_jobs_reach_their_walltime(site: SlurmSite, tmp_path: Path) -> None:
    work = _work(tmp_path / "log", 6)
    with connect(_config(walltime="1", drain="0:10")) as connection:
        client = connection.client
        futures = [client.submit(work, number, key=f"work-{number}") for number in range(24)]
        came = []
        for future in as_completed(futures, loop=client.loop):  # held results would have to move
            came.append(future.result())
            future.release()
        assert sorted(came) == list(range(24))
        last = max(int(job.id) for job in site.jobs())
    told = (tmp_path / "log").read_text().splitlines()
    assert sorted(told) == sorted(f"{word} {number}" for word in ("begins", "ends") for number in range(24))
    assert last > 1, "it did not take a second job"


@pytest.mark.parametrize(("jobs", "gpus"), [(2, 1), (1, 2)])
def test_each_gpu_has_a_worker_of_its_own(site: SlurmSite, jobs: int, gpus: int) -> None:
    if not site.gpus:
        pytest.skip("only root can make the device files of fake GPUs")
    with connect(_config(jobs=jobs, gpus=gpus, cores=gpus)) as connection:
        client = connection.client
        client.wait_for_workers(2, timeout=60)
        visible = client.run(lambda: os.environ["CUDA_VISIBLE_DEVICES"])
        assert sorted(visible.values()) == ["0", "1"]
        for worker in client.scheduler_info()["workers"].values():
            assert (worker["resources"], worker["nthreads"]) == ({"GPU": 1.0}, 1)


def test_nobody_gets_in_without_the_certificate(site: SlurmSite) -> None:
    with connect(_config()) as connection:
        address = connection.backend.address
        assert address.startswith("tls://")
        for other in (address, address.replace("tls://", "tcp://")):
            with pytest.raises((OSError, TypeError)):
                Client(other, timeout=2, set_as_default=False)
        folder = Path(os.environ["XDG_STATE_HOME"]) / "relusweep" / "slurm"
        assert stat.S_IMODE((folder / "tls").stat().st_mode) == 0o700
        (certificate,) = (folder / "tls").glob("*.pem")
        assert stat.S_IMODE(certificate.stat().st_mode) == 0o600


def test_jobs_that_die_at_once_end_in_words_with_their_log(site: SlurmSite) -> None:
    with connect(_config(prologue=("module load nonsense",))) as connection:
        backend = connection.backend

        def given_up() -> bool:
            try:
                backend.status()
            except JobsFail:
                return True
            return False

        _until(given_up)
        with pytest.raises(
            JobsFail, match="this line of the prologue failed: module load nonsense"
        ) as caught:
            backend.status()
        assert "FAILED with exit code 1" in str(caught.value)
        _until(lambda: not site.jobs())


def test_a_partition_that_there_is_not(site: SlurmSite) -> None:
    with (
        pytest.raises(SlurmRefuses, match=r"no partition 'night'.*normal"),
        connect(_config(partition="night")),
    ):
        pass


def test_what_slurm_refuses_is_told_in_its_words(site: SlurmSite) -> None:
    with (
        pytest.raises(SlurmRefuses, match=r"sbatch says: .*not available"),
        connect(_config(memory="900 TB")),
    ):
        pass


def test_a_job_that_would_wait_for_ever(site: SlurmSite) -> None:
    with connect(_config(walltime="3-00:00:00")) as connection:
        with pytest.raises(JobsFail, match="PartitionTimeLimit"):
            _until(lambda: connection.backend.status() is None)
        _until(lambda: not site.jobs())


def test_an_interface_that_there_is_not(site: SlurmSite) -> None:
    with pytest.raises(InvalidCluster, match=r"interface = 'ib7'.* lo"), connect(_config(interface="ib7")):
        pass


def test_a_folder_that_cannot_be_written(site: SlurmSite) -> None:
    config = _config(folder="/proc/x")
    with pytest.raises(InvalidCluster, match="folder = '/proc/x' cannot be written"), connect(config):
        pass


def test_where_slurm_is_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SlurmNotReached, match="ssh login relusweep"), connect(_config()):
        pass
