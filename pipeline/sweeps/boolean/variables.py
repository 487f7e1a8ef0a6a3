"""What the store keeps of networks trained on Boolean functions, and what it says of their axes."""

from __future__ import annotations

from relusweep.pipeline.sweeps.variables import codes, numbers
from relusweep.tasks.training.protocol import StopReason

__all__ = ["DIMS", "DIM_ATTRS", "VARIABLES"]

DIMS = ("problem", "leak", "width", "depth", "trial")

DIM_ATTRS = {
    "problem": {"long_name": "id of the NPN class"},
    "leak": {"long_name": "slope below zero", "units": "1"},
    "width": {"long_name": "units of each hidden layer", "units": "1"},
    "depth": {"long_name": "hidden layers", "units": "1"},
    "trial": {"long_name": "number of the trial", "units": "1"},
}

VARIABLES = {
    "success_epoch": numbers(DIMS, "int32", "epoch of first success", fill=-2, comment="-1: never"),
    "rows_right": numbers(DIMS, "int16", "rows on the right side of zero at the end"),
    "loss": numbers(DIMS, "float32", "binary cross-entropy at the end, mean over rows"),
    "stop_reason": codes(DIMS, "why training stopped", StopReason),
}
