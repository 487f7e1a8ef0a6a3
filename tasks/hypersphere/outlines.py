"""What networks of two inputs call inside, as exact polygons."""

from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.tasks.hypersphere.problems import BallAndShell
from relusweep.tasks.networks import Network
from relusweep.tasks.regions import Curve, decision_boundary

__all__ = ["Outline", "outline", "outline_kind", "polygon_around_middle"]


class Outline(IntEnum):
    """What surrounds the middle of the ball.

    Attributes
    ----------
    NOT_CLOSED
        No polygon within the square.
    OTHER
        A polygon of another number of corners.
    QUADRILATERAL, HEXAGON
        A polygon of four or six corners.
    """

    NOT_CLOSED = 0
    OTHER = 1
    QUADRILATERAL = 2
    HEXAGON = 3


def outline(
    problem: BallAndShell, network: Network, parameters: ArrayLike, *, threshold: float = 0.0
) -> list[Curve]:
    """Trace the boundary of what a network calls inside, within the square that just holds its shell.

    Parameters
    ----------
    problem : BallAndShell
        Of two inputs.
    network : Network
    parameters : array_like of shape (n,)
        Its finite parameters; what lies behind them is left out.
    threshold : float
        Output at which the classes part.

    Returns
    -------
    list of Curve
        As :func:`relusweep.tasks.regions.decision_boundary` gives it, in the coordinates of the inputs.

    Raises
    ------
    ValueError
        If the network has not two inputs, or the parameters do not fit it or are not finite.
    """
    row = np.array(parameters, dtype=np.float64)[: network.n_parameters]
    row[-1:] -= threshold
    reach = problem.radii.shell_outer / problem.scale
    return decision_boundary(network, row, low=[-reach, -reach], high=[reach, reach])


def polygon_around_middle(curves: list[Curve]) -> NDArray[np.float64] | None:
    """Give the corners of the closed curve around the origin; None if there is none.

    Other curves may cross the corners of the square, where there are no data.

    Parameters
    ----------
    curves : list of Curve

    Returns
    -------
    ndarray of shape (n_corners, 2), float64, or None
    """
    closed = (curve.corners for curve in curves if curve.closed)
    return next((corners for corners in closed if _turns(corners)), None)


def outline_kind(curves: list[Curve]) -> Outline:
    """Name what surrounds the middle of the ball by its number of corners.

    Examples
    --------
    >>> square = np.array([[1.0, 0.0], [0.0, -1.0], [-1.0, 0.0], [0.0, 1.0]])
    >>> outline_kind([Curve(square, closed=True)]).name, outline_kind([Curve(square + 2, closed=True)]).name
    ('QUADRILATERAL', 'NOT_CLOSED')
    """
    polygon = polygon_around_middle(curves)
    if polygon is None:
        return Outline.NOT_CLOSED
    return {4: Outline.QUADRILATERAL, 6: Outline.HEXAGON}.get(len(polygon), Outline.OTHER)


def _turns(corners: NDArray[np.float64]) -> int:
    """Count how often a closed curve goes around the origin."""
    points = corners @ (1, 1j)
    return round(float(np.angle(np.roll(points, -1) / points).sum()) / (2 * np.pi))
