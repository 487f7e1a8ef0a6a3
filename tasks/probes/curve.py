"""Learning curves: loss, right rows and gradient at chosen epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from relusweep._yaml import Truth
from relusweep.tasks.axes import LATER
from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import Extent, Trained
from relusweep.tasks.probes._epochs import ProbeOfEpochs
from relusweep.tasks.problems import Problem

__all__ = ["Curve"]

_DIMS = ("curve_epoch",)


class Curve(ProbeOfEpochs):
    """What all training rows give after chosen epochs; NaN after the end of the training.

    Attributes
    ----------
    test : bool, optional
        Whether to look at the test rows too.
    """

    wants_parameters: ClassVar[bool] = False
    result_schema: ClassVar[int] = 2  # since 30 November 2026: missing where outputs are not finite
    kind: Literal["curve"] = "curve"
    test: Annotated[Truth | None, LATER, Field(description="true, or none")] = None

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Refuse the test rows of problems that have none."""
        if self.test and not problem.has_test:
            raise ValueError(f"curve: {problem.kind} has no test rows here; leave out test, or ask for some")

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give loss and gradient, of classes the share of right rows; of test rows all but the gradient."""
        found = {"curve_loss": numbers("float32", "loss, mean over rows", _DIMS)}
        if extent.problem.has_classes:
            found["curve_rows_right"] = numbers("float32", "share of rows on the right side", _DIMS)
        found["curve_gradient_norm"] = numbers("float32", "Euclidean norm of the gradient", _DIMS)
        if self.test:
            found["curve_test_loss"] = numbers("float32", "loss, mean over test rows", _DIMS)
            if extent.problem.has_classes:
                words = "share of test rows on the right side"
                found["curve_test_rows_right"] = numbers("float32", words, _DIMS)
        return found

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give the epochs."""
        return {"curve_epoch": self.labelled_epochs(extent)}

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Look at the snapshots."""
        from relusweep.tasks.training.curves import curve

        inputs, targets, test, weights = trained.trials
        taken = trained.snapshots(self.epochs(extent))
        seen = curve(trained.protocol, inputs, targets, taken, weights)
        found: dict[str, NDArray[np.generic]] = {
            "curve_loss": seen.loss,
            "curve_rows_right": seen.rows_right,
            "curve_gradient_norm": seen.gradient_norm,
        }
        if self.test and test is not None:
            seen = curve(trained.protocol, *test, taken)
            found |= {"curve_test_loss": seen.loss, "curve_test_rows_right": seen.rows_right}
        return {name: found[name] for name in self.variables(extent)}
