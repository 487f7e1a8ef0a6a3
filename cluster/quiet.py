"""Keeps distributed's log out of the user's way."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet"]


@contextmanager
def quiet() -> Iterator[None]:
    """Show only critical records of distributed in this process.

    A lost worker, a late heartbeat or a block that raises is handled by the run and told to the user in its
    own words; the log's lines would only tear the progress bar.
    """
    # distributed gives some of its loggers levels of their own: the root of the tree is not enough.
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "distributed"]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
