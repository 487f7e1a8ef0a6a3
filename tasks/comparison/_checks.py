"""What is asked of every chunk of coefficients."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "CAST",
    "CONSTANT",
    "LEAST_SAMPLES",
    "Pairs",
    "checked_chunk",
    "checked_coefficients",
    "checked_inputs",
    "checked_pairs",
    "checked_sizes",
]

CAST = 2**18  # bytes in which NumPy turns a chunk into float64, part by part

Pairs = tuple[tuple[int, int], ...]

# Rows whose root mean square distance from their mean is this share of their size, or less, are the same but
# for rounding: the last of d + 1 float32 coefficients is a difference of sums of d products, and off by more
# than a unit in the last place. A linear network on MNIST was seen at 2^-20.
CONSTANT = 2.0**-16

# Of which there is an HSIC, by whether it is unbiased.
LEAST_SAMPLES = {False: 2, True: 4}


def checked_pairs(pairs: Iterable[tuple[int, int]], n_networks: int) -> Pairs:
    """Pairs as a tuple; refuse a network that is not in the chunk and a pair that comes twice."""
    found = tuple((int(source), int(target)) for source, target in pairs)
    if not found or any(not 0 <= network < n_networks for pair in found for network in pair):
        raise ValueError(f"pairs are of the {n_networks} networks of a chunk, at least one, got {found}")
    if len(set(found)) < len(found):
        raise ValueError(f"each pair comes once, got {found}")
    return found


def checked_chunk(chunk: ArrayLike, networks: int, outputs: int, columns: int) -> NDArray[np.floating]:
    """Coefficients of some samples of several networks; refuse another shape than what is summed."""
    values = np.asarray(chunk)
    if values.ndim != 4 or values.shape[::2] != (networks, outputs) or values.shape[3] != columns:
        raise ValueError(
            f"a chunk has shape ({networks} networks, samples, {outputs} outputs, {columns} columns), "
            f"got {values.shape}"
        )
    return values


def checked_coefficients(coefficients: ArrayLike) -> NDArray[np.floating]:
    """Coefficients of one network; refuse what is not samples by outputs by columns."""
    values = np.asarray(coefficients)
    if values.ndim != 3 or 0 in values.shape:
        raise ValueError(
            f"coefficients of a network have shape (samples, outputs, columns), got {values.shape}"
        )
    return values


def checked_inputs(inputs: ArrayLike, n_samples: int, n_columns: int) -> NDArray[np.float64]:
    """Give flat inputs in float64; refuse those that do not belong to the coefficients."""
    values = np.asarray(inputs, dtype=np.float64)
    if values.shape != (n_samples, n_columns - 1):
        raise ValueError(
            f"{n_samples} rows of {n_columns} coefficients, the bias last, go with inputs of shape "
            f"{(n_samples, n_columns - 1)}, got {values.shape}: flatten each image"
        )
    return values


def checked_sizes(n_samples: NDArray[np.generic], unbiased: bool) -> NDArray[np.float64]:
    """Give numbers of samples in float64; refuse so few that their HSIC divides by 0."""
    least = LEAST_SAMPLES[unbiased]
    if n_samples.min() < least:
        raise ValueError(f"HSIC is of at least {least} samples, got {n_samples.min():.0f}: add more first")
    return n_samples.astype(np.float64)
