from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from benchmarks.sites.slurm_site import SlurmSite

pytestmark = pytest.mark.cluster


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture
def empty(slurm: SlurmSite) -> SlurmSite:
    slurm.clear()
    return slurm


def _submit(slurm: SlurmSite, *options: str, script: str = "sleep 60") -> str:
    return slurm.call("sbatch", "--parsable", "--output=/dev/null", *options, "--wrap", script)


def test_jobs_run_and_are_cancelled(empty: SlurmSite) -> None:
    job = _submit(empty, "--job-name=posed-work")
    _until(lambda: [each.state for each in empty.jobs("posed-work")] == ["RUNNING"])
    assert empty.jobs("other") == []
    empty.cancel(job)
    _until(lambda: not empty.jobs())


def test_a_drained_node_gets_no_jobs(empty: SlurmSite) -> None:
    kept, drained = empty.nodes
    empty.drain(drained)
    try:
        for _ in range(2):
            _submit(empty, "--cpus-per-task=4")
        _until(lambda: [job.node for job in empty.jobs()] == [kept, ""])
    finally:
        empty.resume(drained)
    _until(lambda: {job.node for job in empty.jobs()} == {kept, drained})
    empty.clear()


def test_each_job_gets_a_gpu_of_its_own_and_the_third_waits(empty: SlurmSite, tmp_path: Path) -> None:
    if not empty.gpus:
        pytest.skip("only root can make the device files of fake GPUs")
    script = f"echo $CUDA_VISIBLE_DEVICES > {tmp_path}/$SLURM_JOB_ID; sleep 60"
    jobs = [_submit(empty, "--gres=gpu:1", script=script) for _ in range(3)]
    _until(lambda: [job.state for job in empty.jobs()] == ["RUNNING", "RUNNING", "PENDING"])
    files = [tmp_path / job for job in jobs[:2]]
    _until(lambda: all(file.exists() and file.read_text() for file in files))
    assert sorted(file.read_text().strip() for file in files) == ["0", "1"]
    empty.clear()
