"""A cluster of processes on this machine."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

import dask
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster

from cluster.config import Local
from cluster.quiet import quiet

__all__ = ["open_local"]

_POOLS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")

_ENVIRONMENT = {
    **dict.fromkeys(_POOLS, "1"),  # one block is one thread: pools would fight for the same processors
    "PYTHONSAFEPATH": "1",  # a stray tasks.py in the working directory must not shadow ours
    "DASK_LOGGING__DISTRIBUTED": "critical",
}

_SETTINGS = {
    # Set before the interpreter starts: it reads PYTHONSAFEPATH, and the pools are sized at import.
    "distributed.nanny.pre-spawn-environ": _ENVIRONMENT,
    # A dying worker also counts against the innocent blocks that it held.
    "distributed.scheduler.allowed-failures": 3,
    # A worker holds the block that it computes and no other: at the end of a run that would wait for it.
    "distributed.scheduler.worker-saturation": 1.0,
}


@contextmanager
def open_local(config: Local) -> Iterator[Client]:
    """Start `config.workers` processes, and stop them on leaving."""
    with (
        dask.config.set(_SETTINGS),
        quiet(),
        _cluster(config) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def _cluster(config: Local) -> LocalCluster:
    # Ctrl-C reaches the whole process group, but only the run may answer it, and then close its workers.
    # Threads and processes inherit the mask: so does the thread that replaces lost workers. The tracker
    # clears the mask of the thread that starts it, so it starts first.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return LocalCluster(
            n_workers=config.workers or max(1, CPU_COUNT // config.threads_per_worker),
            threads_per_worker=config.threads_per_worker,
            processes=True,
            dashboard_address=f"127.0.0.1:{config.dashboard}",  # a port alone would be open to the network
            env=_ENVIRONMENT,  # wins over what the user's shell exports
            memory_limit=0,  # the plan bounds the blocks: pausing or killing a worker could only lose work
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
