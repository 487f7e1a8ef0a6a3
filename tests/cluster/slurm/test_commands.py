"""What is said to a real Slurm and what it answers, whatever the user's or the site's habits are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from relusweep.cluster import SlurmRefuses
from relusweep.cluster.slurm import commands

if TYPE_CHECKING:
    from tests.cluster.slurm.slurm_site import SlurmSite

pytestmark = pytest.mark.cluster

SCRIPT = """#!/bin/bash
#SBATCH --job-name="with a space"
#SBATCH --output=/dev/null
#SBATCH --time=17
#SBATCH --mem=300M
#SBATCH --export=ALL
"""


@pytest.fixture
def site(slurm: SlurmSite) -> Iterator[SlurmSite]:
    slurm.clear()
    yield slurm
    slurm.clear()


def _wrapped(program: str, lines: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a program of Slurm say more, as sites do."""
    there = shutil.which(program)
    file = folder / program
    file.write_text(f"#!/bin/bash\n{lines.replace('REAL', f'{there} ')}\n")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_the_script_wins_over_variables_and_the_rest_is_theirs(
    site: SlurmSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SBATCH_TIMELIMIT", "3")
    monkeypatch.setenv("SBATCH_JOB_NAME", "another")
    monkeypatch.setenv("SBATCH_MEM_PER_CPU", "100M")
    monkeypatch.setenv("SBATCH_EXPORT", "NONE")
    monkeypatch.setenv("SBATCH_ACCOUNT", "of-the-user")
    job = commands.submit(SCRIPT, "--hold")
    shown = site.call("scontrol", "show", "job", job)
    assert "JobName=with a space" in shown
    assert "TimeLimit=00:17:00" in shown
    assert "MinMemoryNode=300M" in shown
    assert "Account=of-the-user" in shown


def test_jobs_have_the_variables_of_who_submits_them_whatever_the_site_has_set(
    site: SlurmSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SBATCH_EXPORT", "NONE")
    monkeypatch.setenv("AWS_PROBE", "there")
    # As in a job whose memory was asked for in another way.
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "100")
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "3")
    job = commands.submit(
        f"{SCRIPT}echo $AWS_PROBE $SLURM_CPUS_ON_NODE > {tmp_path}/said.new\n"
        f"mv {tmp_path}/said.new {tmp_path}/said\n"
    )
    while not (tmp_path / "said").exists():
        assert not commands.show(job).ended or (tmp_path / "said").exists()
    assert (tmp_path / "said").read_text() == "there 1\n"


@pytest.mark.parametrize(
    "lines",
    [
        'echo "Welcome to the cluster, 7 nodes are free"; REAL"$@"',
        'REAL"$@"; echo; echo "No reservation for this job"',
        'echo "$(REAL"$@");posed"',
        'echo "sbatch: lua: account set" >&2; REAL"$@"',
    ],
)
def test_the_id_is_found_among_what_a_site_has_sbatch_say(
    site: SlurmSite, lines: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _wrapped("sbatch", lines, tmp_path, monkeypatch)
    job = commands.submit(SCRIPT, "--hold")
    assert [each.id for each in site.jobs()] == [job]


def test_an_sbatch_that_gives_no_id(site: SlurmSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _wrapped("sbatch", "echo queued", tmp_path, monkeypatch)
    with pytest.raises(SlurmRefuses, match="no id of a job, but: queued"):
        commands.submit(SCRIPT)


def test_the_queue_is_whole_whatever_the_user_wants_to_see(
    site: SlurmSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    job = commands.submit(SCRIPT, "--hold")
    monkeypatch.setenv("SQUEUE_STATES", "RUNNING")
    monkeypatch.setenv("SQUEUE_PARTITION", "other")
    monkeypatch.setenv("SINFO_PARTITION", "other")
    monkeypatch.setenv("SCANCEL_STATE", "RUNNING")
    _wrapped("squeue", 'echo "CLUSTER: posed"; REAL"$@"', tmp_path, monkeypatch)
    assert commands.queue()[job].state == "PENDING"
    commands.check_partition("normal")
    commands.cancel([job])
    assert commands.show(job).state == "CANCELLED"


def test_the_jobs_of_an_array_that_the_user_has_beside_ours(site: SlurmSite) -> None:
    commands.submit(SCRIPT, "--hold", "--array=1-3")
    job = commands.submit(SCRIPT, "--hold")
    assert commands.queue()[job].going


def test_how_a_job_ended(site: SlurmSite) -> None:
    job = commands.submit(f"{SCRIPT}exit 3\n")
    while not commands.show(job).ended:
        pass
    assert commands.how_ended(job) == "ended as FAILED with exit code 3"
    assert commands.how_ended("999999") == "ended"
    assert commands.show("999999").ended
