"""Pods on Kubernetes, which the Dask operator starts and replaces; their traffic is encrypted."""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from secrets import token_hex
from typing import Any, TypeVar, cast

import dask
import kr8s
from dask_kubernetes.operator import make_cluster_spec
from distributed.security import Security
from kr8s.objects import APIObject, Pod, Secret, new_class

from relusweep.cluster.backend import BackendStatus
from relusweep.cluster.certificates import certificate, environment_of, secured
from relusweep.cluster.config import Kubernetes
from relusweep.cluster.environment import POOLS
from relusweep.cluster.errors import SchedulerNotFound
from relusweep.cluster.scheduler import identity

__all__ = ["KubernetesBackend", "cluster_spec"]

T = TypeVar("T")

_DaskCluster = new_class("DaskCluster", "kubernetes.dask.org/v1", asyncio=False)

_FOLDER = "/etc/relusweep"  # of the certificate, in the pods
_FILE = "certificate.pem"
_PORT = 8786  # of the scheduler, in its pod
_ANY_GROUP = 65534  # owns the certificate in the pods, which may run as another user than root

# If the driver is killed, the operator deletes the DaskCluster after this many seconds without work.
_IDLE = 900

_INTERVAL = 0.5
_TIMEOUT = 5.0

_ENVIRONMENT = {
    **POOLS,
    **environment_of(f"{_FOLDER}/{_FILE}"),
    # Of the scheduler, as `relusweep.cluster.environment.SETTINGS` has them for those that start here.
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3",
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_SATURATION": "1.0",
    "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES": str(
        [*dask.config.get("distributed.scheduler.http.routes"), "relusweep.cluster.idle"]
    ),
}


class KubernetesBackend:
    """Creates a DaskCluster, connects to it through the API of Kubernetes, and deletes it at the end.

    `dask_kubernetes.operator.KubeCluster` does the same, but supports only plain TCP.
    """

    address = ""

    def __init__(self, config: Kubernetes) -> None:
        self._config = config
        self._wanted = config.workers
        self._pem = certificate()
        self._open = ExitStack()

    def start(self) -> None:
        """Create the DaskCluster, and wait for its scheduler; the pods of workers may come later."""
        try:
            cluster = _DaskCluster(cluster_spec(self._config), namespace=self._config.namespace)
            cluster.create()
            self._cluster = cluster
            self._open.callback(self._delete)
            # After its owner, with which it is deleted; the pods wait for it.
            Secret(_secret(cluster, self._pem.read_text()), namespace=cluster.namespace).create()
            pod = self._wait_for("has no pod that is ready", self._ready_pod)
            port = self._open.enter_context(pod.portforward(_PORT, "auto"))
            self.address = f"tls://127.0.0.1:{port}"
            self._wait_for("does not answer", self._answer)
        except SchedulerNotFound:
            raise
        except Exception as error:  # of the API, the network or the configuration of kubectl
            raise SchedulerNotFound(
                f"Kubernetes gives no Dask cluster: {type(error).__name__}: {error}; see whether "
                "`kubectl get daskclusters` answers, and whether the Dask operator is installed there"
            ) from error

    @property
    def security(self) -> Security:
        """The certificate of this user, which the pods read from a Secret."""
        return secured(self._pem)

    def scale(self, workers: int) -> None:
        """Ask the operator for another number of pods."""
        self._wanted = workers
        self._cluster.patch({"spec": {"worker": {"replicas": workers}}})

    def reconcile(self) -> None:
        """Nothing to do: the operator replaces pods."""

    def status(self) -> BackendStatus:
        """Count the workers that have come."""
        answer = self._answer()
        if answer is None:
            return BackendStatus(self._wanted, 0, self._wanted, f"no scheduler answers at {self.address}")
        running = len(answer["workers"])
        message = f"{running} of {self._wanted} pods of the DaskCluster {self._cluster.name}"
        return BackendStatus(self._wanted, running, max(0, self._wanted - running), message)

    def close(self) -> None:
        """Delete the DaskCluster; Kubernetes then deletes what it owns: pods, service, certificate."""
        self._open.close()

    def _delete(self) -> None:
        with suppress(kr8s.NotFoundError):  # by somebody else
            self._cluster.delete()

    def _wait_for(self, problem: str, ask: Callable[[], T | None]) -> T:
        until = time.monotonic() + self._config.timeout
        while (found := ask()) is None:
            if time.monotonic() > until:
                raise SchedulerNotFound(
                    f"the scheduler of the DaskCluster {self._cluster.name} {problem} after "
                    f"{self._config.timeout:g} s: {self._trouble()}"
                )
            time.sleep(_INTERVAL)
        return found

    def _ready_pod(self) -> Pod | None:
        return next((pod for pod in self._pods() if pod.ready()), None)

    def _answer(self) -> dict[str, Any] | None:
        with suppress(OSError):
            return identity(self.address, self.security, _TIMEOUT)
        return None

    def _pods(self) -> list[Pod]:
        labels = {"dask.org/cluster-name": self._cluster.name, "dask.org/component": "scheduler"}
        return cast("list[Pod]", list(Pod.list(namespace=self._cluster.namespace, label_selector=labels)))

    def _trouble(self) -> str:
        """Say what Kubernetes reports about the scheduler's pod, and how to see more."""
        pods = self._pods()
        if not pods:
            return "there is none; see whether the Dask operator runs, and whether it watches this namespace"
        pod, status = pods[0], pods[0].raw.get("status", {})
        said = [each["state"].get("waiting", {}) for each in status.get("containerStatuses", ())]
        said += [each for each in status.get("conditions", ()) if each["status"] == "False"]
        reasons = [f", {each['reason']}: {each.get('message', '')}" for each in said if "reason" in each]
        of = f"-n {pod.namespace} {pod.name}"
        phase = status.get("phase", "Pending")
        return f"its pod is {phase}{''.join(reasons)}; see kubectl describe pod {of} and kubectl logs {of}"


def cluster_spec(config: Kubernetes) -> dict[str, Any]:
    """Describe the DaskCluster: the operator's own template, and what our workers need.

    Returns
    -------
    dict
        A resource of Kubernetes. It holds only the names of Secrets.
    """
    name = config.name or f"relusweep-{_of_user()}{token_hex(3)}"
    amounts = {"cpu": config.cpu, "memory": config.memory}
    on_gpu = ["--resources", "GPU=1"] if config.gpus else []
    # The operator tells workers tcp://; the address in the command takes precedence.
    scheduler_there = f"tls://{name}-scheduler:{_PORT}"
    spec: dict[str, Any] = make_cluster_spec(
        name=name,
        image=config.image,
        n_workers=config.workers,
        resources={"requests": amounts, "limits": amounts},
        env=_ENVIRONMENT,
        worker_command=["dask", "worker", scheduler_there, "--nthreads", "1", "--memory-limit", "0", *on_gpu],
        idle_timeout=_IDLE,
    )
    pods = [spec["spec"][part]["spec"] for part in ("worker", "scheduler")]
    worker, scheduler = (pod["containers"][0] for pod in pods)
    # The template's `dask-scheduler` is a script that distributed no longer installs.
    scheduler["args"] = ["dask", "scheduler", *scheduler["args"][1:]]
    if config.gpus:  # the scheduler needs none
        gpu = {"nvidia.com/gpu": str(config.gpus)}
        worker["resources"] = {"requests": {**amounts, **gpu}, "limits": {**amounts, **gpu}}
    for pod in pods:
        _give_certificate(pod, name)
    if config.secret:
        for container in (worker, scheduler):
            container["envFrom"] = [{"secretRef": {"name": config.secret}}]
    return spec


def _give_certificate(pod: dict[str, Any], cluster: str) -> None:
    """Let the processes of a pod, and nobody else, read the Secret as a file."""
    secret = {"secretName": _secret_name(cluster), "defaultMode": 0o400}
    pod["volumes"] = [{"name": "tls", "secret": secret}]
    pod["securityContext"] = {"fsGroup": _ANY_GROUP}
    for container in pod["containers"]:
        container["volumeMounts"] = [{"name": "tls", "mountPath": _FOLDER, "readOnly": True}]


def _secret(cluster: APIObject, pem: str) -> dict[str, Any]:
    """Describe the certificate as a Secret that is deleted with its DaskCluster."""
    raw = cluster.raw
    owner = {name: raw[name] for name in ("apiVersion", "kind")}
    owner |= {name: raw["metadata"][name] for name in ("name", "uid")}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": _secret_name(cluster.name), "ownerReferences": [owner]},
        "immutable": True,
        "stringData": {_FILE: pem},
    }


def _secret_name(cluster: str) -> str:
    return f"{cluster}-tls"


def _of_user() -> str:
    try:
        name = getpass.getuser().lower()
    except (KeyError, OSError):  # an id without a name
        name = ""
    user = "".join(letter for letter in name if letter.isascii() and letter.isalnum())
    return f"{user[:20]}-" if user else ""
