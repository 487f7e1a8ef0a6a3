"""What every process of a worker starts with, and how a scheduler of ours behaves."""

from typing import Any

__all__ = ["ENVIRONMENT", "POOLS", "SETTINGS"]

POOLS = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
"""One block is one thread: pools would fight for the same processors."""

ENVIRONMENT = {
    **POOLS,
    "MALLOC_TRIM_THRESHOLD_": "65536",  # Dask's own choice: what a block has used goes back to the machine
    "DASK_LOGGING__DISTRIBUTED": "critical",
}

SETTINGS: dict[str, Any] = {
    # A dying worker also counts against the innocent blocks that it held.
    "distributed.scheduler.allowed-failures": 3,
    # A worker holds the block that it computes and no other: at the end of a run that would wait for it.
    "distributed.scheduler.worker-saturation": 1.0,
}
