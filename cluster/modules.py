"""Workers import our modules, whatever lies in the folders that they work in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from distributed.diagnostics.plugin import WorkerPlugin

if TYPE_CHECKING:
    from distributed import Worker

__all__ = ["OwnModules"]


class OwnModules(WorkerPlugin):
    """Takes the folder of a worker off its path.

    Dask puts it first, and keeps what it spills in a folder ``storage`` there: where relusweep is installed
    editable, Python takes that for our package.
    """

    name = "relusweep-own-modules"
    idempotent = True

    def setup(self, worker: Worker) -> None:
        """Take the folder off the path."""
        if worker.local_directory in sys.path:
            sys.path.remove(worker.local_directory)
