"""A cluster of processes on this machine."""

from __future__ import annotations

import time
from typing import Any

from dask.system import CPU_COUNT
from distributed import Scheduler, SpecCluster

from relusweep.cluster.backend import BackendStatus, ClusterBackend
from relusweep.cluster.config import Local
from relusweep.cluster.environment import ENVIRONMENT
from relusweep.cluster.errors import NoWorkers
from relusweep.cluster.gpus import gpu_environments
from relusweep.cluster.local_worker import LocalWorker

__all__ = ["LocalBackend"]

_HERE = "127.0.0.1"  # nothing leaves the machine: neither work nor dashboard


class LocalBackend(ClusterBackend[SpecCluster]):
    """Starts worker processes, which are replaced when they die, and stops them on closing."""

    security = None

    def __init__(self, config: Local) -> None:
        self._config = config

    def start(self) -> None:
        """Start the scheduler in this process, and wait for the workers."""
        self._cluster = SpecCluster(
            workers=self._workers(),
            worker=self._worker(),
            scheduler={
                "cls": Scheduler,
                "options": {
                    "host": _HERE,
                    "port": 0,
                    "dashboard": True,
                    "dashboard_address": f"{_HERE}:{self._config.dashboard}",
                },
            },
        )
        self._wait_for_workers()

    def scale(self, workers: int) -> None:
        """Start or stop workers; those with a GPU stay what they are."""
        self._started.scale(workers)

    def reconcile(self) -> None:
        """Nothing to do: each `LocalWorker` does it."""

    def status(self) -> BackendStatus:
        """Count the workers."""
        wanted, running = len(self._started.worker_spec), len(self._started.scheduler_info["workers"])
        return BackendStatus(
            wanted, running, max(0, wanted - running), f"{running} of {wanted} processes on this machine"
        )

    def _workers(self) -> dict[str | int, dict[str, Any]]:
        config = self._config
        on_gpus: dict[str | int, dict[str, Any]] = {
            f"gpu-{index}": self._worker(resources={"GPU": 1}, environment={**ENVIRONMENT, **environment})
            for index, environment in gpu_environments(config.gpus).items()
        }
        n = config.workers
        if n is None:
            n = 0 if on_gpus else max(1, CPU_COUNT // config.threads_per_worker)
        return {**dict.fromkeys(range(n), self._worker()), **on_gpus}

    def _worker(self, **options: Any) -> dict[str, Any]:
        common = {
            "host": _HERE,
            "nthreads": self._config.threads_per_worker,
            "dashboard": False,
            "environment": ENVIRONMENT,  # wins over what the user's shell exports
            "memory_limit": 0,  # the plan bounds the blocks: pausing or killing a worker could only lose work
        }
        return {"cls": LocalWorker, "options": {**common, **options}}

    def _wait_for_workers(self) -> None:
        workers = self._started.workers.values()
        while len(self._started.scheduler_info["workers"]) < len(workers):
            if codes := [worker.exit_code for worker in workers if worker.exit_code]:
                raise NoWorkers(
                    f"a worker on this machine ended with exit code {codes[0]} as it started; see what it "
                    "wrote above, and try: relusweep doctor"
                )
            time.sleep(0.01)
