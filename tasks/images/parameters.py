"""All parameters of a network as one row of numbers, as a store keeps them."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from torch import nn

from relusweep.tasks.images.training import load_weights, trained_parameters

__all__ = ["load_row", "row_of", "split_row"]

Floats = NDArray[np.float32]


def row_of(parts: Iterable[Floats], length: int) -> Floats:
    """Put arrays into one row, and NaN behind the last.

    Parameters
    ----------
    parts : iterable of ndarray
    length : int
        Of the row: that of the largest network.
    """
    row, start = np.full(length, np.nan, np.float32), 0
    for part in parts:
        row[start : start + part.size] = part.ravel()
        start += part.size
    return row


def split_row(network: nn.Module, row: Floats) -> Iterator[tuple[str, Floats]]:
    """Cut a row into the arrays of the parameters that training changes, by their names."""
    start = 0
    for name, weights in trained_parameters(network).items():
        yield name, row[start : start + weights.numel()].reshape(weights.shape)
        start += weights.numel()


def load_row(network: nn.Module, row: Floats) -> None:
    """Put a row into a network."""
    load_weights(network, {f"weights/{name}": values for name, values in split_row(network, row)})
