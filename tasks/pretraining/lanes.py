"""Triangles and scales trained by the engine `lanes`: sixteen networks side by side, in float32.

Derivatives go back through the composition exactly. A network's bits depend on its own arguments alone, not
on its lane, its neighbours or the processor.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks import elementary
from relusweep.tasks.compiled import LANES, compiled
from relusweep.tasks.pretraining import _kernel
from relusweep.tasks.pretraining.triangles import Triangles
from relusweep.tasks.training import _updates, functions, simd
from relusweep.tasks.training._arguments import constants_of, schedule_of
from relusweep.tasks.training.optimizers import Optimizer
from relusweep.tasks.training.simd import bank

__all__ = ["train_in_lanes"]


class _Rule(NamedTuple):
    depth: int
    n_peaks: int
    tied: bool
    epochs: int
    optimizer: int  # of `_updates`
    beta1: float  # or the momentum
    beta2: float


class _Memory(NamedTuple):
    """The vectors that sixteen networks work on; those of the parameters are named as the optimisers ask."""

    weights: NDArray[np.float32]
    first_moment: NDArray[np.float32]
    second_moment: NDArray[np.float32]
    gradient: NDArray[np.float32]
    rates: NDArray[np.float32]
    epoch: NDArray[np.int64]
    rows: NDArray[np.float32]  # an input and its target
    sign: NDArray[np.float32]  # −1 or +1; 1 where waves are subtracted, else 0
    left: NDArray[np.float32]  # slopes of the triangles, the right one made positive
    right: NDArray[np.float32]
    tops: NDArray[np.float32]  # peaks, and what is left of them to one
    rests: NDArray[np.float32]
    scales: NDArray[np.float32]
    by_scale: NDArray[np.float32]
    waves: NDArray[np.float32]  # of one row, and their derivatives by the wave before
    slopes: NDArray[np.float32]


def train_in_lanes(
    start: Triangles, optimizer: Optimizer, epochs: int, *, tied: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Train peaks, and scales where they are not tied; see :func:`.pretrain`.

    Returns
    -------
    ndarray of shape (n_networks, depth + 1 or depth), ndarray of shape (n_networks, depth)
        Peaks and scales; where scales are free, the peak behind the last wave has no meaning.
    """
    depth = start.scales.shape[1]
    n_peaks = depth + tied
    count = n_peaks if tied else n_peaks + depth
    rates = bank(3)
    rates[2 * LANES :] = 1
    memory = _Memory(
        weights=bank(count),
        first_moment=bank(count),
        second_moment=bank(count),
        gradient=bank(count),
        rates=rates,
        epoch=np.zeros(LANES, np.int64),
        rows=bank(2 * start.targets.shape[1]),
        sign=bank(2),
        left=bank(n_peaks),
        right=bank(n_peaks),
        tops=bank(n_peaks),
        rests=bank(n_peaks),
        scales=bank(depth),
        by_scale=bank(depth),
        waves=bank(depth),
        slopes=bank(depth),
    )
    peaks = np.zeros((len(start.targets), n_peaks), np.float32)
    scales = np.zeros((len(start.targets), depth), np.float32)
    _train_triangles(
        # Numba would compile anew for arrays that lie otherwise or are read-only.
        Triangles._make(np.require(of, requirements=("C", "W")) for of in start),
        _Rule(depth, n_peaks, tied, epochs, *constants_of(optimizer)),
        schedule_of(optimizer, epochs),
        memory,
        peaks,
        scales,
    )
    return peaks, scales


_parts = (elementary, _updates, functions, simd, _kernel)
_train_triangles = compiled(*_parts, counted=False)(_kernel.train_triangles)
