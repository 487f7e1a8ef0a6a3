"""One writer per store: a file lock, which the kernel releases however its holder ends."""

import fcntl
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from relusweep.storage.errors import StoreLocked, StoreWriteError
from relusweep.storage.repository import LOCK, foreign


def lock_store(path: Path) -> int:
    """Lock the store in a directory, made where missing; closing the descriptor that is returned releases it.

    What locks is ``flock``, not that the file exists: a killed process leaves nothing to clean up.
    """
    try:
        if other := foreign(path):
            raise FileExistsError(f"the directory is in use, it holds {other[:5]}; choose another")
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreWriteError(f"cannot write to the store at {path}: {error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _sign(lock)
    except BlockingIOError as error:
        holder = os.read(lock, 4096).decode() or "a process that has just started"
        os.close(lock)
        raise StoreLocked(
            f"the store at {path} is being written by {holder}; wait for it or stop it: its lock ends with it"
        ) from error
    except OSError as error:
        os.close(lock)
        raise StoreWriteError(f"cannot lock the store at {path}: {error}") from error
    return lock


def _sign(lock: int) -> None:
    """Say who holds the lock, for the message that others get."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    os.truncate(lock, 0)
    os.write(lock, json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}).encode())
