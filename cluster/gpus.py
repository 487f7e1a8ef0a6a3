"""One process to a GPU: the process sees no other, so that `cuda` means its own."""

from __future__ import annotations

import os
from collections.abc import Mapping

__all__ = ["gpu_environments"]


def gpu_environments(gpus: int | tuple[int, ...] | None) -> Mapping[str, dict[str, str]]:
    """Give the environment of the worker of each GPU.

    Parameters
    ----------
    gpus : int or tuple of int, optional
        How many, or which. A count is of those that this process may use, where ``CUDA_VISIBLE_DEVICES``
        says so, as in a job of a batch system.

    Returns
    -------
    dict of dict
        By the name of the GPU.

    Examples
    --------
    >>> gpu_environments((3,))
    {'3': {'CUDA_VISIBLE_DEVICES': '3'}}
    """
    names = tuple(map(str, _first(gpus) if isinstance(gpus, int) else gpus or ()))
    return {name: {"CUDA_VISIBLE_DEVICES": name} for name in names}


def _first(count: int) -> list[str]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = list(map(str, range(count))) if visible is None else [n for n in visible.split(",") if n]
    return names[:count]
