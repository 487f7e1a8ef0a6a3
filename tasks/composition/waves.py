"""Triangles, the waves that they compose, and sums of waves.

Everything is computed in the precision of the peaks. Of n peaks, ``peaks[..., i]`` is where triangle i is 1.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["ADDED", "SUBTRACTED", "kinks", "partial_sums", "tied_scales", "waves"]

SUBTRACTED, ADDED = -1, 1
"""Whether waves are subtracted from the line y = x, for convex functions, or added, for concave ones."""


def waves(peaks: ArrayLike, x: ArrayLike) -> NDArray[Any]:
    """Compose triangles: wave i is triangle i of wave i − 1, and wave 0 is triangle 0.

    Parameters
    ----------
    peaks : array_like of shape (..., n)
        Above 0 and below 1.
    x : array_like of shape (..., n_points)
        From 0 to 1.

    Returns
    -------
    ndarray of shape (n, ..., n_points)

    Examples
    --------
    >>> waves([0.5, 0.25], [0, 0.125, 0.5, 1]).tolist()
    [[0.0, 0.25, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0]]
    """
    tops = np.asarray(peaks)
    wave, found = np.asarray(x, tops.dtype), []
    for i in range(tops.shape[-1]):
        top = tops[..., i, None]
        wave = np.minimum(wave / top, (1 - wave) / (1 - top))
        found.append(wave)
    return np.array(np.broadcast_arrays(*found))


def tied_scales(peaks: ArrayLike, sign: ArrayLike) -> NDArray[Any]:
    """Give the scales with which the sum of ever more waves has a derivative everywhere.

    ``s[i + 1] = s[i] (1 − a[i + 1]) a[i + 2]``, of peaks a. The first scale makes the sum flat at one end:
    ``a[0] a[1]`` at 0 where waves are subtracted, ``(1 − a[0]) a[1]`` at 1 where they are added.

    Parameters
    ----------
    peaks : array_like of shape (..., n + 1)
        One more than there are waves.
    sign : array_like of shape (...)
        `SUBTRACTED` or `ADDED`.

    Returns
    -------
    ndarray of shape (..., n)

    Examples
    --------
    >>> tied_scales([0.5, 0.5, 0.5], SUBTRACTED).tolist()
    [0.25, 0.0625]
    """
    tops = np.asarray(peaks)
    falling = 1 - tops[..., :-1]
    falling[..., 0] = np.where(np.equal(sign, SUBTRACTED), tops[..., 0], falling[..., 0])
    return np.cumprod(falling * tops[..., 1:], axis=-1)


def partial_sums(peaks: ArrayLike, scales: ArrayLike, sign: ArrayLike, x: ArrayLike) -> NDArray[Any]:
    """Give the line y = x, and what it becomes with one wave after another; the last is the function.

    Parameters
    ----------
    peaks, scales : array_like of shape (..., at least n) and (..., n)
    sign : array_like of shape (...)
        `SUBTRACTED` or `ADDED`.
    x : array_like of shape (..., n_points)

    Returns
    -------
    ndarray of shape (n + 1, ..., n_points)

    Examples
    --------
    The square, from peaks at one half:

    >>> partial_sums([0.5, 0.5], [0.25, 0.0625], SUBTRACTED, [0, 0.25, 0.5, 1])[-1].tolist()
    [0.0, 0.0625, 0.25, 1.0]
    """
    sizes = np.asarray(scales)
    each = waves(np.asarray(peaks)[..., : sizes.shape[-1]], x)
    signed = np.moveaxis(np.asarray(sign, sizes.dtype)[..., None] * sizes, -1, 0)[..., None]
    line = np.broadcast_to(np.asarray(x, each.dtype), each.shape[1:])
    return np.cumsum(np.concatenate([line[None], signed * each]), axis=0)


def kinks(peaks: ArrayLike) -> NDArray[Any]:
    """Give where the last wave bends, and the ends: its valleys and peaks take turns.

    Parameters
    ----------
    peaks : array_like of shape (..., n)

    Returns
    -------
    ndarray of shape (..., 2**n + 1)
        Ascending, from 0 to 1.

    Examples
    --------
    >>> kinks([0.5, 0.25]).tolist()
    [0.0, 0.125, 0.5, 0.875, 1.0]
    """
    tops = np.asarray(peaks)
    found = np.broadcast_to(np.array([0, 1], tops.dtype), (*tops.shape[:-1], 2))
    for i in reversed(range(tops.shape[-1])):
        top = tops[..., i, None]
        rising, falling = top * found, 1 - (1 - top) * found[..., ::-1]
        found = np.concatenate([rising, falling[..., 1:]], axis=-1)
    return found
