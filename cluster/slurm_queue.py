"""The programs of Slurm: jobs are submitted, listed and cancelled by calling them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Collection, Mapping
from typing import NamedTuple

from cluster.errors import SlurmNotReached, SlurmRefuses
from cluster.slurm_config import seconds

__all__ = [
    "Queued",
    "cancel",
    "check_partition",
    "node_addresses",
    "queue",
    "release",
    "submit",
    "why_ended",
]

_PATIENCE = 60.0
_NO_ANSWER = "nable to contact|Zero Bytes|timed out|[Cc]onnection|configuration source|uthentication"
_GOING = {"PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "STAGE_OUT"}


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


def submit(script: str, *options: str) -> str:
    """Submit a job, and give its id.

    Raises
    ------
    SlurmNotReached
        There is no ``sbatch`` here, or the controller does not answer.
    SlurmRefuses
        It does not take such a job.
    """
    # With --parsable: the id, and the name of the cluster after a semicolon where there are several.
    return _call("sbatch", "--parsable", *options, stdin=script).partition(";")[0].strip()


def queue() -> Mapping[str, Queued]:
    """List this user's jobs by their ids."""
    lines = _call("squeue", "--me", "--noheader", "--format=%i|%T|%L|%r").splitlines()
    fields = (line.strip().split("|", 3) for line in lines)
    return {job: Queued(state, _left(left), reason) for job, state, left, reason in fields}


def cancel(jobs: Collection[str]) -> None:
    """Cancel jobs; those that have ended are left alone."""
    if jobs:
        _call("scancel", "--quiet", *jobs)


def release(job: str) -> None:
    """Let a job begin that was submitted with ``--hold``."""
    _call("scontrol", "release", job)


def why_ended(job: str) -> str:
    """Tell how a job has ended, as far as Slurm remembers: its state, and an exit code other than 0."""
    try:
        shown = _call("scontrol", "--oneliner", "show", "job", job)
    except (SlurmNotReached, SlurmRefuses):
        return "ended"
    state, code, signal = (
        match[1] if (match := re.search(pattern, shown)) else ""
        for pattern in (r"JobState=(\w+)", r"ExitCode=(\d+):", r"ExitCode=\d+:(\d+)")
    )
    ended = f"ended as {state or 'unknown'}"
    if signal.strip("0"):
        return f"{ended} by signal {signal}"
    return f"{ended} with exit code {code}" if code.strip("0") else ended


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
