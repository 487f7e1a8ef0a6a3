"""What a scheduler tells about itself, and whether an address is on this machine."""

from __future__ import annotations

import asyncio
import socket
from typing import Any
from urllib.parse import urlsplit

from distributed.core import rpc
from distributed.security import Security

from relusweep.cluster.blocking import wait_for

__all__ = ["identity", "is_remote"]


def identity(address: str, security: Security | None, timeout: float) -> dict[str, Any]:
    """Ask the scheduler at an address for its description, which includes its workers.

    A Client that fails to connect stays half open and logs errors when it is collected; this leaves nothing.

    Parameters
    ----------
    timeout : float
        Seconds to wait for the answer.

    Raises
    ------
    OSError, ValueError, RuntimeError
        Nothing answers, the address is malformed, or the scheduler refuses us.
    """

    async def ask() -> dict[str, Any]:
        arguments = (security or Security()).get_connection_args("client")
        async with asyncio.timeout(timeout), rpc(address, connection_args=arguments) as scheduler:
            answer: dict[str, Any] = await scheduler.identity()
            return answer

    return wait_for(ask())


def is_remote(address: str) -> bool:
    """Tell whether an address, such as ``tcp://host:8786``, belongs to another machine.

    A machine can bind only its own addresses. Where a host has several, one of them is enough: it may have an
    IPv6 name without an IPv6 network.

    Raises
    ------
    OSError
        The name of the host is not known.

    Examples
    --------
    >>> is_remote("tcp://127.0.0.1:8786"), is_remote("http://192.0.2.1")
    (False, True)
    """
    host = urlsplit(f"//{address.rpartition('//')[2]}").hostname
    found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    return not any(_can_be_bound(family, there) for family, _, _, _, there in found)


def _can_be_bound(family: socket.AddressFamily, there: Any) -> bool:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind(there)
    except OSError:
        return False
    return True
