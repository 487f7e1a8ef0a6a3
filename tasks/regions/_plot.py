"""Pictures of linear regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw", "pattern_colours"]


def pattern_colours(bits: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Give each pattern a colour that depends on nothing else: shape (n_patterns, 3).

    Colours go from blue over grey to yellow, light enough for lines on top, and differ in lightness too, so
    that they are told apart whatever colours the eye sees.

    Parameters
    ----------
    bits : ndarray of shape (n_patterns, n_words), uint64

    Returns
    -------
    ndarray of shape (n_patterns, 3), float64
        Red, green and blue from 0 to 1.
    """
    from matplotlib import colormaps

    mixed = np.full(len(bits), 0x9E3779B97F4A7C15, np.uint64)
    for word in bits.T:  # the finaliser of SplitMix64 on word after word
        mixed = mixed ^ word
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ mixed >> np.uint64(shift)) * np.uint64(factor)
        mixed = mixed ^ mixed >> np.uint64(31)
    along, pale = ((mixed >> np.uint64(shift) & np.uint64(0xFFFF)) / 65536 for shift in (0, 32))
    white = 0.15 + 0.45 * pale[:, None]
    return np.asarray(white + (1 - white) * colormaps["cividis"](along)[:, :3])


def draw(
    polygons: list[NDArray[np.float64]],
    colours: NDArray[np.float64],
    lines: list[NDArray[np.float64]],
    box: NDArray[np.float64],
    ax: Axes | None,
) -> Axes:
    """Draw polygons in their colours, lines on top, and nothing outside the box."""
    from matplotlib import pyplot
    from matplotlib.collections import LineCollection, PolyCollection

    if ax is None:
        ax = pyplot.subplots(layout="constrained")[1]
    ax.add_collection(PolyCollection(polygons, facecolors=colours, edgecolors="white", linewidths=0.4))
    ax.add_collection(LineCollection(lines, colors="black", linewidths=1.8))
    (left, bottom), (right, top) = box
    ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    return ax
