"""The environment of worker processes, and the settings of schedulers that we start."""

import sys
from pathlib import Path
from typing import Any

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


def expanded(path: str, *variables: str) -> Path:
    """Put the home folder in the place of ``~``.

    Parameters
    ----------
    path : str
    *variables : str
        Of the environment, beside HOME: those that give the path by themselves.

    Raises
    ------
    InvalidCluster
        Nobody says where it is: HOME is not set and the user has no name, or there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        ways = " or ".join(("HOME", *variables))
        raise InvalidCluster(
            f"{path}: it is not known where ~ is; set {ways}, or write it in full"
        ) from error


def import_from(folder: str) -> None:
    """Let this process import from a folder too; installed packages take precedence."""
    if folder not in sys.path:
        sys.path.append(folder)
