"""How many families of stationary points there are at each level of the loss, for Boolean functions."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from time import thread_time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.boolean.truth_tables import inputs, truth_table
from relusweep.tasks.optima.families import every_family
from relusweep.tasks.optima.landscape import landscape

__all__ = ["COUNTS", "MOST_LEVELS", "CensusBlock", "Level", "census", "census_block"]

MOST_LEVELS = 256
COUNTS = ("minima_inside", "minima_between", "saddles_inside", "saddles_between", "strict_minima")


class CensusBlock(NamedTuple):
    """What to count.

    Attributes
    ----------
    n_inputs : int
    functions, widths : tuple of int
        Ids of the functions, units.
    """

    n_inputs: int
    functions: tuple[int, ...]
    widths: tuple[int, ...]


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


def census_block(block: CensusBlock) -> BlockResult:
    """Count for every function and width of a block; no network is trained.

    Parameters
    ----------
    block : CensusBlock

    Returns
    -------
    BlockResult
        ``levels``, over functions × widths; ``loss``, ``loss_numerator``, ``loss_denominator`` and those of
        `COUNTS`, over these and the levels, -1 and NaN behind the last.

    Raises
    ------
    ValueError
        If there are more than `MOST_LEVELS` levels.
    """
    begin = thread_time()
    shape = len(block.functions), len(block.widths)
    room = (*shape, MOST_LEVELS)
    arrays: dict[str, NDArray[np.generic]] = {
        "levels": np.zeros(shape, np.int32),
        "loss": np.full(room, np.nan),
    }
    arrays |= {name: np.full(room, -1, np.int64) for name in ("loss_numerator", "loss_denominator", *COUNTS)}
    for place in np.ndindex(*shape):
        found = census(block.n_inputs, block.functions[place[0]], block.widths[place[1]])
        if len(found) > MOST_LEVELS:
            raise ValueError(f"{len(found)} levels of the loss, and there is room for {MOST_LEVELS}")
        arrays["levels"][place] = len(found)
        for level, one in enumerate(found):
            values = [float(one.loss), one.loss.numerator, one.loss.denominator, *one[1:]]
            for name, value in zip(list(arrays)[1:], values, strict=True):
                arrays[name][(*place, level)] = value
    return BlockResult(arrays, 0, thread_time() - begin, 0.0)
