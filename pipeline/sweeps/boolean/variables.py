"""What the store keeps of networks trained on Boolean functions, and what it says of their axes."""

from __future__ import annotations

import numpy as np

from relusweep.storage.layout import Variable
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
    "success_epoch": Variable(
        DIMS, "int32", -2, {"long_name": "epoch of first success", "units": "1", "comment": "-1: never"}
    ),
    "rows_right": Variable(
        DIMS, "int16", -1, {"long_name": "rows on the right side of zero at the end", "units": "1"}
    ),
    "loss": Variable(
        DIMS,
        "float32",
        np.nan,
        {"long_name": "binary cross-entropy at the end, mean over rows", "units": "1"},
    ),
    "stop_reason": Variable(
        DIMS,
        "int8",
        -1,
        {
            "long_name": "why training stopped",
            "flag_values": [int(reason) for reason in StopReason],
            "flag_meanings": " ".join(reason.name.lower() for reason in StopReason),
        },
    ),
}
