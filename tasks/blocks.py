"""What every task gives back: arrays, and what they cost."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["BlockResult"]


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
        """Cells that succeeded; None where there is nothing to succeed in."""
        epochs = self.arrays.get("success_epoch")
        return None if epochs is None else int(np.sum(epochs.astype(np.int64) >= 0))
