"""Hidden units that are zero at all training rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import Extent, Probe, Trained, finite

__all__ = ["DeadUnits"]

_LAYER = ("layer",)


class DeadUnits(Probe):
    """Units of each hidden layer that are zero at all training rows, as of ReLU that are never on."""

    kind: Literal["dead_units"] = "dead_units"

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give one."""
        words = "hidden units that are zero at all training rows"
        return {
            "dead_units": numbers("int32", words, _LAYER, comment="missing where parameters are not finite")
        }

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give the hidden layers."""
        return {"layer": (np.arange(1, extent.most_depth + 1), {"long_name": "hidden layers", "units": "1"})}

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Count them of networks whose parameters are finite."""
        from relusweep.tasks.hidden import hidden

        found = self.missing(extent, len(trained.parameters))
        some = finite(trained)
        inputs = trained.trials.inputs
        layers = hidden(
            trained.protocol.network, trained.parameters[some], inputs[some] if inputs.ndim == 3 else inputs
        )
        for layer, units in enumerate(layers):
            found["dead_units"][some, layer] = (units == 0).all(axis=1).sum(axis=1)
        return found
