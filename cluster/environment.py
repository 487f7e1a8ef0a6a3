"""The environment of worker processes, and the settings of schedulers that we start."""

import sys
from functools import partial
from typing import Any

from relusweep._paths import expanded_or
from relusweep.cluster.errors import InvalidCluster

__all__ = ["ENVIRONMENT", "POOLS", "SETTINGS", "expanded", "import_from"]

POOLS = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
"""A block is computed by one thread: pools of threads would compete for the same processors."""

ENVIRONMENT = {
    **POOLS,
    "MALLOC_TRIM_THRESHOLD_": "65536",  # Dask's own default: freed memory goes back to the system
    "DASK_LOGGING__DISTRIBUTED": "critical",
    "JOBLIB_MULTIPROCESSING": "0",  # nothing here needs it, and where /dev/shm is missing it complains
}

SETTINGS: dict[str, Any] = {
    # When a worker dies, all blocks that it held are counted as suspects, not only the guilty one.
    "distributed.scheduler.allowed-failures": 3,
    # A worker gets only the blocks that it computes: at the end of a run others would wait for it.
    "distributed.scheduler.worker-saturation": 1.0,
}


expanded = partial(expanded_or, InvalidCluster)


def import_from(folder: str) -> None:
    """Let this process import from a folder too; installed packages take precedence."""
    if folder not in sys.path:
        sys.path.append(folder)
