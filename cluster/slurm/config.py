"""Configuration of Slurm."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

from relusweep._yaml import Whole

__all__ = ["Driver", "Slurm", "seconds"]

# days-hours[:minutes[:seconds]], or [[hours:]minutes:]seconds, or minutes: see TIME in the manual of sbatch.
_TIME = re.compile(r"(?:(\d+)-(\d+)(?::(\d+))?(?::(\d+))?|(?:(\d+):)??(\d+)(?::(\d+))?)")
_MEMORY = r"^\d+(\.\d+)? ?[kKMGT]i?B$"
_LONGEST_DRAIN = 300


def seconds(time: str) -> int:
    """Read a span of time as Slurm writes it.

    Raises
    ------
    ValueError
        It is none.

    Examples
    --------
    >>> seconds("90"), seconds("1:30"), seconds("01:00:00"), seconds("1-12"), seconds("1-00:30")
    (5400, 90, 3600, 129600, 88200)
    """
    match = _TIME.fullmatch(time)
    if match is None:
        raise ValueError(f"{time!r} is no time")
    days, hours, minutes, rest, *short = (int(part or 0) for part in match.groups())
    if match[1] is None:
        hours, minutes, rest = short
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def _is_time(time: str) -> str:
    if seconds(time) < 1:
        raise ValueError("is no time at all")
    return time


def _is_directive(line: str) -> str:
    if not re.fullmatch(r"-[^\n]+", line):
        raise ValueError(f"{line!r} is no option of sbatch: one begins with -, and has one line")
    return line


Time = Annotated[
    str,
    Field(description="as sbatch takes it: 90 (minutes), 1:30:00, 2-00:00:00"),
    AfterValidator(_is_time),
]
Memory = Annotated[str, Field(pattern=_MEMORY, description="as 4 GB or 500 MiB")]
Count = Annotated[Whole, Field(gt=0, description="1 or more")]
Text = Annotated[str, Field(min_length=1, description="a text")]
Directive = Annotated[str, Field(description="as --qos=long"), AfterValidator(_is_directive)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Driver(_Section):
    """The job in which `relusweep submit` starts a run, so that the user can log out.

    Attributes
    ----------
    walltime : str
        Two minutes before its end the run commits and continues in another job.
    memory : str
    cores : int
    partition : str, optional
        Without it, that of the workers.
    jobs : int
        At most so many, one after another, if one is not enough.
    directives : list of str
        More options of ``sbatch``, as ``--qos=long``; those of the workers' jobs are not the driver's.
    """

    walltime: Time = "1-00:00:00"
    memory: Memory = "4 GB"
    cores: Count = 1
    partition: Text | None = None
    jobs: Count = 20
    directives: tuple[Directive, ...] = ()

    @model_validator(mode="after")
    def _is_long_enough(self) -> Self:
        if seconds(self.walltime) < 300:
            raise ValueError(f"driver: walltime {self.walltime!r} is short; allowed from five minutes on")
        return self


class Slurm(_Section):
    """Jobs of Slurm in which workers run; those that end early are replaced.

    Attributes
    ----------
    jobs : int
        Number of jobs at a time.
    cores, memory : int and str
        Of a job.
    walltime : str
        Of a job. When it comes near, the workers of the job finish their blocks and get no more, and a new
        job takes over.
    processes : int, optional
        Workers of a job, which share its cores and its memory; without it, one for each core or each GPU.
    gpus : int, optional
        GPUs of a job: each gets a worker of one thread that sees no other.
    partition, account : str, optional
        As ``sbatch`` takes them.
    drain : str, optional
        How long before the end of a job its workers get no more blocks: longer than a block takes. Without
        it, a tenth of the walltime, but at most five minutes.
    interface : str, optional
        The network interface of this machine and of the nodes over which they talk, as ``ib0``; without it,
        the address from which this machine reaches the nodes.
    directives : list of str
        More options of ``sbatch``, as ``--constraint=skylake``.
    prologue : list of str
        Lines of bash that a job runs first, as ``module load cuda``; where one fails, the job ends.
    python : str, optional
        The interpreter on the nodes; without it, the path of the one here.
    folder : str, optional
        Seen under the same path by this machine and the nodes: for certificates and the logs of jobs.
        Without it, ``relusweep/slurm`` in ``$XDG_STATE_HOME``, which is in the home directory.
    driver : Driver
        The job of `relusweep submit`.
    """

    kind: Literal["slurm"] = "slurm"
    jobs: Count = 1
    cores: Count = 1
    memory: Memory
    walltime: Time
    processes: Count | None = None
    gpus: Count | None = None
    partition: Text | None = None
    account: Text | None = None
    drain: Time | None = None
    interface: Text | None = None
    directives: tuple[Directive, ...] = ()
    prologue: tuple[Text, ...] = ()
    python: Text | None = None
    folder: Text | None = None
    driver: Driver = Driver()

    @property
    def workers_per_job(self) -> int:
        """Processes that compute blocks."""
        return self.processes or self.gpus or self.cores

    @property
    def threads_per_worker(self) -> int:
        """Blocks that a process computes at a time."""
        return 1 if self.gpus else self.cores // self.workers_per_job

    @property
    def drain_seconds(self) -> int:
        """How long before its end a job gets no more blocks."""
        return seconds(self.drain) if self.drain else min(_LONGEST_DRAIN, seconds(self.walltime) // 10)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.gpus and self.processes not in (None, self.gpus):
            raise ValueError(
                f"processes = {self.processes} with gpus = {self.gpus}: each GPU has one process; "
                "leave processes out"
            )
        if not self.gpus and self.cores % self.workers_per_job:
            raise ValueError(
                f"processes = {self.processes} do not share {self.cores} cores evenly; "
                "give a number that divides cores"
            )
        if 2 * self.drain_seconds >= seconds(self.walltime):
            raise ValueError(
                f"drain = {self.drain!r} of walltime {self.walltime!r} leaves no time to work; "
                "give less than half of it"
            )
        return self
