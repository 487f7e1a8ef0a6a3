"""What every task gives back: arrays, and what they cost."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["BlockResult", "not_finite"]


class BlockResult(NamedTuple):
    """Arrays of a block, and what they cost.

    Attributes
    ----------
    arrays : dict of ndarray
        One for each variable of the sweep, over the cells of the block and then the variable's other
        dimensions.
    network_epochs : int
        Passes over the training data, summed over the networks.
    kernel_seconds : float
        CPU seconds of the work itself.
    compile_seconds : float
        CPU seconds spent on compiling the kernel or loading it from the cache on disk.
    receipt : object
        What a worker says that wrote arrays into the store itself: they are too large to travel, and not in
        `arrays`.
    """

    arrays: dict[str, NDArray[np.generic]]
    network_epochs: int
    kernel_seconds: float
    compile_seconds: float
    receipt: Any = None

    @property
    def successes(self) -> int | None:
        """Cells that succeeded; None where there is nothing to succeed in, as where functions are fitted."""
        epochs = self.arrays.get("success_epoch")
        by_loss = "final_loss" in self.arrays and not {"rows_right", "tries"} & self.arrays.keys()
        return None if epochs is None or by_loss else int(np.sum(epochs.astype(np.int64) >= 0))

    @property
    def not_finite(self) -> int:
        """Cells of networks that did not stay finite."""
        return int(np.sum(lost)) if (lost := not_finite(self.arrays)) is not None else 0


def not_finite(variables: Mapping[Any, Any]) -> Any:
    """Tell of each cell whether a network did not stay finite, by how its training ended.

    Parameters
    ----------
    variables : mapping
        By name arrays, or those of a dataset: ``stop_reason`` of training sweeps; ``outcome`` of the stage
        that prunes networks of images; ``train_loss`` and ``test_loss`` of the one that trains them.

    Returns
    -------
    array of bool, or None
        None where neither is there. Of losses true also where nothing has run.
    """
    from relusweep.tasks.outcomes import Outcome
    from relusweep.tasks.training.protocol import StopReason  # and with it pydantic: opening goes without

    if "stop_reason" in variables:
        return variables["stop_reason"] == StopReason.NOT_FINITE
    if "outcome" in variables:
        return variables["outcome"] == Outcome.NOT_FINITE
    if {"train_loss", "test_loss"} <= set(variables):
        return ~np.isfinite(variables["test_loss"])  # of the weights after an epoch
    return None
