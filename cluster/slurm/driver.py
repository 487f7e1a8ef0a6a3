"""The job in which a run itself goes, so that whoever asked for it can leave."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from shlex import join, quote

from dask.utils import parse_bytes

from relusweep.cluster.environment import ENVIRONMENT
from relusweep.cluster.errors import SlurmNotReached, SlurmRefuses
from relusweep.cluster.slurm import commands
from relusweep.cluster.slurm.commands import Shown, who_asks
from relusweep.cluster.slurm.config import Slurm
from relusweep.cluster.slurm.files import shared_folder
from relusweep.cluster.slurm.script import prologue

__all__ = [
    "ask_driver",
    "cancel_driver",
    "check_driver",
    "driver_folder",
    "driver_log",
    "driver_script",
    "ends_soon",
    "submit_driver",
    "who_asks",
]

_NOTICE = 120  # seconds before its end at which a driver is told
_GRANULARITY = 60  # Slurm may tell up to so many seconds earlier
_UNFIT = (
    "error: this node has no such interpreter, or it cannot import relusweep; install it there, or give "
    "python: or prologue: in the file of the cluster"
)


def driver_folder(config: Slurm, run_id: str) -> Path:
    """Make the folder of one run, which the nodes see too: for what its driver reads, and its logs."""
    folder = shared_folder(config) / run_id
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def driver_log(folder: Path, job: str) -> Path:
    """Name the log of a driver, by the id of its job or by ``%j``."""
    return folder / f"driver-{job}.log"


def driver_script(
    config: Slurm, name: str, folder: Path, module: str, arguments: Sequence[str], at_failure: str
) -> str:
    """Write the script of a driver's job.

    Parameters
    ----------
    config : Slurm
    name : str
        Of the job, in ``squeue``.
    folder : Path
        For its log.
    module : str
        Which the interpreter runs: that becomes the process of the job itself, and hears of its end.
    arguments : sequence of str
    at_failure : str
        Line of bash for when the job ends before the interpreter has begun.
    """
    driver = config.driver
    options = {
        "job-name": name,
        "output": driver_log(folder, "%j"),
        "open-mode": "append",
        "time": driver.walltime,
        "ntasks": 1,
        "cpus-per-task": driver.cores,
        "mem": f"{-(-parse_bytes(driver.memory) // 2**20)}M",
        "partition": driver.partition or config.partition,
        "account": config.account,
        "signal": f"B:TERM@{_NOTICE}",
        "export": "ALL",
    }
    python = config.python or sys.executable
    lines = ["#!/usr/bin/env bash"]
    lines += [f"#SBATCH --{name}={quote(str(value))}" for name, value in options.items() if value is not None]
    # A node that fails is not the run's fault: it goes on from what is stored.
    lines += ["#SBATCH --requeue", *(f"#SBATCH {option}" for option in driver.directives)]
    # When Slurm ends the job it may start it again: then nothing has failed, and Slurm can be asked.
    lines += [f"trap {quote(at_failure)} EXIT", "trap 'trap - EXIT; exit 143' TERM"] if at_failure else []
    lines += prologue(config, {**ENVIRONMENT, "PYTHONUNBUFFERED": "1"})
    lines += [f"{join([python, '-P', '-c', f'import {module}'])} || {{ echo {quote(_UNFIT)} >&2; exit 1; }}"]
    return "\n".join([*lines, f"exec {join([python, '-P', '-m', module, *arguments])}", ""])


def check_driver(config: Slurm) -> None:
    """Look whether a driver can be submitted from here.

    Raises
    ------
    SlurmNotReached
        Slurm's programs are not here, or its controller does not answer.
    SlurmRefuses
        There is no such partition.
    """
    for partition in {config.partition, config.driver.partition}:
        commands.check_partition(partition)


def submit_driver(script: str, before: Callable[[str], None]) -> str:
    """Submit a driver; it cannot begin before its id has been noted.

    Parameters
    ----------
    script : str
    before : callable
        Called with the id of the job while that is held.

    Raises
    ------
    SlurmRefuses
        Slurm does not take the job.
    """
    job = commands.submit(script, "--hold")
    try:
        before(job)
        commands.release(job)
    except BaseException:
        commands.cancel([job])
        raise
    return job


def ask_driver(job: str, who: str | None) -> Shown | None:
    """Ask Slurm how the job of a driver stands; None where it cannot be asked.

    Parameters
    ----------
    job : str
    who : str, optional
        What `who_asks` said where it was submitted: elsewhere the number may be that of another job.
    """
    try:
        return commands.show(job) if who == who_asks() else None
    except (SlurmNotReached, SlurmRefuses):
        return None


def cancel_driver(job: str, who: str | None) -> bool:
    """Cancel the job of a driver; false where that cannot be done. For the parameters, see `ask_driver`.

    The run hears of it as of any signal.
    """
    try:
        if who != who_asks():
            return False
        commands.cancel([job])
    except (SlurmNotReached, SlurmRefuses):
        return False
    return True


def ends_soon() -> bool:
    """Tell whether the job that this process is in has been told to stop because its time is nearly over."""
    try:
        queued = commands.queue().get(os.environ.get("SLURM_JOB_ID", ""))
    except (SlurmNotReached, SlurmRefuses):
        return False
    # One that was cancelled is COMPLETING.
    return queued is not None and queued.state == "RUNNING" and queued.left <= _NOTICE + _GRANULARITY
