"""A way to a server that can be shut: who knocks then is refused, and who was inside is thrown out."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self


class Door:
    """Pass what comes at a port of this machine on to a server, while it is open."""

    def __init__(self, host: str, port: int) -> None:
        self._server = host, port
        self._listener: socket.socket | None = None
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.port = 0

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *error: object) -> None:
        self.shut()

    def open(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port, self._listener = listener.getsockname()[1], listener
        threading.Thread(target=self._let_in, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        ends = [end for pair in self._pairs for end in pair]
        for end in [self._listener, *ends] if self._listener else ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes whoever waits at it
            end.close()
        self._listener = None
        self._pairs.clear()

    def _let_in(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                outside, _ = listener.accept()
                inside = socket.create_connection(self._server)
                self._pairs.append((outside, inside))
                for a, b in ((outside, inside), (inside, outside)):
                    threading.Thread(target=_pass_on, args=(a, b), daemon=True).start()


def _pass_on(a: socket.socket, b: socket.socket) -> None:
    with suppress(OSError):
        while got := a.recv(65536):
            b.sendall(got)
    with suppress(OSError):
        b.shutdown(socket.SHUT_WR)
