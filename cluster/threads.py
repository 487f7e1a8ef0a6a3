"""Limit every library on a worker to one thread for a block."""

from __future__ import annotations

import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from distributed.diagnostics.plugin import WorkerPlugin

from relusweep.cluster.environment import POOLS

if TYPE_CHECKING:
    from distributed import Worker

__all__ = ["OneThread", "pin_threads", "threads_in_use"]


class OneThread(WorkerPlugin):
    """Limits every worker to one thread for a block, including those that join later."""

    name = "relusweep-one-thread"
    idempotent = True

    def setup(self, worker: Worker) -> None:
        """Set the limits; where that fails the worker leaves. If this only raised, the worker would stay."""
        try:
            pin_threads()
        except Exception:  # of whichever library: it is raised again
            worker.loop.add_callback(worker.close, reason="its threads cannot be pinned")
            raise


def pin_threads() -> None:
    """Give BLAS, OpenMP, Numba and PyTorch one thread in this process, now or when they are imported.

    Raises
    ------
    RuntimeError
        PyTorch has started more threads than one already.
    """
    from threadpoolctl import threadpool_limits

    os.environ.update(POOLS)  # for what is loaded later
    threadpool_limits(1)
    if numba := sys.modules.get("numba"):
        _pin_numba(numba)
    if torch := sys.modules.get("torch"):
        _pin_torch(torch)
    elif not any(isinstance(finder, _AtImport) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AtImport())


def threads_in_use() -> dict[str, int]:
    """Give the number of threads that each library of this process would use; imports PyTorch.

    Returns
    -------
    dict of int
        ``torch``, ``torch between operations``, ``numba``, and every pool that threadpoolctl knows.
    """
    import torch
    from numba import config
    from threadpoolctl import threadpool_info

    return {
        "torch": torch.get_num_threads(),
        "torch between operations": torch.get_num_interop_threads(),
        "numba": config.NUMBA_NUM_THREADS,  # type: ignore[attr-defined]  # made when Numba is imported
        **{pool["prefix"]: pool["num_threads"] for pool in threadpool_info()},
    }


def _pin_numba(numba: Any) -> None:
    try:
        numba.config.reload_config()  # reads NUMBA_NUM_THREADS
    except RuntimeError:  # a parallel kernel has run here: none of ours is, so that its threads stay asleep
        numba.set_num_threads(1)


def _pin_torch(torch: Any) -> None:
    torch.set_num_threads(1)
    if torch.get_num_interop_threads() != 1:  # may be set but once
        torch.set_num_interop_threads(1)


class _AtImport(MetaPathFinder):
    """Pins PyTorch when something imports it: 3 s and 200 MB that most sweeps do without.

    No variable of the environment sets its threads between operations.
    """

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and (loader := spec.loader) is not None:
            execute = loader.exec_module

            def execute_and_pin(module: ModuleType) -> None:
                execute(module)
                _pin_torch(module)

            loader.exec_module = execute_and_pin  # type: ignore[method-assign]  # for this one import
        return spec
