"""Comparisons of pairs of networks, one file each, found by their names, and what they declare.

The two networks of a pair are of one setting and one problem: they differ in their trials.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from relusweep._yaml import Whole
from relusweep.tasks.points import uniform_points
from relusweep.tasks.probes import Extent, Kept, Trained, domain_of
from relusweep.tasks.problems import Problem

__all__ = ["Comparison", "OfRows"]


class Comparison(Kept):
    """What is kept of each pair of networks. A comparison is one file in `relusweep.tasks.pairs`.

    The module is named like the comparison, and defines one subclass of this class. Fields of the class are
    what a user may set.
    """

    @abstractmethod
    def measure(self, one: Trained, other: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Compare each network with each other one: arrays of (n_networks, n_others, …)."""


class OfRows(Comparison):
    """A comparison of what networks give for the same inputs.

    Attributes
    ----------
    points : int, optional
        So many random points of the problem's domain, or of −1 to 1, the same for all; by default the inputs
        are the training rows, where all networks have the same.
    """

    points: Annotated[Whole, Field(ge=2, le=100_000, description="2 to 100 000, or none")] | None = None

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Refuse rows that are each network's own."""
        setting = {name: labels[0] for name, labels in settings.items()}
        label = problem.names()[0] if problem.labels else None
        if self.points is None and problem.draw(setting, (label,), range(1), 0).inputs.ndim == 3:
            raise ValueError(
                f"{self.kind} compares networks at the same inputs, and each of {problem.kind} has its own "
                "rows; set points, as points=256"
            )

    def inputs_of(self, trained: Trained) -> NDArray[Any]:
        """Give the inputs: (n_rows, n_inputs)."""
        if self.points is None:
            return trained.trials.inputs
        n_inputs = trained.protocol.network.n_inputs
        return uniform_points(self.points, n_inputs, *domain_of(trained), ("pairs", n_inputs))
