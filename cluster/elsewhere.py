"""Whether what is said to an address leaves this machine."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

__all__ = ["is_elsewhere"]


def is_elsewhere(address: str) -> bool:
    """Tell whether an address, as ``tcp://host:8786``, is another machine's: only one's own can be bound.

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
    for family, kind, _, _, there in socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM):
        with socket.socket(family, kind) as probe:
            try:
                probe.bind(there)
            except OSError:
                return True
    return False
