"""How training ended: every sweep keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.declared import Declared, codes, numbers
from relusweep.tasks.pretraining.ends import PretrainingEnd
from relusweep.tasks.probes import Extent, Probe, Trained
from relusweep.tasks.training.protocol import StopReason

__all__ = ["Outcome"]

_RIGHT = "rows on the right side of the threshold at the end"


class Outcome(Probe):
    """Success, right rows, loss and the reason of the end; of restarts the tries; of pretraining its end."""

    wants_parameters: ClassVar[bool] = False
    needs_training: ClassVar[bool] = True
    kind: Literal["outcome"] = "outcome"

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give what the problem and the restarts allow."""
        problem, restarts = extent.problem, extent.restarts
        epoch = "epochs of a try, where one met the bar" if restarts else "epoch of success"
        found = {"success_epoch": numbers("int32", epoch, fill=-2, comment="-1: never")}
        if problem.has_classes:
            found["rows_right"] = numbers(problem.rows_dtype, _RIGHT)
        found["final_loss"] = numbers("float32", "loss at the end, mean over rows")
        found["stop_reason"] = codes("why training stopped", StopReason)
        if restarts:
            found["tries"] = numbers("int32", "tries made, the one that was kept included")
            found["try_loss"] = numbers("float32", "loss after the try that was kept")
        if extent.pretraining:
            found["pretraining_loss"] = numbers("float32", "loss after pretraining, mean over rows")
            found["pretraining_end"] = codes("how pretraining ended", PretrainingEnd)
        if problem.has_test:
            if problem.has_classes:
                found["test_rows_right"] = numbers(problem.rows_dtype, f"test {_RIGHT}")
            found["test_loss"] = numbers("float32", "loss at the end, mean over test rows")
        return found

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Take them from the result."""
        result, tried, has_classes = trained.result, trained.tried, trained.problem.has_classes
        found: dict[str, NDArray[np.generic] | None] = {
            "success_epoch": result.success_epoch if has_classes else np.full_like(result.success_epoch, -1),
            "final_loss": result.loss,
            "stop_reason": result.stop_reason,
            "test_loss": result.test_loss,
        }
        if has_classes:
            rows = {"rows_right": result.rows_right, "test_rows_right": result.test_rows_right}
            dtype = trained.problem.rows_dtype
            found |= {name: None if some is None else some.astype(dtype) for name, some in rows.items()}
        if extent.pretraining:
            loss, end = np.full_like(result.loss, np.nan), np.full_like(result.stop_reason, -1)
            if trained.pretrained is not None:
                loss, end = trained.pretrained.loss, trained.pretrained.end
            found |= {"pretraining_loss": loss, "pretraining_end": end}
        if tried is not None:
            epochs = trained.setting["epochs"]
            found["success_epoch"] = np.where(tried.met, epochs, -1).astype(np.int32)
            found |= {"tries": tried.tries, "try_loss": tried.loss}
        return {name: array for name, array in found.items() if array is not None}
