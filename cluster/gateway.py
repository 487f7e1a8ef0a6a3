"""A cluster that a Dask Gateway starts: for users whom the machines behind it do not know."""

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

_EVERY = 1.0


class GatewayBackend(ClusterBackend[GatewayCluster]):
    """Asks a gateway for a cluster with workers, and gives it back; the gateway replaces workers."""

    def __init__(self, config: Gateway) -> None:
        self._config = config
        self._wanted = config.workers

    def start(self) -> None:
        """Ask for the cluster, and wait for its first worker: what it has only the gateway knows."""
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
                "whether it answers in a browser, and that the way to say who we are (auth) is its own"
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
        words = f"{running} of {self._wanted} workers of {self._started.name} at {self._config.address}"
        return BackendStatus(self._wanted, running, max(0, self._wanted - running), words)

    def close(self) -> None:
        """Give the cluster back."""
        if self._cluster is not None:
            self._cluster.close(shutdown=True)
            _leave_be(self._cluster.gateway)

    def _check_options(self, gateway: GatewayClient) -> None:
        allowed = dict(gateway.cluster_options())
        if unknown := set(self._config.options) - set(allowed):
            there = ", ".join(sorted(allowed)) or "none"
            raise InvalidCluster(
                f"options: the gateway at {self._config.address} knows no {', '.join(sorted(unknown))}; "
                f"it lets its users choose: {there}"
            )

    def _wait_for_worker(self) -> None:
        until = time.monotonic() + self._config.timeout
        while not self._started.scheduler_info["workers"]:
            if time.monotonic() > until:
                raise NoWorkers(
                    f"the gateway at {self._config.address} has given no worker within "
                    f"{self._config.timeout:g} s; ask its keeper, or give a longer `timeout`"
                )
            time.sleep(_EVERY)


def _warn_if_plain(address: str) -> None:
    if address.startswith("http://") and is_remote(address):
        _logger.warning(
            "traffic with %s is plain: whoever is on its way reads our password or token, and the key of the "
            "cluster; ask the gateway's keeper for https://",
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
    """Keep a closed one from complaining when it is collected: it asks for the loop that it has stopped."""
    gateway._asynchronous = True  # those have no loop of their own (dask-gateway 2026.3)
