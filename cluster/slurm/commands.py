"""Call Slurm's programs to submit, list and cancel jobs."""

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

_TIMEOUT = 60.0
_NO_ANSWER = "nable to contact|Zero Bytes|timed out|[Cc]onnection|configuration source|uthentication"
_UNKNOWN = "[Ii]nvalid job id"
_FILTERS = (
    "SQUEUE_",
    "SINFO_",
    "SCANCEL_",
)  # variables that filter a user's lists, or ask for confirmation
_ACTIVE = {"PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "STAGE_OUT"}
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
        Seconds until its walltime; infinite if it has none, or if Slurm does not say.
    reason : str
        Why it waits.
    """

    state: str
    left: float
    reason: str

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in _ACTIVE


class Shown(NamedTuple):
    """A job as ``scontrol`` shows it, also for some minutes after its end.

    Attributes
    ----------
    state : str
        As ``PENDING``; empty if Slurm no longer knows the job.
    reason : str
        Why it waits.
    code, signal : int
        Exit code and signal with which it ended.
    """

    state: str
    reason: str = ""
    code: int = 0
    signal: int = 0

    @property
    def ended(self) -> bool:
        """Whether it will not run again."""
        return not self.state or self.state in _ENDED

    @property
    def how(self) -> str:
        """How it ended, in words: its state, and an exit code or signal other than 0."""
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
        It refuses such a job.
    """
    # Given as arguments, the options of the script take precedence over variables such as SBATCH_TIMELIMIT.
    said = _call("sbatch", *_options_of(script), "--parsable", *options, stdin=script)
    # The id, perhaps followed by a semicolon and the cluster's name; some sites make sbatch print more lines.
    if not (ids := re.findall(r"^(\d+)(?:;\S*)?\s*$", said, re.MULTILINE)):
        raise SlurmRefuses(f"sbatch gave no id of a job, but: {said.strip() or 'nothing'}")
    return str(ids[-1])


def queue() -> Mapping[str, Queued]:
    """List this user's jobs by their ids."""
    lines = _call("squeue", "--me", "--noheader", "--format=%i|%T|%L|%r").splitlines()
    fields = (line.strip().split("|", 3) for line in lines if line.count("|") >= 3)  # not: CLUSTER: name
    return {job: Queued(state, _left(left), reason) for job, state, left, reason in fields}


def show(job: str) -> Shown:
    """Show a job.

    Raises
    ------
    SlurmNotReached, SlurmRefuses
        Slurm does not answer, or gives something else.
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
    """Say how a job has ended, as far as Slurm answers and remembers."""
    try:
        return show(job).how
    except (SlurmNotReached, SlurmRefuses):
        return "ended"


@cache
def who_asks() -> str:
    """Name this user and this Slurm, which together give the number of a job its meaning."""
    names = re.findall(r"^ClusterName\s*=\s*(\S+)", _call("scontrol", "show", "config"), re.MULTILINE)
    return f"{os.getuid()}@{''.join(names)}"


def cancel(jobs: Collection[str]) -> None:
    """Cancel jobs; those that have ended are left alone."""
    if jobs:
        _call("scancel", "--quiet", *jobs)


def release(job: str) -> None:
    """Release a job that was submitted with ``--hold``."""
    _call("scontrol", "release", job)


def check_partition(partition: str | None) -> None:
    """Check that a partition exists.

    Raises
    ------
    SlurmRefuses
        It does not; the message lists those that do.
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
            f"there is no {program} here: run relusweep where Slurm's programs are, as on its login node: "
            "ssh login relusweep …"
        )
    try:
        done = subprocess.run(
            [program, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT,
            env={name: value for name, value in os.environ.items() if not name.startswith(_FILTERS)},
            start_new_session=True,  # Ctrl-C is for the run only
        )
    except subprocess.TimeoutExpired:
        raise SlurmNotReached(f"{program} did not answer within {_TIMEOUT:g} s; try: sinfo") from None
    if done.returncode:
        words = " ".join(done.stderr.replace(f"{program}: ", "").replace("error: ", "").split())
        if re.search(_NO_ANSWER, words):
            raise SlurmNotReached(f"Slurm does not answer {program}: {words}; try: sinfo")
        raise SlurmRefuses(f"{program} says: {words or f'exit code {done.returncode}'}")
    return done.stdout
