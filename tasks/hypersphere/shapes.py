"""Which polytope a network of one hidden layer of n + 1 units has closed around the ball, from its weights.

Let the units have normals w_i, biases b_i and output weights v_i. A region is a connected part of the set
where the output is at most 0, and the interesting one is bounded. What makes it exactly computable:

- With ``z_i = v_i (w_i·x + b_i)`` the output is ``sum_i g_i(z_i) + c``, where g_i is the leaky ReLU if
  v_i > 0, which is convex, and ``min(z_i, leak z_i)`` otherwise. The n + 1 numbers z_i satisfy one linear
  relation ``sum_i m_i z_i = const``.
- A bounded region needs n convex bends: on a line that crosses no convex kink the output is concave. The
  last unit is either convex too, or straight all over the region: if a concave kink cut the region, the part
  beyond would go on without end.
- So the region is a convex polytope. It is bounded exactly if the output grows in both directions of every
  line on which all but two z_i are constant: these are the edges of the cones on which it is linear.
- Each vertex lies on such a line, with those n − 1 z_i = 0, and each of these n (n + 1) / 2 lines that meets
  the inside holds two vertices.

The hyperoctahedron has 2n vertices: its last unit is active all over, and the lines on which it would be 0
miss the region. The expanded simplex has all n (n + 1). For n = 2 these are the quadrilateral and the
hexagon. Regions with numbers of vertices between exist for n > 2.

The number of vertices alone does not make a region near one of the two: a simplex with its corners cut off
has as many as the expanded simplex, and a kink that cuts off a tiny corner of a hyperoctahedron counts in
full. Vertices are therefore compared one by one with those of the ideal polytope that has as many: which
corresponds to which is known from the lines.
"""

from enum import IntEnum
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.hypersphere.geometry import regular_simplex
from relusweep.tasks.networks import Network

__all__ = ["TOLERANCE", "Shape", "Shapes", "classify", "region_vertices"]

Floats = NDArray[np.float64]

TOLERANCE = 0.3
"""Largest misfit of a region that is near one of the two polytopes, unless another is asked for."""

_TINY = 1e-12  # a region this near to being unbounded, in shares, counts as such


class Shape(IntEnum):
    """What the region inside is.

    Attributes
    ----------
    OPEN
        Not bounded.
    NEITHER
        A bounded polytope near neither of the two.
    HYPEROCTAHEDRON, EXPANDED_SIMPLEX
        Near that polytope.
    """

    OPEN = 0
    NEITHER = 1
    HYPEROCTAHEDRON = 2
    EXPANDED_SIMPLEX = 3


class Shapes(NamedTuple):
    """Shapes of the regions of some networks.

    Attributes
    ----------
    shape : ndarray of shape (n_networks,), int8
        Codes of :class:`Shape`.
    concave : ndarray of shape (n_networks,), int16
        Number of units whose output weight is not positive. With two or more the region is always open.
    vertices : ndarray of shape (n_networks,), int16
        Number of vertices of the region; 0 where there is no polytope.
    misfit : ndarray of shape (n_networks,), float64
        Root mean square distance of the vertices from those of the best fitting polytope of as many,
        moved, turned, reflected and scaled, as a share of their own root mean square distance from their
        mean: from 0 to 1, NaN where neither has as many.

    Notes
    -----
    If a concave kink alone opens the region, vertices and misfit are those of the polytope without that kink,
    provided it leaves the middle on the side where the network is inside: a polytope with a facet missing.
    """

    shape: NDArray[np.int8]
    concave: NDArray[np.int16]
    vertices: NDArray[np.int16]
    misfit: Floats


def classify(
    network: Network, parameters: NDArray[np.float32], tolerance: float = TOLERANCE, *, threshold: float = 0.0
) -> Shapes:
    """Tell whether networks' regions are near the hyperoctahedron or the expanded simplex.

    A region is near the polytope that has as many vertices as itself, if its misfit is at most the
    tolerance. For scale: regions of n (n + 1) vertices reach to the regular simplex, whose misfit is
    ``sqrt((n - 1) / (2 n))``, 0.5 for n = 2.

    Parameters
    ----------
    network : Network
        Of n inputs, at least 2, and one hidden layer of width n + 1.
    parameters : ndarray of shape (n_networks, network.n_parameters), float32
        Trained ones; of a network that diverged, with numbers that are not finite, the region is open.
    tolerance : float
        Largest misfit that is near, from 0 to 1.
    threshold : float
        The class inside is where the output is at most this.

    Returns
    -------
    Shapes

    Raises
    ------
    ValueError
        If the network has another shape, the parameters do not fit it, or the tolerance is out of range.
    """
    from scipy.spatial import procrustes

    _check(network, parameters)
    if not 0 <= tolerance <= 1:
        raise ValueError(f"the tolerance is a share from 0 to 1, got {tolerance}")
    polytopes = [_polytope(network, row, threshold) for row in parameters]
    shapes = Shapes(
        np.array([Shape.NEITHER if bounded else Shape.OPEN for _, bounded in polytopes], np.int8),
        np.count_nonzero(parameters[:, -network.width - 1 : -1] <= 0, axis=1).astype(np.int16),
        np.array([len(vertices) for vertices, _ in polytopes], np.int16),
        np.full(len(polytopes), np.nan),
    )
    for shape, ideal in _ideal_vertices(network.n_inputs).items():
        for place in np.flatnonzero(shapes.vertices == len(ideal)):
            _, _, disparity = procrustes(ideal, polytopes[place][0])
            shapes.misfit[place] = np.sqrt(disparity)
            if shapes.shape[place] == Shape.NEITHER and shapes.misfit[place] <= tolerance:
                shapes.shape[place] = shape
    return shapes


def region_vertices(network: Network, parameters: NDArray[np.float32]) -> Floats:
    """Compute the vertices of the region that one network calls inside.

    Parameters
    ----------
    network : Network
        Of n inputs, at least 2, and one hidden layer of width n + 1.
    parameters : ndarray of shape (network.n_parameters,), float32

    Returns
    -------
    ndarray of shape (n_vertices, n), float64
        Empty if the region is not bounded.

    Raises
    ------
    ValueError
        If the network has another shape or the parameters do not fit it.

    Examples
    --------
    >>> network = Network(n_inputs=2, width=3, depth=1)
    >>> square = [2, 0, 0, 0, 2, 0, -1, -1, 3, 1, 1, 1, -4]  # |x| + |y| <= 1
    >>> corners = region_vertices(network, np.array(square, np.float32))
    >>> sorted((corners.round(6) + 0.0).tolist())
    [[-1.0, 0.0], [0.0, -1.0], [0.0, 1.0], [1.0, 0.0]]
    """
    _check(network, parameters[None])
    vertices, bounded = _polytope(network, parameters, 0.0)
    return vertices if bounded else np.empty((0, network.n_inputs))


def _polytope(network: Network, parameters: NDArray[np.float32], threshold: float) -> tuple[Floats, bool]:
    """Give the vertices of the region without concave kinks, and whether that is the region."""
    units, row = network.width, parameters.astype(np.float64)
    hidden, outer, offset = row[: units**2].reshape(units, units), row[units**2 : -1], row[-1] - threshold
    concave = np.flatnonzero(outer <= 0)
    found = np.empty((0, network.n_inputs))
    if not np.isfinite(row).all() or len(concave) > 1:
        return found, False
    slopes = np.repeat([[1.0], [network.leak]], units, axis=1)
    weighted = outer[:, None] * hidden
    if len(concave) == 0:
        vertices = _vertices(weighted, offset, slopes, None)
        return vertices, len(vertices) > 0
    odd = int(concave[0])
    # Of negative weight, the unit has slope 1 where its z is negative, and the leak where it is positive.
    for slope, side in ((1.0, -1), (network.leak, 1)):
        straightened = np.where(np.arange(units) == odd, slope, slopes)
        vertices = _vertices(weighted, offset, straightened, odd)
        z = side * (vertices @ weighted[odd, :-1] + weighted[odd, -1])
        if len(z) and z.min() >= 0:
            return vertices, True
        if z.sum() > 0:
            found = vertices
    return found, False


def _vertices(weighted: Floats, offset: float, slopes: Floats, straight: int | None) -> Floats:
    """Cut each line on which all but two z are 0 with the region; none if the region is not bounded.

    z is ``weighted @ [x, 1]``, and the larger ones of ``slopes * z`` add up to at most −offset in the region.
    """
    units = len(weighted)
    pairs = [pair for pair in combinations(range(units), 2) if straight is None or straight in pair]
    i, j = np.array(pairs).T
    relation = _bounding_relation(weighted[:, :-1], slopes, i, j)
    if relation is None:
        return np.empty((0, units - 1))
    # On the line z_i = t, and the relation gives z_j = rest - ratio t.
    ratio, rest = relation[i] / relation[j], relation @ weighted[:, -1] / relation[j]
    slope = (slopes[:, None, i] - slopes[None, :, j] * ratio).reshape(4, -1)
    start = np.tile(slopes[:, j] * rest + offset, (2, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        root = -start / slope
    low = np.where(slope < 0, root, -np.inf).max(axis=0)
    high = np.where(slope > 0, root, np.inf).min(axis=0)
    met = (low < high) & ((slope != 0) | (start < 0)).all(axis=0)
    z = np.zeros((2, len(pairs), units))
    for end, t in zip(z, (low, high), strict=True):
        end[np.arange(len(pairs)), i], end[np.arange(len(pairs)), j] = t, rest - ratio * t
    values = z[:, met].reshape(-1, units) - weighted[:, -1]
    return np.asarray(np.linalg.lstsq(weighted[:, :-1], values.T)[0].T)


def _bounding_relation(
    normals: Floats, slopes: Floats, i: NDArray[np.int64], j: NDArray[np.int64]
) -> Floats | None:
    """Give the numbers m with ``m @ normals = 0`` if the output grows along all lines of the pairs (i, j)."""
    _, stretches, turn = np.linalg.svd(normals.T)
    relation: Floats = turn[-1] * np.sign(turn[-1].sum())
    (above_i, below_i), (above_j, below_j) = slopes[:, i], slopes[:, j]
    growth = np.minimum(
        above_i * relation[j] - below_j * relation[i], above_j * relation[i] - below_i * relation[j]
    )
    bounded = growth.min() > _TINY and stretches.min() > _TINY * stretches.max()
    return relation if bounded else None


def _ideal_vertices(n: int) -> dict[Shape, Floats]:
    """Give the vertices of the two polytopes in the order of `_vertices`."""
    corners = regular_simplex(n)
    i, j = np.array(list(combinations(range(n + 1), 2))).T
    differences = corners[i] - corners[j]
    return {
        Shape.HYPEROCTAHEDRON: np.concatenate([-np.eye(n), np.eye(n)]),
        Shape.EXPANDED_SIMPLEX: np.concatenate([-differences, differences]),
    }


def _check(network: Network, parameters: NDArray[np.float32]) -> None:
    n = network.n_inputs
    if network.activation != "relu":
        raise ValueError(f"shapes are told of networks with activation relu, got {network.activation}")
    if n < 2 or network.depth != 1 or network.width != n + 1:
        raise ValueError(
            "shapes are told of networks of 2 inputs or more and one hidden layer with one unit more, got "
            f"{n} inputs, width {network.width} and depth {network.depth}"
        )
    if parameters.ndim != 2 or parameters.shape[1] != network.n_parameters:
        raise ValueError(f"a network has {network.n_parameters} parameters, got shape {parameters.shape}")
