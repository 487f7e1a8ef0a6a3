"""Pods on Kubernetes, which the Dask operator starts and replaces."""

from __future__ import annotations

import getpass
from secrets import token_hex
from typing import Any

import kr8s
from dask_kubernetes.operator import KubeCluster, make_cluster_spec

from cluster.config import Kubernetes
from cluster.environment import POOLS
from cluster.errors import SchedulerNotFound
from cluster.place import ClusterPlace, PlaceStatus

__all__ = ["KubernetesPlace", "cluster_spec"]

_ENVIRONMENT = {
    **POOLS,
    "PYTHONSAFEPATH": "1",
    # Of the scheduler, as `cluster.environment.SETTINGS` has them for those that start here.
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3",
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_SATURATION": "1.0",
}


class KubernetesPlace(ClusterPlace[KubeCluster]):
    """Asks the operator for a DaskCluster, reaches it through the API of Kubernetes, and deletes it."""

    security = None  # KubeCluster speaks plain TCP inside the forwarded port, which the API encrypts

    def __init__(self, config: Kubernetes) -> None:
        self._config = config
        self._wanted = config.workers

    def start(self) -> None:
        """Create the DaskCluster, and wait for its scheduler; the pods of workers come when they can."""
        spec = cluster_spec(self._config)
        try:
            kr8s.api().version()  # a KubeCluster that fails to start stays half open: ask first
            self._cluster = KubeCluster(
                custom_cluster_spec=spec,
                namespace=self._config.namespace,
                resource_timeout=int(self._config.timeout),
                quiet=True,
            )
        except Exception as error:  # of the API, the network, the operator
            raise SchedulerNotFound(
                f"Kubernetes gives no Dask cluster: {type(error).__name__}: {error}; see whether "
                "`kubectl get daskclusters` answers, and whether the Dask operator is installed there"
            ) from error

    def scale(self, workers: int) -> None:
        """Ask the operator for another number of pods."""
        self._wanted = workers
        self._started.scale(workers)

    def reconcile(self) -> None:
        """Nothing to do: the operator replaces pods."""

    def status(self) -> PlaceStatus:
        """Count the workers that have come."""
        running = len(self._started.scheduler_info["workers"])
        words = f"{running} of {self._wanted} pods of the DaskCluster {self._started.name}"
        return PlaceStatus(self._wanted, running, max(0, self._wanted - running), words)


def cluster_spec(config: Kubernetes) -> dict[str, Any]:
    """Describe the DaskCluster: the operator's own template, and what our workers need.

    Returns
    -------
    dict
        A resource of Kubernetes. Secrets stand in it by name alone.
    """
    amounts = {"cpu": config.cpu, "memory": config.memory}
    on_gpu = ["--resources", "GPU=1"] if config.gpus else []
    spec: dict[str, Any] = make_cluster_spec(
        name=config.name or f"relusweep-{_of_user()}{token_hex(3)}",
        image=config.image,
        n_workers=config.workers,
        resources={"requests": amounts, "limits": amounts},
        env=_ENVIRONMENT,
        worker_command=["dask", "worker", "--nthreads", "1", "--memory-limit", "0", *on_gpu],
    )
    (worker,) = spec["spec"]["worker"]["spec"]["containers"]
    (scheduler,) = spec["spec"]["scheduler"]["spec"]["containers"]
    # The template's `dask-scheduler` is a script that distributed no longer installs.
    scheduler["args"] = ["dask", "scheduler", *scheduler["args"][1:]]
    if config.gpus:  # the scheduler would hold one for nothing
        gpu = {"nvidia.com/gpu": str(config.gpus)}
        worker["resources"] = {"requests": {**amounts, **gpu}, "limits": {**amounts, **gpu}}
    if config.secret:
        for container in (worker, scheduler):
            container["envFrom"] = [{"secretRef": {"name": config.secret}}]
    return spec


def _of_user() -> str:
    user = "".join(letter for letter in getpass.getuser().lower() if letter.isascii() and letter.isalnum())
    return f"{user[:20]}-" if user else ""
