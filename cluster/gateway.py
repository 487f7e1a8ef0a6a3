"""A cluster that a Dask Gateway starts, for users without accounts on its machines."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dask_gateway import Gateway as GatewayClient
from dask_gateway import GatewayCluster

from relusweep.cluster.backend import BackendStatus, ClusterBackend
from relusweep.cluster.config import Gateway
from relusweep.cluster.errors import InvalidCluster, NoWorkers, SchedulerNotFound
from relusweep.cluster.scheduler import is_remote

__all__ = ["GatewayBackend"]

_logger = logging.getLogger(__name__)

_INTERVAL = 1.0


class GatewayBackend(ClusterBackend[GatewayCluster]):
    """Requests a cluster from a gateway, which replaces workers, and shuts it down at the end."""

    def __init__(self, config: Gateway) -> None:
        self._config = config
        self._wanted = config.workers

    def start(self) -> None:
        """Request the cluster, and wait for its first worker, which tells what resources it has."""
        config = self._config
        try:
            _warn_if_plain(config.address)
            with _gateway(config) as gateway:
                self._check_options(gateway)
                self._cluster = gateway.new_cluster(shutdown_on_close=True, **config.options)
            self._cluster.scale(config.workers)
        except InvalidCluster:
            raise
        except Exception as error:  # of the network, the gateway, or what it starts clusters with
            raise SchedulerNotFound(
                f"the gateway at {config.address} gives no cluster: {type(error).__name__}: {error}; see "
                "whether it answers in a browser, and whether `auth` is its way to log in"
            ) from error
        self._wait_for_worker()

    @property
    def security(self) -> Any:
        """The certificate that the gateway made for this cluster."""
        return self._started.security

    def scale(self, workers: int) -> None:
        """Ask the gateway for another number of workers."""
        self._wanted = workers
        self._started.scale(workers)

    def reconcile(self) -> None:
        """Nothing to do: the gateway replaces workers."""

    def status(self) -> BackendStatus:
        """Count the workers that have come."""
        running = len(self._started.scheduler_info["workers"])
        message = f"{running} of {self._wanted} workers of {self._started.name} at {self._config.address}"
        return BackendStatus(self._wanted, running, max(0, self._wanted - running), message)

    def close(self) -> None:
        """Shut the cluster down."""
        if self._cluster is not None:
            self._cluster.close(shutdown=True)
            _leave_be(self._cluster.gateway)

    def _check_options(self, gateway: GatewayClient) -> None:
        allowed = dict(gateway.cluster_options())
        if unknown := set(self._config.options) - set(allowed):
            there = ", ".join(sorted(allowed)) or "none"
            raise InvalidCluster(
                f"options: the gateway at {self._config.address} knows no {', '.join(sorted(unknown))}; "
                f"it has: {there}"
            )

    def _wait_for_worker(self) -> None:
        until = time.monotonic() + self._config.timeout
        while not self._started.scheduler_info["workers"]:
            if time.monotonic() > until:
                raise NoWorkers(
                    f"the gateway at {self._config.address} has given no worker within "
                    f"{self._config.timeout:g} s; ask its administrator, or give a longer `timeout`"
                )
            time.sleep(_INTERVAL)


def _warn_if_plain(address: str) -> None:
    if address.startswith("http://") and is_remote(address):
        _logger.warning(
            "traffic with %s is not encrypted: others on the network can read your password or token, and "
            "the key of the cluster; ask the gateway's administrator for https://",
            address,
        )


@contextmanager
def _gateway(config: Gateway) -> Iterator[GatewayClient]:
    gateway = GatewayClient(config.address, config.proxy_address, auth=config.auth)
    try:
        yield gateway
    finally:
        gateway.close()
        _leave_be(gateway)


def _leave_be(gateway: GatewayClient) -> None:
    """Keep a closed client from logging an error when it is collected, as its loop has stopped."""
    gateway._asynchronous = True  # an asynchronous client has no loop of its own (dask-gateway 2026.3)
