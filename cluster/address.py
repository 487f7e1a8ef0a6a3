"""A scheduler that somebody else started."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from distributed import Client
from distributed.core import rpc
from distributed.security import Security

from cluster.config import Address
from cluster.errors import NoWorkers, SchedulerNotFound
from cluster.quiet import quiet

__all__ = ["open_address"]


@contextmanager
def open_address(config: Address) -> Iterator[Client]:
    """Connect to a running scheduler; it and its workers outlive the client."""
    with quiet():
        asyncio.run(_knock(config))
        with Client(config.address, timeout=config.timeout, set_as_default=False) as client:
            _wait_for_worker(client, config)
            yield client


async def _knock(config: Address) -> None:
    # A Client that fails to connect stays half open and complains when it is collected, so ask first.
    arguments = Security().get_connection_args("client")
    try:
        async with (
            asyncio.timeout(config.timeout),
            rpc(config.address, connection_args=arguments) as scheduler,
        ):
            await scheduler.identity()
    except (OSError, ValueError, RuntimeError) as error:
        raise SchedulerNotFound(
            f"no scheduler answers at {config.address!r} within {config.timeout:g} s "
            f"({str(error) or 'no answer'}); give the address that `dask scheduler` prints, such as tcp://host:8786"
        ) from error


def _wait_for_worker(client: Client, config: Address) -> None:
    try:
        client.wait_for_workers(1, timeout=config.timeout)
    except TimeoutError:
        raise NoWorkers(
            f"the scheduler at {config.address} has no worker after {config.timeout:g} s; "
            f"start one with: PYTHONSAFEPATH=1 dask worker {config.address}"
        ) from None
