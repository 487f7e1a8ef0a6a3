"""Quantities of Boolean functions: one for every NPN class."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from relusweep._yaml import Whole
from relusweep.tasks.boolean.ids import Ids, class_ids
from relusweep.tasks.problems.boolean import Boolean
from relusweep.tasks.quantities import Dimensions, Quantity

__all__ = ["OfClasses"]


class OfClasses(Quantity):
    """What is computed of NPN classes.

    Attributes
    ----------
    n_inputs : int
        Inputs of the functions.
    problems : tuple of int or 'all'
        NPN classes, named by their smallest ids.
    """

    folder: ClassVar[str] = "boolean"
    extent: ClassVar[tuple[str, ...]] = ("problems",)

    n_inputs: Annotated[Whole, Field(ge=1, le=5, description="1 to 5")]
    problems: Annotated[Ids, Field(description="ids of NPN classes, or all")]

    @field_validator("problems")
    @classmethod
    def _are_classes(cls, ids: tuple[int, ...] | str, info: ValidationInfo) -> tuple[int, ...] | str:
        if not ids:
            raise ValueError("there is nothing to compute without a class")
        if isinstance(ids, str) or "n_inputs" not in info.data:
            return ids
        return class_ids(ids, info.data["n_inputs"])

    @property
    def functions(self) -> Boolean:
        """The problem that the classes are of."""
        return Boolean.model_validate({"n_inputs": self.n_inputs, "problems": self.problems})

    @property
    def axes(self) -> Dimensions:
        """Classes, and axes of its own."""
        return {"problem": (self.functions.names(), {"long_name": "id of the NPN class"}), **super().axes}
