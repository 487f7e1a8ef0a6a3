"""The directions of the image in which one output of one network changes, from its rows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.comparison.moments import Moments
from relusweep.tasks.comparison.sensitivity import along_directions, sensitivity
from relusweep.tasks.images.datasets import Part
from relusweep.tasks.jacobians.maps import CoefficientReader

__all__ = ["DirectionBlock", "decompose"]


@dataclass(frozen=True)
class DirectionBlock:
    """What to decompose: the rows of one output of one network.

    Attributes
    ----------
    coefficients : CoefficientReader
    label : str
        Of the network.
    output : int
    part : {'test', 'train'}
        The images whose rows are decomposed.
    n_components : int
        Leading directions to keep.
    """

    coefficients: CoefficientReader
    label: str
    output: int
    part: Part
    n_components: int


def decompose(block: DirectionBlock) -> BlockResult:
    """Sum the rows of an output, and decompose the mean outer product of its gradients.

    Returns
    -------
    BlockResult
        Of arrays of one network and output: ``singular_value``, float64 of shape (1, 1, n_components);
        ``direction``, float32 of shape (1, 1, n_components, n_columns - 1); ``mean``, float64 of shape (1, 1,
        n_columns); ``along``, float32 of shape (1, 1, n_test). NaN where a network diverged.
    """
    torch.set_num_threads(1)
    started = time.process_time()
    rows, n_kept = block.coefficients, block.n_components
    n_columns = rows.maps.n_columns
    with threadpool_limits(limits=1):
        moments = Moments([(0, 0)], n_networks=1, n_outputs=1, n_columns=n_columns)
        for chunk in rows.chunks(block.label, block.output, block.part):
            moments.update(chunk[None, :, None])
        second = moments.second((0, 0))
        arrays: dict[str, NDArray[Any]] = {
            "singular_value": np.full((1, 1, n_kept), np.nan),
            "direction": np.full((1, 1, n_kept, n_columns - 1), np.nan, np.float32),
            "mean": moments.mean,
            "along": np.full((1, 1, rows.maps.n_test), np.nan, np.float32),
        }
        if np.isfinite(second).all():
            found = sensitivity(second, moments.n_samples, n_kept)
            arrays["singular_value"][0] = found.singular_values
            arrays["direction"][0] = found.directions
            for span in rows.spans("test"):
                along = along_directions(found, rows.inputs("test", span))
                arrays["along"][0, :, span.start : span.stop] = along.T
    return BlockResult(arrays, 0, time.process_time() - started, 0.0)
