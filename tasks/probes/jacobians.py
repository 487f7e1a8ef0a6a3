"""Derivatives of outputs by inputs, at the training rows or at given inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from relusweep._yaml import Real
from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import Extent, Probe, Trained, most_rows, output_labels
from relusweep.tasks.problems import Problem

__all__ = ["Jacobians"]

_Number = Annotated[Real, Field(allow_inf_nan=False)]


class Jacobians(Probe):
    """The Jacobian of each network at the end.

    Attributes
    ----------
    points : tuple of tuple of float, optional
        Inputs; by default those of the training rows, in their order.
    """

    large: ClassVar[bool] = True
    kind: Literal["jacobians"] = "jacobians"
    points: (
        Annotated[
            tuple[tuple[_Number, ...], ...],
            Field(min_length=1, description="a list of inputs, as [[0, 0], [0.5, -1]], or none"),
        ]
        | None
    ) = None

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Refuse points that are no inputs of the networks."""
        lengths = {len(point) for point in self.points or ()}
        inputs = {problem.n_inputs_of(setting) for setting in problem.settings()}
        if self.points and lengths != inputs:
            got, wanted = (" or ".join(map(str, sorted(some))) for some in (lengths, inputs))
            raise ValueError(
                f"jacobians: points have {got} numbers, and networks {wanted} inputs; give points of as "
                "many, or none for the rows"
            )

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give one."""
        output = ("output",) if extent.most_outputs > 1 else ()
        comment = "computed in float64; where a unit is at its kink, it counts as below"
        dims = ("point", *output, "input")
        return {"jacobian": numbers("float32", "derivative of an output by an input", dims, comment=comment)}

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give numbers of points, of outputs where there are several, and of inputs."""
        problem = extent.problem
        n_points = len(self.points) if self.points else most_rows(problem)[0]
        n_inputs = max(problem.n_inputs_of(setting) for setting in problem.settings())
        at = "point of the specification" if self.points else "training row"
        return {
            "point": (np.arange(n_points), {"long_name": at, "units": "1"}),
            **output_labels(extent),
            "input": (np.arange(n_inputs), {"long_name": "input of a network", "units": "1"}),
        }

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Compute those of networks that are finite."""
        from relusweep.tasks.jacobians.of_many import jacobians

        inputs = np.array(self.points) if self.points else trained.trials.inputs
        found = self.missing(extent, len(trained.parameters))
        values = jacobians(trained.protocol.network, trained.parameters, inputs)
        shape = found["jacobian"].shape
        room = found["jacobian"].reshape(*shape[:2], -1, shape[-1])
        room[:, : values.shape[1], : values.shape[2], : values.shape[3]] = values
        return found
