"""How many families of stationary points there are at each level of the loss, for Boolean functions."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from relusweep.tasks.boolean.truth_tables import inputs, truth_table
from relusweep.tasks.optima.families import every_family
from relusweep.tasks.optima.landscape import landscape

__all__ = ["COUNTS", "Level", "census"]

COUNTS = ("minima_inside", "minima_between", "saddles_inside", "saddles_between", "strict_minima")


class Level(NamedTuple):
    """Families of one loss, each once up to symmetry.

    Attributes
    ----------
    loss : Fraction
        Sum of squared errors.
    minima_inside, minima_between, saddles_inside, saddles_between : int
        With the gradient zero, or stationary in Clarke's sense between cells of signs.
    strict_minima : int
        Of the minima.
    """

    loss: Fraction
    minima_inside: int
    minima_between: int
    saddles_inside: int
    saddles_between: int
    strict_minima: int


def census(n_inputs: int, function: int, width: int) -> list[Level]:
    """Count the families of a Boolean function and a width, by their loss.

    Parameters
    ----------
    n_inputs : int
        1 to 3.
    function : int
        Its id.
    width : int
        Units of the hidden layer.

    Returns
    -------
    list of Level
        By loss.

    Raises
    ------
    ValueError
        If there is no such function, or there are too many inputs.

    Examples
    --------
    >>> [str(level.loss) for level in census(2, 6, 1)]
    ['8/3', '4']
    """
    if not 1 <= n_inputs <= 3:
        raise ValueError(f"faces are enumerated for 1 to 3 inputs, got {n_inputs}")
    if not 0 <= function < 1 << (1 << n_inputs):
        last = (1 << (1 << n_inputs)) - 1
        raise ValueError(f"functions of {n_inputs} inputs have ids from 0 to {last}, got {function}")
    of = landscape(inputs(n_inputs), truth_table(np.uint64(function), n_inputs), width)
    counts: Counter[tuple[Fraction, str]] = Counter()
    for family in every_family(of):
        kind = f"{'minima' if family.minimum else 'saddles'}_{'inside' if family.inside else 'between'}"
        counts[family.loss, kind] += 1
        counts[family.loss, "strict_minima"] += family.strict
    return [
        Level(loss, *(counts[loss, name] for name in COUNTS)) for loss in sorted({loss for loss, _ in counts})
    ]
