"""What there is to draw of a network of two inputs: coloured regions, the units' lines, the boundary."""

from __future__ import annotations

from colorsys import hls_to_rgb
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.networks import Network
from relusweep.tasks.regions import Curve, Regions, linear_regions

__all__ = ["Scene", "scene"]


@dataclass(frozen=True)
class Scene:
    """A square cut by a network.

    Attributes
    ----------
    regions : Regions
    unit : ndarray of shape (n_corners,), int64
        The unit on whose line the edge from a corner to the next lies, counted through the layers; −1 at the
        edge of the square.
    colours : ndarray of shape (n_layers, n_regions, 3), uint8
        Of each region in the picture of the first so many layers: by the signs of their units alone, so that
        a region keeps its colour while it moves, and parts of one region have one colour.
    boundary : list of Curve
        Where the classes part.
    """

    regions: Regions
    unit: NDArray[np.int64]
    colours: NDArray[np.uint8]
    boundary: list[Curve]

    @property
    def maps(self) -> NDArray[np.float64]:
        """Gradient and intercept of each region: shape (n_regions, 3)."""
        return np.column_stack([self.regions.gradient, self.regions.intercept])


def scene(network: Network, parameters: NDArray[np.float64], threshold: float, reach: float) -> Scene:
    """Cut a square about the origin by a network.

    Parameters
    ----------
    network : Network
        Of two inputs.
    parameters : ndarray of shape (network.n_parameters,)
    threshold : float
        The output at which the two classes part.
    reach : float
        Half the side of the square.
    """
    high = [reach, reach]
    found = linear_regions(network, parameters, np.negative(high), high, exact=True)
    patterns = found.active.reshape(len(found), -1)
    width = patterns.shape[1] // network.depth
    layers = [_colours(patterns[:, : width * layer]) for layer in range(1, network.depth + 1)]
    unit = np.maximum(found.mesh.labels[found.mesh.sides], -1)
    return Scene(found, unit.astype(np.int64), np.array(layers), found.boundary(level=threshold))


def _colours(patterns: NDArray[np.bool_]) -> NDArray[np.uint8]:
    bits = np.packbits(patterns, axis=1)
    return np.array([_colour(patterns.shape[1], row.tobytes()) for row in bits], np.uint8)


@lru_cache(maxsize=100_000)
def _colour(n_bits: int, pattern: bytes) -> tuple[int, int, int]:
    """Give a pattern one of 4 096 colours, all light enough for dark lines, on light and on dark paper."""
    digest = blake2b(pattern, digest_size=2, salt=n_bits.to_bytes(4, "little")).digest()
    hue, light, strength = digest[0] / 256, digest[1] % 4 / 3, digest[1] // 4 % 4 / 3
    red, green, blue = hls_to_rgb(hue, 0.66 + 0.18 * light, 0.4 + 0.4 * strength)
    return round(255 * red), round(255 * green), round(255 * blue)
