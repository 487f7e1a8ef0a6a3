"""Whether what is said to an address leaves this machine."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

__all__ = ["is_elsewhere"]


def is_elsewhere(address: str) -> bool:
    """Tell whether an address, as ``tcp://host:8786``, is another machine's: only one's own can be bound.

    Of several addresses one is enough: a host may have a name in IPv6, and no such network.

    Raises
    ------
    OSError
        Nobody knows the name of the host.

    Examples
    --------
    >>> is_elsewhere("tcp://127.0.0.1:8786"), is_elsewhere("http://192.0.2.1")
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
