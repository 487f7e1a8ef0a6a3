"""Weights that solve a Boolean function in exact arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.declared import Declared, codes, numbers
from relusweep.tasks.probes import Extent, Probe, Trained, needs_relu
from relusweep.tasks.probes.parameters import PLACES, padded
from relusweep.tasks.problems import Problem

__all__ = ["Certificate", "Certified"]


class Certified(IntEnum):
    """Whether a network that succeeded is right on all rows with nothing rounded.

    Attributes
    ----------
    NO
        It did not succeed, or only by rounding.
    YES
    """

    NO = 0
    YES = 1


class Certificate(Probe):
    """Whether networks of ReLU units solve their function exactly; the weights of those that do."""

    kind: Literal["certificate"] = "certificate"
    block_trials: ClassVar[int | None] = 16  # few of many trials have weights

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Refuse what is no Boolean function, and other units."""
        if problem.kind != "boolean":
            raise ValueError(f"certificate is of Boolean functions, not of {problem.kind}; leave it out")
        needs_relu("certificate", settings)

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give the verdict, and the weights."""
        words = "weights and biases of a network that is right on all rows in exact arithmetic"
        return {
            "certified": codes("whether it is right on all rows in exact arithmetic", Certified),
            "certificate": numbers("float32", words, ("parameter",)),
        }

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give places, of the largest network."""
        return {"parameter": (np.arange(extent.most_parameters), PLACES)}

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Recompute the networks that succeeded."""
        from relusweep.tasks.boolean.certificates import is_certified

        network, tables = trained.protocol.network, trained.trials.targets
        found = self.missing(extent, len(tables))
        found["certified"][:] = Certified.NO
        weights = padded(trained.parameters, extent.most_parameters)
        for place in np.flatnonzero(trained.result.success_epoch >= 0):
            if is_certified(network, trained.parameters[place], tables[place]):
                found["certified"][place] = Certified.YES
                found["certificate"][place] = weights[place]
        return found
