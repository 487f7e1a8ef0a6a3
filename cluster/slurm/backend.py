"""Workers in jobs of Slurm; the scheduler runs in this process."""

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
_OWN_PAGES = "127.0.0.1:0"  # dashboards and metrics have no TLS: reach them by ssh -L
_TIMEOUT = 60  # seconds for which a worker tries to reach the scheduler before its job ends
_HEARTBEATS = 3.0  # seconds after which a worker has reported what it computes

_WORKER_ENVIRONMENT = {
    **ENVIRONMENT,
    "DASK_LOGGING__DISTRIBUTED": "info",  # in the log of the job, which explains failures
    # The plan limits the size of blocks: pausing a worker would only lose work. If a worker exceeds its share
    # of the job's memory, its nanny ends it before Slurm ends the whole job.
    **{f"DASK_DISTRIBUTED__WORKER__MEMORY__{what}": "False" for what in ("TARGET", "SPILL", "PAUSE")},
}

_NEVER = {
    "PartitionConfig",
    "PartitionNodeLimit",
    "PartitionTimeLimit",
    "BadConstraints",
    "AccountNotAllowed",
}
"""Reasons to wait of jobs that will never start."""

_log = logging.getLogger(__name__)


class SlurmBackend(ClusterBackend[SLURMCluster]):
    """Submits jobs, and replaces those that end, at their walltime or before.

    A worker is named after its job, so that the queue and the scheduler together tell the whole state.

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
        """Start the scheduler and submit the jobs; Slurm decides when they start.

        Raises
        ------
        SlurmNotReached
            Slurm's programs are not here, or its controller does not answer.
        SlurmRefuses
            There is no such partition, or Slurm refuses such jobs.
        """
        commands.check_partition(self._config.partition)
        self._folder = shared_folder(self._config)
        self.security = secured(certificate_in(self._folder))
        self._cluster = self._make_cluster()
        with self._lock:
            self._submit(self._config.jobs)

    def scale(self, workers: int) -> None:
        """Ask for as many jobs as that many workers need."""
        with self._lock:
            self._jobs.wanted = -(-workers // self._config.workers_per_job)
            surplus = self._jobs.surplus(self._queue)
            commands.cancel(surplus)
            self._jobs.drop(surplus)
        self.reconcile()

    def reconcile(self) -> None:
        """Compare the jobs with the queue: drop the dead, drain those that end soon, submit missing ones.

        If the controller does not answer, nothing changes: the next call may succeed.
        """
        with self._lock:
            if self._failure:
                return
            try:
                self._update()
                self._submit(self._jobs.lacking(time.monotonic()))
                self._trouble = ""
            except (SlurmNotReached, SlurmRefuses) as error:
                self._warn(str(error))

    def status(self) -> BackendStatus:
        """Count the workers.

        Raises
        ------
        JobsFail
            Jobs ended one after another before their workers had computed anything; no more are submitted.
        """
        if self._failure:
            raise self._failure
        jobs = list(self._jobs)
        states = [queued.state for job in jobs if (queued := self._queue.get(job.id))]
        at_work = len(self._workers())
        wanted = self._jobs.wanted * self._config.workers_per_job
        message = f"{states.count('RUNNING')} of {self._jobs.wanted} jobs of Slurm run, {at_work} workers"
        if reasons := {reason for job in jobs if (reason := self._reason(job.id))}:
            message += f"; waiting: {', '.join(sorted(reasons))}"
        return BackendStatus(
            wanted,
            at_work,
            max(0, wanted - at_work),
            f"{message}; {self._trouble}" if self._trouble else message,
        )

    def close(self) -> None:
        """Cancel the jobs, and stop the scheduler."""
        with self._lock:
            ours = [job.id for job in self._jobs]
            self._jobs.wanted = 0
            self._jobs.drop(ours)
            with suppress(SlurmNotReached, SlurmRefuses):  # without a scheduler they end by themselves
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
        # Of equal options the last counts: these come after those of dask-jobqueue.
        worker = ["--name", "$SLURM_JOB_ID", "--no-dashboard", "--dashboard-address", _OWN_PAGES]
        if config.gpus:
            worker += ["--resources", "GPU=1", "--preload-nanny", "relusweep.cluster.slurm.preload"]
        return SLURMCluster(
            n_workers=0,  # we submit the jobs: dask-jobqueue never replaces one that was lost
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
            death_timeout=_TIMEOUT,
            silence_logs=False,
        )

    def _directives(self) -> list[str]:
        gpus = [f"--gres=gpu:{self._config.gpus}"] if self._config.gpus else []
        # A job runs once: its replacement is another job.
        output = f"--output={log_of(self._folder, '%j')}"
        return [output, "--export=ALL", "--no-requeue", *gpus, *self._config.directives]

    def _submit(self, count: int) -> None:
        script = self._started.job_script()
        for _ in range(count):
            self._jobs.add(commands.submit(script))

    def _update(self) -> None:
        self._queue = dict(commands.queue())
        workers = self._workers()
        change = self._jobs.update(self._queue, {_job_of(worker) for worker in workers}, time.monotonic())
        for job in change.ended:
            _log.info("job %s %s", job.id, commands.how_ended(job.id))
        if change.ended and self._jobs.failing:
            self._give_up_after(change.ended[-1].id)
        if never := [job.id for job in self._jobs if self._reason(job.id) in _NEVER]:
            self._give_up(
                f"job {never[0]} would wait in Slurm forever ({self._reason(never[0])}): ask for less in "
                "the file of the cluster (cores, memory, walltime), or for another partition"
            )
        commands.cancel([job.id for job in change.left])
        retired = [job.id for job in self._jobs if job.retired]
        self._note_last_blocks(retired, workers)
        self._drain([worker for worker in workers if _job_of(worker) in retired])

    def _note_last_blocks(self, retired: list[str], workers: Iterable[WorkerState]) -> None:
        """Warn about blocks that were cut off when their job reached its walltime."""
        for job in self._last_blocks.keys() - set(retired):
            if cut := self._last_blocks.pop(job):
                _log.warning(
                    "job %s reached its walltime while it computed %s, which will be computed again; a block "
                    "must take less than drain (%d s): set a longer drain and walltime in its file",
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
            f"jobs of Slurm end one after another before they have computed anything; the last, {job}, "
            f"{commands.how_ended(job)}. No more are submitted. Its log is {log}:\n{tail(log)}"
        )

    def _give_up(self, message: str) -> None:
        self._failure = JobsFail(message)
        self._jobs.wanted = 0
        commands.cancel([each.id for each in self._jobs])

    def _warn(self, trouble: str) -> None:
        if trouble != self._trouble:  # only once
            _log.warning("%s; trying again", trouble)
        self._trouble = trouble

    def _reason(self, job: str) -> str:
        """Give the reason why a job waits; empty if it does not."""
        queued = self._queue.get(job)
        return queued.reason if queued and queued.state == "PENDING" else ""

    def _workers(self) -> list[WorkerState]:
        return list(self._scheduler.workers.values())

    def _drain(self, workers: Collection[WorkerState]) -> None:
        """Give workers no new blocks, and retire those that have finished theirs.

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
        """Tell whether a retired worker computes nothing and holds no result."""
        settled = now - self._retired.get(worker.address, now) > _HEARTBEATS
        # Blocks that it has not started will go to another worker.
        return not worker.has_what and (not worker.processing or (settled and not worker.executing))

    def _retire(self, addresses: Iterable[str], *, remove: bool) -> None:
        if addresses := list(addresses):
            retire = self._scheduler.retire_workers
            self._started.sync(retire, workers=addresses, remove=remove, close_workers=remove)


def _job_of(worker: WorkerState) -> str:
    return str(worker.name).partition("-")[0]
