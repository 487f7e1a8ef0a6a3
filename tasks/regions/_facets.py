"""What bounds a region, and what lies behind it: of networks of two inputs and of more."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Adjacency", "Halfspaces", "facets_of", "region_number"]


class Halfspaces(NamedTuple):
    """A region as the points x with ``Q @ x <= p``, every row of which is needed.

    Attributes
    ----------
    Q : ndarray of shape (n_facets, d), float64
        Fractions (object) where exact ones were asked for; so is p.
    p : ndarray of shape (n_facets,), float64
    facets : ndarray of shape (n_facets, 2), int64
        Layer and index of the unit that is zero on each facet; (-1, i) on side i of the box.
    """

    Q: NDArray[Any]
    p: NDArray[Any]
    facets: NDArray[np.int64]


class Adjacency(NamedTuple):
    """Which regions have a facet in common.

    Attributes
    ----------
    regions : ndarray of shape (n, 2), int64
    facets : ndarray of shape (n, 2), int64
        Layer and index of the unit that changes sign there.
    edges : ndarray of shape (n,), int64, optional
        In the plane, the row of the edge in ``mesh.edges``.
    """

    regions: NDArray[np.int64]
    facets: NDArray[np.int64]
    edges: NDArray[np.int64] | None = None

    def beside(self, region: int, facet: tuple[int, int] | None) -> NDArray[np.int64]:
        """Give the regions beside one, on request across one facet only."""
        at = (self.regions == region).any(axis=1)
        if facet is not None:
            at &= (self.facets == facet).all(axis=1)
        return np.asarray(self.regions[at].sum(axis=1) - region)


def facets_of(widths: NDArray[np.int64], numbers: NDArray[Any]) -> NDArray[np.int64]:
    """Layer and index of units given by their number, or (-1, i) for side -1 - i: shape (n, 2)."""
    numbers = np.asarray(numbers, np.int64)
    starts = np.concatenate([[0], np.cumsum(widths)[:-1]])
    layer = np.searchsorted(starts, numbers, side="right") - 1
    index = np.where(numbers < 0, -1 - numbers, numbers - starts[layer.clip(0)])
    return np.column_stack([layer, index])


def region_number(region: int, count: int) -> int:
    """Check the number of a region; negative ones count from the last."""
    if not -count <= region < count:
        raise IndexError(f"regions are numbered from 0 to {count - 1}; got {region}")
    return int(region) % count
