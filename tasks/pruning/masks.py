"""Which parts of a network are right as they are: every subset of its units, or of its weights."""

from __future__ import annotations

from itertools import permutations, product
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.networks import Network
from relusweep.tasks.pruning import _masks
from relusweep.tasks.training.protocol import Protocol

__all__ = ["MOST_BITS", "Masks", "bits_of", "right_masks", "solving_masks"]

MOST_BITS = 25
"""Most units or weights whose subsets are listed: 2²⁵ are 34 million."""


class Masks(NamedTuple):
    """Which masks of a network leave it right on all rows.

    A mask is a whole number. Its bits say what is kept, from the most significant one on: units, layer after
    layer; or weights and biases, in the order of the network's row of parameters.

    Attributes
    ----------
    right : int
        How many of all masks do.
    least : int
        Fewest bits of one that does; -1: none.
    minimal : ndarray of shape (n_minimal,), dtype int64
        Those that do and of which no part does: fewest bits first, then ascending.
    structure : ndarray of shape (n_minimal,), dtype int64
        Of each of these the smallest mask that exchanging units of a layer makes of it: equal numbers are the
        same sub-network but for the numbers of its units.
    """

    right: int
    least: int
    minimal: NDArray[np.int64]
    structure: NDArray[np.int64]


def bits_of(network: Network, of: str) -> int:
    """Count what masks are of.

    Parameters
    ----------
    network : Network
    of : {'units', 'weights'}
    """
    return network.depth * network.width if of == "units" else network.n_parameters


def right_masks(
    protocol: Protocol, parameters: ArrayLike, inputs: ArrayLike, targets: ArrayLike, of: str
) -> NDArray[np.bool_]:
    """Tell of every mask of a network whether what it keeps is right on all rows, without training.

    Parameters
    ----------
    protocol : Protocol
        With a network of relu units, with a leak or without, and the threshold between the classes.
    parameters : array_like of shape (n_parameters,)
    inputs : array_like of shape (n_rows, n_inputs)
    targets : array_like of shape (n_rows,)
        Rows are right where output and target lie strictly on the same side of the threshold.
    of : {'units', 'weights'}
        Of units, or of weights and biases.

    Returns
    -------
    ndarray of shape (2**n_bits,), bool

    Raises
    ------
    ValueError
        There are more than 25 units or weights.

    Notes
    -----
    Outputs are computed in float64. Masks are counted up; what is kept of earlier units changes least often,
    and their values are computed again only then.
    """
    network = protocol.network
    bits = bits_of(network, of)
    if bits > MOST_BITS:
        raise ValueError(
            f"{bits} {of} have 2^{bits} subsets; allowed are up to {MOST_BITS} {of}: take a smaller network"
        )
    right = np.zeros(1 << bits, np.bool_)
    _masks.tell_right(
        np.ascontiguousarray(parameters, np.float64),
        np.ascontiguousarray(inputs, np.float64),
        np.asarray(targets, np.float64) - protocol.threshold,
        protocol.threshold,
        (network.n_inputs, network.width, network.depth, float(network.leak), of == "units"),
        right,
    )
    return right


def solving_masks(
    protocol: Protocol, parameters: ArrayLike, inputs: ArrayLike, targets: ArrayLike, of: str
) -> Masks:
    """Find the minimal parts of a network that are right on all rows, without training.

    Parameters
    ----------
    protocol, parameters, inputs, targets, of
        As for `right_masks`.

    Returns
    -------
    Masks

    Raises
    ------
    ValueError
        There are more than 25 units or weights.
    """
    right = right_masks(protocol, parameters, inputs, targets, of)
    minimal = _masks.minimal(right).nonzero()[0].astype(np.int64)
    if not len(minimal):
        return Masks(0, -1, minimal, minimal)
    count = np.bitwise_count(minimal)
    minimal = minimal[np.lexsort((minimal, count))]
    return Masks(int(right.sum()), int(count.min()), minimal, _structures(protocol.network, minimal, of))


def _structures(network: Network, masks: NDArray[np.int64], of: str) -> NDArray[np.int64]:
    """Give the smallest mask that exchanging units within layers makes of each."""
    n = bits_of(network, of)
    bits = masks[:, None] >> np.arange(n)[::-1] & 1
    if of == "units":
        bits = np.sort(bits.reshape(len(masks), network.depth, network.width)).reshape(bits.shape)
    elif network.depth == 1:
        bits = bits[np.arange(len(masks))[:, None], _sorted_places(network, bits)]
    else:
        return _by_all_exchanges(network, masks, bits)
    return _numbers(bits)


def _numbers(bits: NDArray[np.int64]) -> NDArray[np.int64]:
    return bits @ (1 << np.arange(bits.shape[1])[::-1])


def _sorted_places(network: Network, bits: NDArray[np.int64]) -> NDArray[np.intp]:
    """Sort the units of the only hidden layer by what is kept before them, then behind them."""
    fan_in, width = network.n_inputs + 1, network.width
    before = _numbers(bits[:, : width * fan_in].reshape(-1, fan_in)).reshape(-1, width)
    order = np.argsort(2 * before + bits[:, -width - 1 : -1], axis=1, kind="stable")
    columns = (order[:, :, None] * fan_in + np.arange(fan_in)).reshape(len(bits), -1)
    behind = width * fan_in + np.hstack([order, np.full((len(bits), 1), width)])
    return np.hstack([columns, behind])


def _by_all_exchanges(
    network: Network, masks: NDArray[np.int64], bits: NDArray[np.int64]
) -> NDArray[np.int64]:
    found = masks
    for orders in product(*[list(permutations(range(network.width)))] * network.depth):
        found = np.minimum(found, _numbers(bits[:, _moved(network, orders)]))
    return found


def _moved(network: Network, orders: tuple[tuple[int, ...], ...]) -> list[int]:
    """Say which parameter comes to each place when units are exchanged."""
    places: list[int] = []
    columns = list(range(network.n_inputs + 1))
    for order, (_, fan_in) in zip((*orders, (0,)), network.layers, strict=True):
        first = len(places)
        places += [first + unit * (fan_in + 1) + column for unit in order for column in columns]
        columns = [*order, network.width]
    return places
