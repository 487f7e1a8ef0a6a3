"""Loaded by the nannies of a job with several GPUs: each gives its worker the one that goes with its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relusweep.cluster.gpus import gpu_environments

if TYPE_CHECKING:
    from distributed import Nanny

__all__ = ["dask_setup"]


async def dask_setup(nanny: Nanny) -> None:
    """Choose the GPU of the worker that is about to start.

    ``dask worker --nworkers 2 --name job`` names its nannies job-0 and job-1, and one alone just job.
    """
    number = str(nanny.name).rpartition("-")[2] if "-" in str(nanny.name) else "0"
    environments = list(gpu_environments(int(number) + 1).values())
    nanny.env.update(environments[int(number)])
