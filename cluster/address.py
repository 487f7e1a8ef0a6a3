"""A scheduler that somebody else started."""

from __future__ import annotations

import logging
import time
from typing import Any

import dask
from distributed.security import Security

from relusweep.cluster.backend import BackendStatus
from relusweep.cluster.certificates import security as kept_security
from relusweep.cluster.config import Address
from relusweep.cluster.errors import NoWorkers, SchedulerNotFound
from relusweep.cluster.scheduler import identity, is_remote

__all__ = ["AddressBackend"]

_logger = logging.getLogger(__name__)

_EVERY = 0.1


class AddressBackend:
    """Finds a running scheduler; it and its workers outlive us."""

    def __init__(self, config: Address) -> None:
        self._config = config
        self.address = config.address
        self.security = _security(config)

    def start(self) -> None:
        """Wait for the scheduler and its first worker."""
        self._identity()
        if self.security is None and is_remote(self.address):
            _logger.warning(
                "traffic with %s is plain: whoever is on its way reads it, and whoever reaches the scheduler "
                "has the workers run what they want; start it with TLS, and give tls://host:8786 instead",
                self.address,
            )
        deadline = time.monotonic() + self._config.timeout
        while not self._identity()["workers"]:
            if time.monotonic() > deadline:
                raise NoWorkers(
                    f"the scheduler at {self.address} has no worker after {self._config.timeout:g} s; "
                    f"start one with: dask worker {self.address}"
                )
            time.sleep(_EVERY)

    def scale(self, workers: int) -> None:
        """Nothing to do: the workers are somebody else's."""

    def reconcile(self) -> None:
        """Nothing to do: the workers are somebody else's."""

    def status(self) -> BackendStatus:
        """Count the workers."""
        try:
            running = len(self._identity()["workers"])
        except SchedulerNotFound as error:
            return BackendStatus(0, 0, 0, str(error))
        return BackendStatus(running, running, 0, f"{running} workers at {self.address}")

    def close(self) -> None:
        """Nothing to do: what runs goes on."""

    def _identity(self) -> dict[str, Any]:
        timeout = self._config.timeout
        try:
            return identity(self.address, self.security, timeout)
        except (OSError, ValueError, RuntimeError) as error:
            raise SchedulerNotFound(
                f"no scheduler answers at {self.address!r} within {timeout:g} s "
                f"({str(error) or 'no answer'}); give the address that `dask scheduler` prints, such as "
                f"tcp://host:8786{_words_about_tls(self.address)}"
            ) from error


def _security(config: Address) -> Security | None:
    if not config.address.startswith("tls://"):
        return None
    if config.tls_cert is not None:
        return Security(
            require_encryption=True,
            tls_ca_file=config.tls_ca_file,
            tls_client_cert=config.tls_cert,
            tls_client_key=config.tls_key,
        )
    if dask.config.get("distributed.comm.tls.ca-file"):
        return Security(require_encryption=True)
    return kept_security()


def _words_about_tls(address: str) -> str:
    if not address.startswith("tls://"):
        return ", or tls://host:8786 where it asks for certificates"
    return (
        "; it must know our certificate: `relusweep cluster certificate` names the one that is shown, unless "
        "tls_ca_file and tls_cert in the file of the cluster name others"
    )
