"""The two polytopes that n + 1 ReLUs can close around a ball, and the radii of the sweep.

With hidden normals w_i and all output weights positive, a network of one hidden layer calls the set
``sum_i max(w_i·x + b_i, 0) <= c`` inside. Two symmetric choices of its n + 1 units stand out:

- n orthogonal normals, and one unit that is active all over the set, give ``sum_i |x_i| <= c``: the
  *hyperoctahedron* (cross-polytope; square for n = 2, octahedron for n = 3);
- the n + 1 normals of a regular simplex, all kinks through one point, give the *expanded simplex* (hexagon
  for n = 2, cuboctahedron for n = 3).

The expanded simplex is Stott's expansion of the regular n-simplex T: the difference body ``T − T``, or root
polytope of A_n, the convex hull of all ``e_i − e_j`` in the hyperplane of R^(n+1) where coordinates sum to 0.
Its facets are products of two simplices, one for each way to divide the n + 1 units in two: those that are
active and those that are not. The facet of k active ones lies at the distance
``sqrt((n + 1) / (2 k (n + 1 − k)))`` from the centre when the circumradius is 1. The least of these, at
k = (n + 1) // 2, is the inradius.

References
----------
A. Boole Stott, *Geometrical deduction of semiregular from regular polytopes and space fillings* (1910).
F. Ardila, M. Beck, S. Hoşten, J. Pfeifle and K. Seashore, *Root polytopes and growth series of root
lattices*, SIAM J. Discrete Math. 25 (2011): the facets.
B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State University, 2026), chapter 4.
"""

import math
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.elementary import exp, log

__all__ = [
    "Polytope",
    "Radii",
    "ShellVolume",
    "ball_volume",
    "expanded_simplex",
    "expanded_simplex_inradius",
    "gap_volume_ratio",
    "hyperoctahedron",
    "hyperoctahedron_inradius",
    "radii",
    "regular_simplex",
]


ShellVolume = Literal["surrounded", "ball"]


class Radii(NamedTuple):
    """Radii of the sweep: the ball inside, and the shell around it.

    Attributes
    ----------
    ball : float
        r1: points of the ball are inside.
    shell_inner, shell_outer : float
        r2 and r3: points between them are outside.
    """

    ball: float
    shell_inner: float
    shell_outer: float


def radii(n: int, ball: float = 0.5, shell_volume: ShellVolume = "surrounded") -> Radii:
    """Give the radii of the sweep: a hyperoctahedron just fits between r1 and ``r2 = r1 sqrt(n)``.

    Parameters
    ----------
    n : int
        Dimension, at least 2.
    ball : float
        r1, above 0.
    shell_volume : {'surrounded', 'ball'}
        The shell has the volume of the ball of radius r2 that it surrounds, ``r3 = r2 2**(1/n)``: n = 2 gives
        the annulus ``r3 = r2 sqrt(2)``. Or that of the ball of radius r1: ``r3**n = r1**n + r2**n``. The
        source says both.

    Returns
    -------
    Radii

    Raises
    ------
    ValueError
        If the dimension is less than 2, the radius not above 0, or the volume neither of the two.

    Examples
    --------
    >>> [round(r, 6) for r in radii(2)]
    [0.5, 0.707107, 1.0]
    >>> [round(r, 6) for r in radii(2, shell_volume="ball")]
    [0.5, 0.707107, 0.866025]
    """
    _check_dimension(n)
    if not 0 < ball < math.inf:
        raise ValueError(f"the radius of the ball is above 0 and finite, got {ball}")
    if shell_volume not in get_args(ShellVolume):
        raise ValueError(f"shell_volume is {' or '.join(get_args(ShellVolume))}, got {shell_volume!r}")
    inner = ball * math.sqrt(n)
    volumes = 2.0 if shell_volume == "surrounded" else 1 + 1 / math.prod([math.sqrt(n)] * n)
    root = exp(log(volumes) / n)
    # The power operator's bits differ between processors; one step of Newton's method brings full precision.
    root -= (math.prod([root] * n) - volumes) * root / (n * volumes)
    return Radii(ball, inner, inner * root)


def hyperoctahedron_inradius(n: int) -> float:
    """Give the inradius ``1 / sqrt(n)`` of the hyperoctahedron of circumradius 1.

    Parameters
    ----------
    n : int
        Dimension, at least 2.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the dimension is less than 2.
    """
    _check_dimension(n)
    return 1 / math.sqrt(n)


def expanded_simplex_inradius(n: int) -> float:
    """Give the inradius ρ(n) of the expanded simplex of circumradius 1.

    Parameters
    ----------
    n : int
        Dimension, at least 2.

    Returns
    -------
    float
        ``sqrt(2 (n + 1) / (n (n + 2) + n % 2))``.

    Raises
    ------
    ValueError
        If the dimension is less than 2.

    Examples
    --------
    >>> [round(expanded_simplex_inradius(n) ** 2, 6) for n in (2, 3, 10)]  # 3/4, 4/8 and 11/60
    [0.75, 0.5, 0.183333]
    """
    _check_dimension(n)
    return math.sqrt(2 * (n + 1) / (n * (n + 2) + n % 2))


def ball_volume(n: int, radius: float = 1.0) -> float:
    """Give the volume of a ball.

    Parameters
    ----------
    n : int
        Dimension, at least 1.
    radius : float

    Returns
    -------
    float

    Examples
    --------
    >>> round(ball_volume(3, 2.0) / math.pi, 6)  # 4/3 r³
    10.666667
    """
    return float(math.pi ** (n / 2) * radius**n / math.gamma(n / 2 + 1))


def gap_volume_ratio(n: int) -> float:
    """Compare the gaps of the two, between the spheres in and around: that of the hyperoctahedron is larger.

    Parameters
    ----------
    n : int
        Dimension, at least 2.

    Returns
    -------
    float
        Its gap over that of the expanded simplex of the same inradius, ``(n**(n/2) − 1) / (ρ(n)**−n − 1)``.

    Raises
    ------
    ValueError
        If the dimension is less than 2.

    Notes
    -----
    The ratio grows as ``2**(n/2)``: divided by that it tends to ``1/sqrt(e)``, since ``n ρ(n)**2 / 2`` is
    1 − 1/n + O(1/n²).
    """
    octahedral = n * math.log(1 / hyperoctahedron_inradius(n))
    simplicial = n * math.log(1 / expanded_simplex_inradius(n))
    growth = math.exp(octahedral - simplicial)
    return growth * math.expm1(-octahedral) / math.expm1(-simplicial)


class Polytope(NamedTuple):
    """A convex polytope around the origin.

    Attributes
    ----------
    vertices : ndarray of shape (n_vertices, n), float64
    normals : ndarray of shape (n_facets, n), float64
        Outward unit normals of the facets.
    distances : ndarray of shape (n_facets,), float64
        Of the facets from the origin.
    """

    vertices: NDArray[np.float64]
    normals: NDArray[np.float64]
    distances: NDArray[np.float64]

    @property
    def circumradius(self) -> float:
        """Distance of the farthest vertex from the origin."""
        return float(np.linalg.norm(self.vertices, axis=1).max())

    @property
    def inradius(self) -> float:
        """Distance of the nearest facet from the origin."""
        return float(self.distances.min())


def regular_simplex(n: int) -> NDArray[np.float64]:
    """Give the unit vectors from the centre of a regular simplex to its vertices.

    Parameters
    ----------
    n : int
        Dimension, at least 2.

    Returns
    -------
    ndarray of shape (n + 1, n), float64

    Raises
    ------
    ValueError
        If the dimension is less than 2.
    """
    from scipy.linalg import helmert

    _check_dimension(n)
    return np.asarray(helmert(n + 1).T * math.sqrt((n + 1) / n))


def hyperoctahedron(n: int) -> Polytope:
    """Build the hyperoctahedron of circumradius 1, its facets by computation of the convex hull.

    Parameters
    ----------
    n : int
        Dimension, at least 2; to 6 it takes less than a second.

    Returns
    -------
    Polytope
        Of 2n vertices and 2**n facets.

    Raises
    ------
    ValueError
        If the dimension is less than 2.
    """
    _check_dimension(n)
    return _hull(np.concatenate([np.eye(n), -np.eye(n)]))


def expanded_simplex(n: int) -> Polytope:
    """Build the expanded simplex of circumradius 1, its facets by computation of the convex hull.

    Parameters
    ----------
    n : int
        Dimension, at least 2; to 6 it takes less than a second.

    Returns
    -------
    Polytope
        Of n (n + 1) vertices and 2**(n + 1) − 2 facets.

    Raises
    ------
    ValueError
        If the dimension is less than 2.
    """
    corners = regular_simplex(n)
    differences = (corners[:, None] - corners)[~np.eye(n + 1, dtype=bool)]
    return _hull(differences / math.sqrt(2 * (n + 1) / n))


def _hull(points: NDArray[np.float64]) -> Polytope:
    from scipy.spatial import ConvexHull

    hull = ConvexHull(points)
    # A facet that is no simplex comes cut into some, which share its equation.
    equations = np.unique(hull.equations, axis=0)
    return Polytope(points[np.sort(hull.vertices)], equations[:, :-1], -equations[:, -1])


def _check_dimension(n: int) -> None:
    if n < 2:
        raise ValueError(f"these polytopes have dimension 2 or more, got n = {n}")
