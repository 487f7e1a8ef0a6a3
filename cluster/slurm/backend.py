"""Workers in jobs of Slurm; the scheduler is in this process."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from shlex import quote
from typing import TYPE_CHECKING

from dask_jobqueue.slurm import SLURMCluster
from distributed.core import Status

from relusweep.cluster.backend import BackendStatus, ClusterBackend
from relusweep.cluster.certificates import secured
from relusweep.cluster.environment import ENVIRONMENT
from relusweep.cluster.errors import JobsFail, SlurmNotReached, SlurmRefuses
from relusweep.cluster.slurm import commands
from relusweep.cluster.slurm.config import Slurm
from relusweep.cluster.slurm.files import certificate_in, log_of, shared_folder, tail
from relusweep.cluster.slurm.hosts import scheduler_host
from relusweep.cluster.slurm.jobs import Jobs
from relusweep.cluster.slurm.script import prologue

if TYPE_CHECKING:
    from distributed.scheduler import Scheduler, WorkerState
    from distributed.security import Security

__all__ = ["SlurmBackend"]

_JOB_NAME = "relusweep-worker"
_OWN_PAGES = "127.0.0.1:0"  # no certificate guards them: from elsewhere they are reached through SSH
_PATIENCE = 60  # seconds that a worker looks for the scheduler before its job ends
_HEARTBEATS = 3.0  # seconds after which a worker has told what it computes

_WORKER_ENVIRONMENT = {
    **ENVIRONMENT,
    "DASK_LOGGING__DISTRIBUTED": "info",  # into the log of the job, where one looks when it has failed
    # The plan bounds the blocks: pausing a worker could only lose work. One that outgrows its job's memory
    # is ended by its nanny before Slurm ends them all.
    **{f"DASK_DISTRIBUTED__WORKER__MEMORY__{what}": "False" for what in ("TARGET", "SPILL", "PAUSE")},
}

_NEVER = {
    "PartitionConfig",
    "PartitionNodeLimit",
    "PartitionTimeLimit",
    "BadConstraints",
    "AccountNotAllowed",
}
"""Why a job may wait that will never begin."""

_log = logging.getLogger(__name__)


class SlurmBackend(ClusterBackend[SLURMCluster]):
    """Submits jobs and replaces those that end, before their time or at it.

    Slurm keeps the names: a worker is called after its job, so that nothing is to be remembered which the
    queue and the scheduler do not tell.

    Parameters
    ----------
    config : Slurm
    """

    def __init__(self, config: Slurm) -> None:
        self._config = config
        self._jobs = Jobs(config.jobs, config.drain_seconds)
        self._lock = threading.Lock()  # reconcile() is called from a thread of its own
        self._queue: dict[str, commands.Queued] = {}
        self._retired: dict[str, float] = {}  # by worker, when
        self._last_blocks: dict[str, list[str]] = {}  # by retired job, what it computes
        self._failure: JobsFail | None = None
        self._trouble = ""
        self.security: Security | None = None

    def start(self) -> None:
        """Start the scheduler and submit the jobs; when they begin is for Slurm to say.

        Raises
        ------
        SlurmNotReached
            Slurm's programs are not here, or its controller does not answer.
        SlurmRefuses
            There is no such partition, or jobs like these are not taken.
        """
        commands.check_partition(self._config.partition)
        self._folder = shared_folder(self._config)
        self.security = secured(certificate_in(self._folder))
        self._cluster = self._make_cluster()
        with self._lock:
            self._submit(self._config.jobs)

    def scale(self, workers: int) -> None:
        """Ask for as many jobs as hold so many workers."""
        with self._lock:
            self._jobs.wanted = -(-workers // self._config.workers_per_job)
            surplus = self._jobs.surplus(self._queue)
            commands.cancel(surplus)
            self._jobs.drop(surplus)
        self.reconcile()

    def reconcile(self) -> None:
        """Compare the jobs with the queue: drop the dead, drain those that end soon, submit what lacks.

        A controller that does not answer for a while changes nothing: the next look may go better.
        """
        with self._lock:
            if self._failure:
                return
            try:
                self._look()
                self._submit(self._jobs.lacking(time.monotonic()))
                self._trouble = ""
            except (SlurmNotReached, SlurmRefuses) as error:
                self._tell(str(error))

    def status(self) -> BackendStatus:
        """Count the workers.

        Raises
        ------
        JobsFail
            Job after job ended before a worker in it had worked, so that no more are submitted.
        """
        if self._failure:
            raise self._failure
        jobs = list(self._jobs)
        states = [queued.state for job in jobs if (queued := self._queue.get(job.id))]
        at_work = len(self._workers())
        wanted = self._jobs.wanted * self._config.workers_per_job
        words = f"{states.count('RUNNING')} of {self._jobs.wanted} jobs of Slurm run, {at_work} workers"
        if reasons := {reason for job in jobs if (reason := self._reason(job.id))}:
            words += f"; waiting: {', '.join(sorted(reasons))}"
        return BackendStatus(
            wanted, at_work, max(0, wanted - at_work), f"{words}; {self._trouble}" if self._trouble else words
        )

    def close(self) -> None:
        """Cancel the jobs, and stop the scheduler."""
        with self._lock:
            ours = [job.id for job in self._jobs]
            self._jobs.wanted = 0
            self._jobs.drop(ours)
            with suppress(SlurmNotReached, SlurmRefuses):  # they end by themselves without a scheduler
                commands.cancel(ours)
            if self._cluster is not None:
                self._cluster.close()

    @property
    def _scheduler(self) -> Scheduler:
        scheduler: Scheduler | None = self._started.scheduler  # in this process
        if scheduler is None:
            raise RuntimeError("the scheduler has ended")
        return scheduler

    def _make_cluster(self) -> SLURMCluster:
        config = self._config
        per_job = config.workers_per_job
        # The last of equal options wins: over those that dask-jobqueue writes before.
        worker = ["--name", "$SLURM_JOB_ID", "--no-dashboard", "--dashboard-address", _OWN_PAGES]
        if config.gpus:
            worker += ["--resources", "GPU=1", "--preload-nanny", "relusweep.cluster.slurm.preload"]
        return SLURMCluster(
            n_workers=0,  # jobs are ours to submit: it never replaces one that was lost
            cores=config.threads_per_worker * per_job,
            processes=per_job,
            memory=config.memory,
            job_cpu=config.cores,
            walltime=config.walltime,
            queue=config.partition,
            account=config.account,
            python=f"{quote(config.python or sys.executable)} -P",  # the working folder is not on the path
            protocol="tls://",
            security=self.security,
            interface=config.interface,
            scheduler_options={"dashboard_address": _OWN_PAGES, **scheduler_host(config)},
            job_name=_JOB_NAME,
            job_extra_directives=self._directives(),
            job_script_prologue=prologue(config, _WORKER_ENVIRONMENT),
            worker_extra_args=worker,
            death_timeout=_PATIENCE,
            silence_logs=False,
        )

    def _directives(self) -> list[str]:
        gpus = [f"--gres=gpu:{self._config.gpus}"] if self._config.gpus else []
        # A job runs once: the one that follows it is another.
        output = f"--output={log_of(self._folder, '%j')}"
        return [output, "--export=ALL", "--no-requeue", *gpus, *self._config.directives]

    def _submit(self, count: int) -> None:
        script = self._started.job_script()
        for _ in range(count):
            self._jobs.add(commands.submit(script))

    def _look(self) -> None:
        self._queue = dict(commands.queue())
        workers = self._workers()
        change = self._jobs.look(self._queue, {_job_of(worker) for worker in workers}, time.monotonic())
        for job in change.ended:
            _log.info("job %s %s", job.id, commands.how_ended(job.id))
        if change.ended and self._jobs.hopeless:
            self._give_up_after(change.ended[-1].id)
        if never := [job.id for job in self._jobs if self._reason(job.id) in _NEVER]:
            self._give_up(
                f"Slurm would let job {never[0]} wait for ever ({self._reason(never[0])}): ask for less in "
                "the file of the cluster (cores, memory, walltime), or for another partition"
            )
        commands.cancel([job.id for job in change.left])
        retired = [job.id for job in self._jobs if job.retired]
        self._note_last_blocks(retired, workers)
        self._drain([worker for worker in workers if _job_of(worker) in retired])

    def _note_last_blocks(self, retired: list[str], workers: Iterable[WorkerState]) -> None:
        """Say which blocks were cut off when a job came to its end."""
        for job in self._last_blocks.keys() - set(retired):
            if cut := self._last_blocks.pop(job):
                _log.warning(
                    "job %s came to its end while it computed %s, to be computed anew; a block must take "
                    "less than drain (%d s): give a longer drain and walltime in the file of the cluster",
                    job,
                    ", ".join(cut),
                    self._config.drain_seconds,
                )
        self._last_blocks |= {job: [] for job in retired}
        for worker in workers:
            if _job_of(worker) in self._last_blocks:
                self._last_blocks[_job_of(worker)] += [str(task.key) for task in worker.executing]

    def _give_up_after(self, job: str) -> None:
        log = log_of(self._folder, job)
        self._give_up(
            f"job after job of Slurm ends before it has worked; the last, {job}, "
            f"{commands.how_ended(job)}. No more are submitted. Its log is {log}:\n{tail(log)}"
        )

    def _give_up(self, words: str) -> None:
        self._failure = JobsFail(words)
        self._jobs.wanted = 0
        commands.cancel([each.id for each in self._jobs])

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:  # once, not every second
            _log.warning("%s; trying again", trouble)
        self._trouble = trouble

    def _reason(self, job: str) -> str:
        """Tell why a job waits; empty where it does not."""
        queued = self._queue.get(job)
        return queued.reason if queued and queued.state == "PENDING" else ""

    def _workers(self) -> list[WorkerState]:
        return list(self._scheduler.workers.values())

    def _drain(self, workers: Collection[WorkerState]) -> None:
        """Give workers no new blocks, and let go those that have finished theirs.

        ``dask worker --lifetime`` would cut off the blocks at work: measured, a block of 3 s on workers that
        live for 4 s began again and again.
        """
        now = time.monotonic()
        fresh = [worker.address for worker in workers if worker.status == Status.running]
        idle = [
            worker.address
            for worker in workers
            if worker.status != Status.running and self._is_idle(worker, now)
        ]
        for address in fresh:
            self._retired[address] = now
        self._retire(fresh, remove=False)
        self._retire(idle, remove=True)

    def _is_idle(self, worker: WorkerState, now: float) -> bool:
        """Tell whether a retired worker computes nothing and holds nothing."""
        settled = now - self._retired.get(worker.address, now) > _HEARTBEATS
        # What it was given but has not begun it never will: then it goes elsewhere.
        return not worker.has_what and (not worker.processing or (settled and not worker.executing))

    def _retire(self, addresses: Iterable[str], *, remove: bool) -> None:
        if addresses := list(addresses):
            retire = self._scheduler.retire_workers
            self._started.sync(retire, workers=addresses, remove=remove, close_workers=remove)


def _job_of(worker: WorkerState) -> str:
    return str(worker.name).partition("-")[0]
