"""Epochs chosen by a specification: every so many, logarithmically, or listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from relusweep._yaml import Whole
from relusweep.tasks.axes import listed
from relusweep.tasks.probes import END, Extent, Probe

__all__ = ["ProbeOfEpochs"]


class ProbeOfEpochs(Probe):
    """A probe that looks at chosen epochs; one of its fields is given.

    Attributes
    ----------
    every : int, optional
        Epochs from one look to the next, from 0 on.
    per_decade : int, optional
        Looks in each decade of epochs, evenly on a logarithmic scale, and one before the first epoch.
    at : tuple of int, optional
        The epochs themselves; ``end`` is that at which the training of a network ended, and its label is -1.
    """

    every: Annotated[Whole, Field(ge=1, description="epochs, at least 1")] | None = None
    per_decade: Annotated[Whole, Field(ge=1, le=100, description="1 to 100")] | None = None
    at: (
        Annotated[
            tuple[Annotated[Whole, Field(ge=END)], ...],
            BeforeValidator(lambda value: [END if epoch == "end" else epoch for epoch in listed(value)]),
            Field(description="epochs, as 0,10,100, or end"),
        ]
        | None
    ) = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        """Leave out what is None, as when a specification is read again."""
        return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _one(self) -> ProbeOfEpochs:
        given = [name for name in ("every", "per_decade", "at") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"{self.kind} needs one of every, per_decade and at, got {', '.join(given) or 'none'}; "
                f"write for example {self.kind}: {{every: 10}}"
            )
        return self

    def epochs(self, extent: Extent) -> tuple[int, ...]:
        """Give those up to the last epoch of the longest training."""
        most = extent.most_epochs
        if self.every is not None:
            return tuple(range(0, most + 1, self.every))
        if self.per_decade is not None:
            powers = range(self.per_decade * len(str(most)) + 1)
            chosen = {0, *(round(10 ** (i / self.per_decade)) for i in powers)}
        else:
            chosen = set(self.at or ())
        return tuple(sorted(epoch for epoch in chosen if epoch <= most))

    def labelled_epochs(self, extent: Extent) -> tuple[NDArray[np.int64], Mapping[str, Any]]:
        """Give the epochs as labels of a dimension, with their attributes."""
        chosen = self.epochs(extent)
        comment = {"comment": "-1: the end of the training"} if END in chosen else {}
        return np.array(chosen), {"long_name": "epochs made", "units": "1", **comment}
