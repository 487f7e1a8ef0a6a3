"""How good a network is, gathered from what its stages have left."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.comparison.measures import n_right
from relusweep.tasks.jacobians.maps import CoefficientReader

__all__ = ["SummaryBlock", "sum_up"]


@dataclass(frozen=True)
class SummaryBlock:
    """Which network to sum up.

    Attributes
    ----------
    coefficients : CoefficientReader
        Beside which the networks' outputs lie.
    label : str
        Of the network.
    epochs : int
        The last epoch of its training.
    """

    coefficients: CoefficientReader
    label: str
    epochs: int


def sum_up(block: SummaryBlock) -> BlockResult:
    """Gather how good a network is.

    Returns
    -------
    BlockResult
        Of arrays of shape (1,): ``train_accuracy``, ``test_accuracy``, ``test_loss``, ``original``, float64;
        ``n_parameters``, int64, and ``images_on_kinks``, int32, -1 where kinks are not counted.
    """
    started = time.process_time()
    kept = block.coefficients
    arrays: dict[str, NDArray[Any]] = {
        name: kept.reader.read("training", name, network=[block.label], epoch=block.epochs)
        for name in ("train_accuracy", "test_accuracy", "test_loss")
    }
    right = n_right(kept.outputs(block.label, "test"), kept.labels)
    arrays["original"] = np.atleast_1d(right / len(kept.labels))
    n_ties = kept.reader.read("jacobians", "n_ties", network=block.label)
    on_kinks = -1 if (n_ties < 0).any() else np.count_nonzero(n_ties)
    arrays["images_on_kinks"] = np.array([on_kinks], np.int32)
    arrays["n_parameters"] = np.array([kept.maps.networks.n_parameters(block.label)])
    return BlockResult(arrays, 0, time.process_time() - started, 0.0)
