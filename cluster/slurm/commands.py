"""The programs of Slurm: jobs are submitted, listed and cancelled by calling them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from relusweep.cluster.errors import SlurmNotReached, SlurmRefuses
from relusweep.cluster.slurm.config import seconds

__all__ = [
    "Queued",
    "Shown",
    "cancel",
    "check_partition",
    "how_ended",
    "node_addresses",
    "queue",
    "release",
    "show",
    "submit",
    "who_asks",
]

_PATIENCE = 60.0
_NO_ANSWER = "nable to contact|Zero Bytes|timed out|[Cc]onnection|configuration source|uthentication"
_UNKNOWN = "[Ii]nvalid job id"
_TASTE = (
    "SQUEUE_",
    "SINFO_",
    "SCANCEL_",
)  # variables by which a user has lists filtered, or is asked questions
_GOING = {"PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "STAGE_OUT"}
_ENDED = {
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "REVOKED",
    "TIMEOUT",
}


class Queued(NamedTuple):
    """A job as ``squeue`` lists it.

    Attributes
    ----------
    state : str
        As ``PENDING``.
    left : float
        Seconds until its walltime; infinite where it has none, or where Slurm does not tell.
    reason : str
        Why it waits.
    """

    state: str
    left: float
    reason: str

    @property
    def going(self) -> bool:
        """Whether it waits or runs, and is not about to vanish."""
        return self.state in _GOING


class Shown(NamedTuple):
    """A job as ``scontrol`` shows it, for some minutes after its end, too.

    Attributes
    ----------
    state : str
        As ``PENDING``; empty where Slurm knows the job no more.
    reason : str
        Why it waits.
    code, signal : int
        With which it ended.
    """

    state: str
    reason: str = ""
    code: int = 0
    signal: int = 0

    @property
    def ended(self) -> bool:
        """Whether it will never begin, or begin again."""
        return not self.state or self.state in _ENDED

    @property
    def how(self) -> str:
        """How it ended, for people: its state, and an exit code or signal other than 0."""
        ended = f"ended as {self.state}" if self.state else "ended"
        if self.signal:
            return f"{ended} by signal {self.signal}"
        return f"{ended} with exit code {self.code}" if self.code else ended


def submit(script: str, *options: str) -> str:
    """Submit a job, and give its id.

    Raises
    ------
    SlurmNotReached
        There is no ``sbatch`` here, or the controller does not answer.
    SlurmRefuses
        It does not take such a job.
    """
    # Given as arguments too, the options of the script win over variables as SBATCH_TIMELIMIT.
    said = _call("sbatch", *_options_of(script), "--parsable", *options, stdin=script)
    # The id, and the name of the cluster after a semicolon; sites have sbatch say more, before or after.
    if not (ids := re.findall(r"^(\d+)(?:;\S*)?\s*$", said, re.MULTILINE)):
        raise SlurmRefuses(f"sbatch gave no id of a job, but: {said.strip() or 'nothing'}")
    return str(ids[-1])


def queue() -> Mapping[str, Queued]:
    """List this user's jobs by their ids."""
    lines = _call("squeue", "--me", "--noheader", "--format=%i|%T|%L|%r").splitlines()
    fields = (line.strip().split("|", 3) for line in lines if line.count("|") >= 3)  # not: CLUSTER: name
    return {job: Queued(state, _left(left), reason) for job, state, left, reason in fields}


def show(job: str) -> Shown:
    """Tell how a job stands.

    Raises
    ------
    SlurmNotReached, SlurmRefuses
        Slurm does not tell.
    """
    try:
        shown = _call("scontrol", "--oneliner", "show", "job", job)
    except SlurmRefuses as refused:
        if re.search(_UNKNOWN, str(refused)):
            return Shown("")
        raise
    match = re.search(r"JobState=(\w+) Reason=(.*?) Dependency=.* ExitCode=(\d+):(\d+)", shown)
    if match is None:
        raise SlurmRefuses(f"scontrol shows of job {job}: {shown.strip() or 'nothing'}")
    return Shown(match[1], match[2], int(match[3]), int(match[4]))


def how_ended(job: str) -> str:
    """Tell how a job has ended, as far as Slurm answers and remembers."""
    try:
        return show(job).how
    except (SlurmNotReached, SlurmRefuses):
        return "ended"


@cache
def who_asks() -> str:
    """Name this user and this Slurm: on both depends what the number of a job means."""
    names = re.findall(r"^ClusterName\s*=\s*(\S+)", _call("scontrol", "show", "config"), re.MULTILINE)
    return f"{os.getuid()}@{''.join(names)}"


def cancel(jobs: Collection[str]) -> None:
    """Cancel jobs; those that have ended are left alone."""
    if jobs:
        _call("scancel", "--quiet", *jobs)


def release(job: str) -> None:
    """Let a job begin that was submitted with ``--hold``."""
    _call("scontrol", "release", job)


def check_partition(partition: str | None) -> None:
    """Look whether there is such a partition.

    Raises
    ------
    SlurmRefuses
        There is none; the message names those that there are.
    """
    names = {name.strip("* ") for name in _call("sinfo", "--noheader", "--format=%P").splitlines()}
    if partition is not None and not set(partition.split(",")) <= names:
        raise SlurmRefuses(
            f"Slurm has no partition {partition!r} for you; partition: may be {', '.join(sorted(names))}"
        )


def node_addresses() -> list[str]:
    """Give the addresses of the nodes, each once."""
    return sorted(
        {line.strip() for line in _call("sinfo", "--noheader", "--Node", "--format=%o").splitlines()}
    )


def _options_of(script: str) -> Iterator[str]:
    for line in script.splitlines():
        if line.startswith("#SBATCH "):
            yield from shlex.split(line.removeprefix("#SBATCH "))


def _left(time: str) -> float:
    try:
        return float(seconds(time))
    except ValueError:  # UNLIMITED, INVALID, NOT_SET
        return float("inf")


def _call(program: str, *arguments: str, stdin: str = "") -> str:
    if shutil.which(program) is None:
        raise SlurmNotReached(
            f"there is no {program} here: run relusweep where Slurm's programs are, such as its login node: "
            "ssh login relusweep …"
        )
    try:
        done = subprocess.run(
            [program, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
            env={name: value for name, value in os.environ.items() if not name.startswith(_TASTE)},
            start_new_session=True,  # Ctrl-C is for the run, not for it
        )
    except subprocess.TimeoutExpired:
        raise SlurmNotReached(f"{program} gave no answer in {_PATIENCE:g} s; ask with: sinfo") from None
    if done.returncode:
        words = " ".join(done.stderr.replace(f"{program}: ", "").replace("error: ", "").split())
        if re.search(_NO_ANSWER, words):
            raise SlurmNotReached(f"Slurm does not answer {program}: {words}; ask with: sinfo")
        raise SlurmRefuses(f"{program} says: {words or f'exit code {done.returncode}'}")
    return done.stdout
