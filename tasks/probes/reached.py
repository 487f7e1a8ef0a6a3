"""When the loss first comes down to each of several values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator, Field

from relusweep._yaml import Real
from relusweep.tasks.axes import listed
from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import END, Extent, Trained
from relusweep.tasks.probes._epochs import ProbeOfEpochs
from relusweep.tasks.problems import Problem

__all__ = ["Reached"]

_DIMS = ("reached_loss",)


class Reached(ProbeOfEpochs):
    """The first of the chosen epochs, or of the end, after which the loss is at most so much.

    Attributes
    ----------
    losses : tuple of float
        Losses over all training rows, above 0; kept ascending.
    """

    wants_parameters: ClassVar[bool] = False
    needs_training: ClassVar[bool] = True
    kind: Literal["reached"] = "reached"
    losses: Annotated[
        tuple[Annotated[Real, Field(gt=0, allow_inf_nan=False)], ...],
        BeforeValidator(lambda value: listed(value, any_number=True)),
        AfterValidator(lambda losses: tuple(sorted(set(losses)))),
        Field(min_length=1, description="losses above 0, as 0.1,0.01,0.001"),
    ]

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Refuse the end as one of the epochs: it is looked at in any case."""
        if END in (self.at or ()):
            raise ValueError("reached looks at the end in any case; give epochs before it, as at: 0,10,100")

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give one."""
        words = "first epoch looked at after which the loss is at most so much"
        return {"reached_epoch": numbers("int32", words, _DIMS, fill=-2, comment="-1: never")}

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give the losses."""
        words = {"long_name": "loss that is to be reached, mean over rows", "units": "1"}
        return {"reached_loss": (np.array(self.losses), words)}

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Look at the snapshots and at the end."""
        from relusweep.tasks.training.curves import curve

        inputs, targets, _, weights = trained.trials
        chosen = self.epochs(extent)
        seen = curve(trained.protocol, inputs, targets, trained.snapshots(chosen), weights).loss
        loss = np.column_stack([seen, trained.result.loss]).astype(np.float64)
        epochs = np.column_stack([np.tile(chosen, (len(loss), 1)), trained.result.epochs])
        there = loss[:, None, :] <= np.array(self.losses)[None, :, None]  # false where it is not a number
        first = np.where(there, epochs[:, None, :], np.iinfo(np.int32).max).min(axis=2)
        return {"reached_epoch": np.where(there.any(axis=2), first, -1).astype(np.int32)}
