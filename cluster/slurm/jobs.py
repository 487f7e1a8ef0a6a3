"""Which jobs there are, and how many are missing: decisions alone, which can be tested without Slurm."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from relusweep.cluster.slurm.commands import Queued

__all__ = ["Change", "Job", "Jobs"]

# A job whose workers stayed for less than this has failed, whatever ended it.
_MIN_SECONDS = 30.0
_MAX_FAILURES = 3
_MAX_PAUSE = 60.0


@dataclass
class Job:
    """One of ours.

    Attributes
    ----------
    id : str
    staffed : float, optional
        When its first worker was seen.
    relieved, retired : bool
        Its end is near: another job has been asked for in its place; its workers get no more blocks.
    """

    id: str
    staffed: float | None = None
    relieved: bool = False
    retired: bool = False


class Change(NamedTuple):
    """What a look at the queue has shown.

    Attributes
    ----------
    ended : list of Job
        Gone since the last look, before their time.
    left : list of Job
        Whose workers have all gone, as they should, so that they can end.
    """

    ended: list[Job]
    left: list[Job]


class Jobs:
    """Keeps the account of jobs.

    Parameters
    ----------
    wanted : int
        How many should wait or run.
    drain : float
        Seconds before its end from which on the workers of a job get no more blocks; the next job is asked
        for twice as long before, as it may have to wait.
    """

    def __init__(self, wanted: int, drain: float) -> None:
        self.wanted, self._drain = wanted, drain
        self._jobs: dict[str, Job] = {}
        self._quick = 0  # deaths in a row of jobs that had hardly worked
        self._not_before = 0.0

    def __iter__(self) -> Iterator[Job]:
        return iter(tuple(self._jobs.values()))

    def add(self, job: str) -> None:
        """Note one that has been submitted."""
        self._jobs[job] = Job(job)

    def drop(self, jobs: Collection[str]) -> None:
        """Forget some, which are to be cancelled."""
        for job in jobs:
            self._jobs.pop(job, None)

    @property
    def hopeless(self) -> bool:
        """Whether as many as were wanted, three at least, have died in a row without having worked."""
        at_work = any(job.staffed is not None for job in self._jobs.values())
        return self._quick >= max(_MAX_FAILURES, self.wanted) and not at_work

    def lacking(self, now: float) -> int:
        """Tell how many must be submitted; none while it is too early to try again."""
        if now < self._not_before:
            return 0
        return max(0, self.wanted - sum(not job.relieved for job in self._jobs.values()))

    def surplus(self, queue: Mapping[str, Queued]) -> list[str]:
        """Name those that are too many, the ones that still wait first."""
        kept = [job.id for job in self._jobs.values() if not job.relieved]
        kept.sort(key=lambda job: job in queue and queue[job].state == "PENDING")
        return kept[self.wanted :]

    def look(self, queue: Mapping[str, Queued], staffed: Collection[str], now: float) -> Change:
        """Compare with the queue, and with the jobs of which the scheduler has workers."""
        change = Change([], [])
        for job in self:
            queued = queue.get(job.id)
            if queued is None or not queued.going:
                del self._jobs[job.id]
                if not job.retired:
                    change.ended.append(job)
                    self._note_death(job, now)
                continue
            if job.id in staffed:
                self._note_life(job, now)
            elif job.retired:
                change.left.append(job)
            if queued.state == "RUNNING":
                job.relieved = job.relieved or queued.left <= 2 * self._drain
                job.retired = job.retired or queued.left <= self._drain
        return change

    def _note_life(self, job: Job, now: float) -> None:
        job.staffed = now if job.staffed is None else job.staffed
        if now - job.staffed >= _MIN_SECONDS:
            self._quick, self._not_before = 0, 0.0

    def _note_death(self, job: Job, now: float) -> None:
        if job.staffed is not None and now - job.staffed >= _MIN_SECONDS:
            return
        self._quick += 1
        if self._quick > 1:  # the first may be anybody's scancel
            self._not_before = now + min(_MAX_PAUSE, 2.0 ** (self._quick - 1))
