"""Weights and biases at chosen epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import Extent, Trained
from relusweep.tasks.probes._epochs import ProbeOfEpochs
from relusweep.tasks.probes.parameters import PLACES, padded

__all__ = ["Snapshots"]


class Snapshots(ProbeOfEpochs):
    """The row of parameters of each network after chosen epochs; NaN after the end of its training."""

    wants_parameters: ClassVar[bool] = False
    kind: Literal["snapshots"] = "snapshots"

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give one."""
        dims = ("snapshot_epoch", "parameter")
        return {"snapshots": numbers("float32", "weights and biases after an epoch", dims)}

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give epochs and places."""
        return {
            "snapshot_epoch": self.labelled_epochs(extent),
            "parameter": (np.arange(extent.most_parameters), PLACES),
        }

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Give them, and NaN behind those of the network."""
        taken = trained.snapshots(self.epochs(extent))
        return {"snapshots": padded(taken, extent.most_parameters)}
