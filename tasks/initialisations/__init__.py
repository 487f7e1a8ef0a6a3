"""Initialisations of the weights, one file each, found by its name: what ``init`` of a network names.

A module defines ``INITIALISATION``, an :class:`Initialisation`: which numbers are drawn, and how they become
the weights of a layer. Biases are the same for all of these (``bias`` of a network). Where all weights and
biases of a network start together, it says so by :class:`Whole`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks import discovery, elementary, streams
from relusweep.tasks.compiled import compiled
from relusweep.tasks.layers import Learned, Shape
from relusweep.tasks.streams import box_muller

__all__ = ["Initialisation", "Whole", "load", "names", "normal", "uniform_around_zero"]


class Whole(NamedTuple):
    """How all weights and biases of a network start together.

    Attributes
    ----------
    count : callable
        ``count(network)``: 32-bit words that are drawn for a trial. A ValueError says why a network cannot
        start so.
    parameters : callable
        ``parameters(words, network, rows)``: from words of shape (n_trials, count), parameters of shape
        (n_trials, network.n_weights), which are then rounded to float32. Rows are those of the same trials.
    needs_rows : bool
        Whether starts depend on what is learned; if not, rows may be None. A ValueError says why starts are
        not for such rows.
    """

    count: Callable[[Shape], int]
    parameters: Callable[[NDArray[np.uint32], Shape, Learned | None], NDArray[Any]]
    needs_rows: bool = False


@dataclass(frozen=True)
class Initialisation:
    """How the weights of a layer, or whole networks, start.

    Parameters
    ----------
    numbers : {'normal', 'uniform'}
        What is drawn, one number a weight, all independent: standard normal in float32, or uniform between −1
        and 1 in float64.
    weights : callable
        ``weights(numbers, fan_in, fan_out)``: from numbers of shape (n_trials, fan_out, fan_in), weights of
        the same shape, which are then rounded to float32. The weights of a trial depend on its own numbers
        alone. Bits are the same on every processor if made by ``+ - * /`` and square roots; sums and other
        functions of NumPy differ in the last place, so compile them (see `orthogonal`) or use
        `relusweep.tasks.elementary`.
    whole : Whole, optional
        Instead of both.
    """

    numbers: Literal["normal", "uniform"] = "normal"
    weights: Callable[[NDArray[Any], int, int], NDArray[Any]] | None = None
    whole: Whole | None = None

    def draw(self, words: NDArray[np.uint32]) -> NDArray[Any]:
        """Turn random words of shape (n_trials, an even number) into as many of the numbers."""
        if self.numbers == "uniform":
            return uniform_around_zero(words)
        return normal(words)


def names() -> tuple[str, ...]:
    """Name the initialisations there are."""
    return discovery.names(__name__)


def load(name: str) -> Initialisation:
    """Give an initialisation; a ValueError names those there are."""
    return discovery.load(__name__, name, Initialisation)


def uniform_around_zero(words: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Map 32-bit words to the middles of their steps between −1 and 1."""
    return np.asarray((words + 0.5) * 2.0**-31 - 1.0, np.float64)


def normal(words: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Turn an even number of 32-bit words of each trial into as many standard normal numbers."""
    numbers = np.empty(words.shape, np.float32)
    _normal(np.ascontiguousarray(words), numbers)
    return numbers


@compiled(elementary, streams)
def _normal(words, normal):  # type: ignore[no-untyped-def]
    for trial in range(len(words)):
        box_muller(words[trial], normal[trial])
