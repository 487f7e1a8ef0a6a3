"""Heuristic pruning of deep networks: units removed one after another, at random by what is missed least."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from relusweep._yaml import Whole
from relusweep.tasks import activations
from relusweep.tasks.axes import Setting
from relusweep.tasks.declared import Declared, codes, numbers
from relusweep.tasks.probes import Cost, Extent, Trained
from relusweep.tasks.probes._pruning import (
    PruningProbe,
    missing_rows,
    succeeded,
    training_memory,
    training_work,
)
from relusweep.tasks.problems import Problem
from relusweep.tasks.pruning.ending import Ending
from relusweep.tasks.streams import Stream
from relusweep.tasks.training.protocol import Protocol

__all__ = ["Removals"]

_STEP = ("pruning", "removal")


class Removals(PruningProbe):
    """Prunings of each network that succeeded, each with other random choices, until no unit can go.

    Attributes
    ----------
    prunings : int
        Of each network.
    """

    block_trials: ClassVar[int] = 1
    kind: Literal["removals"] = "removals"
    prunings: Annotated[Whole, Field(ge=1, le=1000, description="1 to 1000")] = 10

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Refuse activations with which removed units, which are zeros, would train."""
        super().check(problem, settings)
        others = [name for name in settings["activation"] if not activations.load(name).zero_at_zero]
        if others:
            raise ValueError(
                f"removals makes units zeros, which would train again: {others[0]} of 0 is not known to be "
                "0; set activation=relu, or leave the probe out"
            )

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give the sizes reached, and the chain of removals."""
        after = "removal, after fine-tuning"
        return {
            "layer_units": numbers("int16", "units left in a layer", ("pruning", "layer")),
            "pruning_end": codes("why a pruning ended", Ending)._replace(dims=("pruning",)),
            "removed_layer": numbers("int16", "layer that a unit was removed from, from 0", _STEP),
            "removed_unit": numbers("int16", "number of the unit in its layer, from 0", _STEP),
            "removal_epoch": numbers("int32", f"epochs of fine-tuning after a {after}", _STEP),
            "removal_loss": numbers("float32", f"loss after a {after}, mean over rows", _STEP),
        }

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give numbers of prunings, layers and removals."""
        words = {
            "pruning": (self.prunings, "number of the pruning"),
            "layer": (extent.most_depth, "hidden layer, from the inputs on"),
            "removal": (extent.most_depth * extent.most_width, "number of the removal"),
        }
        return {dim: (np.arange(n), {"long_name": of, "units": "1"}) for dim, (n, of) in words.items()}

    def cost(self, setting: Setting, protocol: Protocol, n_rows: int) -> Cost:
        """Take it that in each step one network, half as wide as the original, trains to the last epoch."""
        network, epochs = protocol.network, self.fine_tuned(protocol).epochs
        half = network.model_copy(update={"width": (network.width + 1) // 2, "widths": None})
        steps = self.prunings * network.depth * network.width
        work = steps * training_work(half.n_parameters, n_rows, epochs)
        return Cost(work, training_memory(steps, network.n_parameters, n_rows))

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Prune the networks that succeeded; of others nothing is said."""
        from relusweep.tasks.pruning.removals import remove_units

        originals = succeeded(trained)
        tuning = self.tuning(trained, originals)
        names = [("removals", *trained.names[network]) for network in originals]
        each = [remove_units(tuning, i, Stream(name), self.prunings) for i, name in enumerate(names)]
        fields = ("units", "ending", "layer", "unit", "epoch", "loss")
        found = {
            name: np.stack([getattr(one, field) for one in each]) if each else np.zeros(0)
            for name, field in zip(self.variables(extent), fields, strict=True)
        }
        return missing_rows(self, extent, len(trained.parameters), originals, found)
