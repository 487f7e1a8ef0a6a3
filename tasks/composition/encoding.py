"""ReLU networks that compute sums of waves exactly."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.composition.waves import ADDED, SUBTRACTED, kinks, partial_sums
from relusweep.tasks.layers import Shape, layer_views

__all__ = ["CORE", "check_network", "encoded", "n_spare"]

CORE = 4
"""Units of each layer that compute the sum: the wave, the wave above its peak, the sum, and a constant."""

_WAVE, _ABOVE, _SUM, _CONSTANT = range(CORE)


def encoded(
    network: Shape, peaks: ArrayLike, scales: ArrayLike, sign: ArrayLike, spare: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Give the parameters of networks that compute sums of as many waves as they have hidden layers.

    Of layer k, the first unit carries the wave of the layers before it, as large as its scale; the second is
    what of it lies above the peak of triangle k; the third is the sum so far; the fourth is a constant, which
    feeds the one of the next layer and is the only bias after the first layer. All units that read a wave
    read the first two by the same weights. Signals shrink from layer to layer as scales do, so that weights
    are ratios of scales, and none is exponentially small.

    Parameters
    ----------
    network : Shape
        A `relusweep.Network` of one input, relu without leak, four units or more in each hidden layer.
    peaks : array_like of shape (n_networks, at least depth)
        Above 0 and below 1.
    scales : array_like of shape (n_networks, depth)
        Above 0.
    sign : array_like of shape (n_networks,)
        Whether waves are subtracted or added; see `relusweep.tasks.composition.waves`.
    spare : array_like of shape (n_networks, n_spare(network)), optional
        Of units behind the fourth, between −1 and 1: incoming weights and biases, layer after layer, in units
        of ``1 / sqrt(fan_in)``. No other unit reads them, so the function is the same. By default zeros.

    Returns
    -------
    ndarray of shape (n_networks, network.n_weights), float64

    Raises
    ------
    ValueError
        The network cannot hold waves, shapes do not fit, or peaks, scales or signs are out of range.

    Notes
    -----
    The sum passes a ReLU in every layer. Where scales are free it may fall below zero: it then carries an
    offset, a hundredth larger than needed, that the output takes away again.

    Examples
    --------
    >>> from relusweep.tasks.networks import Network
    >>> from relusweep.tasks.composition.waves import SUBTRACTED, tied_scales
    >>> network = Network(n_inputs=1, width=4, depth=1)
    >>> encoded(network, [[0.5, 0.5]], tied_scales([[0.5, 0.5]], SUBTRACTED), [SUBTRACTED])[0].tolist()
    [1.0, 0.0, 1.0, -0.5, 1.0, 0.0, 0.0, 1.0, -0.5, 1.0, 1.0, 0.0, 0.0]
    """
    tops, sizes, signs = (np.asarray(of, np.float64) for of in (peaks, scales, sign))
    _check(network, tops, sizes, signs)
    rows = np.zeros((len(tops), network.n_weights))
    first, *layers = layer_views(network, rows)
    offset = _offset(tops, sizes, signs)
    first.weights[:, [_WAVE, _ABOVE, _SUM], 0] = 1
    first.biases[:, _ABOVE] = -tops[:, 0]
    first.biases[:, _SUM] = offset
    first.biases[:, _CONSTANT] = 1
    ratios = np.concatenate([sizes[:, :1], sizes[:, 1:] / sizes[:, :-1]], axis=1)
    for k, layer in enumerate(layers):
        top, ratio = tops[:, k], ratios[:, k]
        reading = np.stack([ratio / top, -ratio / (top * (1 - top))], axis=1)
        total = layer.weights[:, 0 if k == network.depth - 1 else _SUM]
        total[:, :_SUM] = signs[:, None] * reading
        total[:, _SUM] = 1
        if k == network.depth - 1:
            layer.biases[:, 0] = 0.0 - offset  # of no offset, 0.0 and not -0.0
            continue
        layer.weights[:, [_WAVE, _ABOVE], :_SUM] = reading[:, None]
        layer.weights[:, _ABOVE, _CONSTANT] = -ratio * tops[:, k + 1]
        layer.weights[:, _CONSTANT, _CONSTANT] = ratio
    if spare is not None:
        _fill(network, rows, np.asarray(spare, np.float64))
    return rows


def n_spare(network: Shape) -> int:
    """Count the incoming weights and biases of units behind the fourth."""
    return sum((fan_out - CORE) * (fan_in + 1) for fan_out, fan_in in network.layers[:-1])


def _fill(network: Shape, rows: NDArray[Any], numbers: NDArray[Any]) -> None:
    place = 0
    for layer in list(layer_views(network, rows))[:-1]:
        weights, biases = layer.weights[:, CORE:], layer.biases[:, CORE:]
        _, units, fan_in = weights.shape
        some = numbers[:, place : place + units * (fan_in + 1)].reshape(len(rows), units, fan_in + 1)
        weights[:], biases[:] = some[..., :fan_in] / np.sqrt(fan_in), some[..., fan_in] / np.sqrt(fan_in)
        place += units * (fan_in + 1)


def _offset(peaks: NDArray[Any], scales: NDArray[Any], sign: NDArray[Any]) -> NDArray[Any]:
    """Give what keeps the sums that hidden layers carry above zero, rounded or not."""
    carried = scales.shape[1] - 1
    sums = partial_sums(peaks, scales[:, :carried], sign, kinks(peaks[:, :carried])) if carried else None
    return np.zeros(len(peaks)) if sums is None else 1.01 * np.maximum(-sums.min(axis=(0, 2)), 0)


def check_network(network: Shape) -> None:
    """Refuse networks that cannot hold waves.

    Raises
    ------
    ValueError
        There are several inputs, fewer than four units in a layer, unequal widths, or units other than relu.
    """
    if network.n_inputs != 1 or network.width < CORE or network.widths is not None:
        unequal = "" if network.widths is None else f", widths = {network.widths}"
        raise ValueError(
            f"networks that compose waves have 1 input and hidden layers of one width, at least {CORE}; got "
            f"n_inputs = {network.n_inputs}, width = {network.width}{unequal}"
        )
    if network.activation != "relu" or network.leak:
        raise ValueError(
            "networks that compose waves have relu units without leak; got activation = "
            f"{network.activation}, leak = {network.leak}"
        )


def _check(network: Shape, peaks: NDArray[Any], scales: NDArray[Any], signs: NDArray[Any]) -> None:
    check_network(network)
    depth = network.depth
    if peaks.ndim != 2 or peaks.shape[1] < depth or scales.shape != (len(peaks), depth):
        raise ValueError(
            f"peaks have shape {peaks.shape} and scales {scales.shape}; allowed are (n_networks, {depth} or "
            f"more) and (n_networks, depth = {depth})"
        )
    if signs.shape != (len(peaks),) or not np.isin(signs, (SUBTRACTED, ADDED)).all():
        raise ValueError(
            f"sign is {signs.tolist()}; allowed is one of {SUBTRACTED} and {ADDED} for each of {len(peaks)} "
            "networks"
        )
    if not ((peaks > 0) & (peaks < 1)).all():
        raise ValueError(f"peaks go from {peaks.min()} to {peaks.max()}; allowed are numbers between 0 and 1")
    if not ((scales > 0) & (scales < np.finfo(np.float32).max)).all():
        raise ValueError(
            f"scales go from {scales.min()} to {scales.max()}; allowed are numbers above 0 that float32 holds"
        )
