"""Workers on hosts that are reached over SSH; their traffic is encrypted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from distributed import SpecCluster
from distributed.security import Security

from relusweep.cluster.backend import BackendStatus, ClusterBackend
from relusweep.cluster.blocking import wait_for
from relusweep.cluster.certificates import certificate, secured
from relusweep.cluster.config import Ssh
from relusweep.cluster.errors import HostsNotReached
from relusweep.cluster.gpus import gpu_environments
from relusweep.cluster.remote import (
    Host,
    RemoteScheduler,
    RemoteWorkers,
    connect_options,
    inspect_host,
    remote_python,
)

__all__ = ["SshBackend"]

_logger = logging.getLogger(__name__)

_RETRY_EVERY = 30.0

# If the driver is killed, scheduler and workers end by themselves after this many seconds without work.
_IDLE = 900

_LOCAL_ONLY = "127.0.0.1:0"  # dashboards and metrics have no TLS: reach them by ssh -L


class _Down(NamedTuple):
    reason: str
    again: float  # when to try next, monotonic time


class SshBackend(ClusterBackend[SpecCluster]):
    """Starts scheduler and workers over SSH, and restarts workers on a host that comes back.

    A single worker that dies is replaced by its nanny, on its host.
    """

    def __init__(self, config: Ssh) -> None:
        self._config = config
        self._pem = certificate()
        self._up: dict[str, Host] = {}
        self._down: dict[str, _Down] = {}

    def start(self) -> None:
        """Start workers on all hosts that answer, and the scheduler on the first of them."""
        wait_for(self._inspect(self._config.hosts))
        if not self._up:
            raise HostsNotReached(f"no host can be used: {self._reasons()}")
        hosts = [host for host in self._config.hosts if host in self._up]
        try:
            self._cluster = SpecCluster(
                workers={name: spec for host in hosts for name, spec in self._workers_on(host).items()},
                scheduler=self._scheduler_on(hosts[0]),
                security=self.security,
                name="relusweep-ssh",
            )
        except Exception as error:  # dask's own, of many kinds
            raise HostsNotReached(
                f"scheduler or workers did not start on {', '.join(hosts)}: {error}; the hosts must "
                "reach one another: see `interface` and the firewall"
            ) from error

    @property
    def security(self) -> Security:
        """The certificate of this user, of which the hosts have a copy."""
        return secured(self._pem)

    def scale(self, workers: int) -> None:
        """Nothing to do: the hosts decide how many there are."""

    def reconcile(self) -> None:
        """Mark hosts whose processes ended as down, and retry those that are down from time to time."""
        processes = self._started.workers.items()
        for host in {host for (host, _), process in list(processes) if process.ended}:
            self._give_up(host, "its processes ended, or the connection to them did", retry_in=0)
        due = [host for host, down in self._down.items() if time.monotonic() >= down.again]
        if due:
            self._started.sync(self._start_again, due)

    def status(self) -> BackendStatus:
        """Count the workers, and name the hosts that are down."""
        wanted = sum(map(self._count_on, self._up))
        running = len(self._started.scheduler_info["workers"])
        message = f"{running} of {wanted} workers on {len(self._up)} of {len(self._config.hosts)} hosts"
        if self._down:
            message += f"; down: {self._reasons()}"
        return BackendStatus(wanted, running, max(0, wanted - running), message)

    async def _inspect(self, hosts: Iterable[str]) -> None:
        for host in await asyncio.gather(*(inspect_host(self._config, name, self._pem) for name in hosts)):
            if host.processors:
                self._up[host.name] = host
                self._down.pop(host.name, None)
            else:
                self._give_up(host.name, host.reason)

    async def _start_again(self, hosts: Iterable[str]) -> None:
        cluster = self._started
        await cluster  # closes what is left of what ended
        await self._inspect(hosts)
        for host in set(hosts) & set(self._up):
            cluster.worker_spec.update(self._workers_on(host))
            try:
                await cluster
            except Exception as error:  # dask's own, of many kinds
                self._give_up(host, f"its workers did not start: {error}")

    def _give_up(self, host: str, reason: str, retry_in: float = _RETRY_EVERY) -> None:
        if host not in self._down:  # only once
            _logger.warning("continuing without %s: %s", host, reason)
        self._down[host] = _Down(reason, time.monotonic() + retry_in)
        self._up.pop(host, None)
        if self._cluster is not None:
            for name in [name for name in self._cluster.worker_spec if name[0] == host]:
                del self._cluster.worker_spec[name]

    def _reasons(self) -> str:
        return "; ".join(f"{host}: {down.reason}" for host, down in self._down.items())

    def _scheduler_on(self, host: str) -> dict[str, Any]:
        options = {
            "port": self._config.scheduler_port,
            "interface": self._config.interface,
            "dashboard_address": _LOCAL_ONLY,
            "idle_timeout": _IDLE,
        }
        return {"cls": RemoteScheduler, "options": {**self._common(host), "kwargs": options}}

    def _workers_on(self, host: str) -> dict[tuple[str, str], dict[str, Any]]:
        """Describe the processes on a host: one with all nannies of workers on processors, one for a GPU."""
        on_gpus = {
            (host, f"gpu {index}"): self._workers(host, 1, env=environment, resources={"GPU": 1})
            for index, environment in gpu_environments(self._gpus).items()
        }
        n = self._count_on(host) - len(on_gpus)
        return {(host, "processors"): self._workers(host, n), **on_gpus} if n else on_gpus

    def _workers(self, host: str, n: int, **more: Any) -> dict[str, Any]:
        options = {
            "n_workers": n,
            "nthreads": 1,
            "memory_limit": 0,  # as on this machine: the plan bounds the blocks
            "interface": self._config.interface,
            "dashboard_address": _LOCAL_ONLY,
        }
        return {"cls": RemoteWorkers, "options": {**self._common(host), "kwargs": {**options, **more}}}

    def _common(self, host: str) -> dict[str, Any]:
        return {
            "address": host,
            "connect_options": connect_options(self._config),
            "remote_python": remote_python(self._config, self._pem),
        }

    def _count_on(self, host: str) -> int:
        on_gpus = len(self._gpus or ())
        n = self._config.workers_per_host
        return on_gpus + (n or (0 if on_gpus else self._up[host].processors))

    @property
    def _gpus(self) -> tuple[int, ...] | None:
        gpus = self._config.gpus
        return tuple(range(gpus)) if isinstance(gpus, int) else gpus
