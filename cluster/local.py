"""A cluster of processes on this machine."""

from __future__ import annotations

from typing import Any

from dask.system import CPU_COUNT
from distributed import Nanny, Scheduler, SpecCluster

from relusweep.cluster.backend import BackendStatus, ClusterBackend
from relusweep.cluster.config import Local
from relusweep.cluster.environment import ENVIRONMENT
from relusweep.cluster.gpus import gpu_environments

__all__ = ["LocalBackend"]

_HERE = "127.0.0.1"  # nothing leaves the machine: neither work nor dashboard


class LocalBackend(ClusterBackend[SpecCluster]):
    """Starts processes, each of which a nanny replaces when it dies, and stops them on closing."""

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

    def scale(self, workers: int) -> None:
        """Start or stop workers; those with a GPU stay what they are."""
        self._started.scale(workers)

    def reconcile(self) -> None:
        """Nothing to do: the nannies do it."""

    def status(self) -> BackendStatus:
        """Count the workers."""
        wanted, running = len(self._started.worker_spec), len(self._started.scheduler_info["workers"])
        return BackendStatus(
            wanted, running, max(0, wanted - running), f"{running} of {wanted} processes on this machine"
        )

    def _workers(self) -> dict[str | int, dict[str, Any]]:
        config = self._config
        on_gpus: dict[str | int, dict[str, Any]] = {
            f"gpu-{index}": self._worker(nthreads=1, resources={"GPU": 1}, env={**ENVIRONMENT, **environment})
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
            "env": ENVIRONMENT,  # wins over what the user's shell exports
            "memory_limit": 0,  # the plan bounds the blocks: pausing or killing a worker could only lose work
        }
        return {"cls": Nanny, "options": {**common, **options}}
