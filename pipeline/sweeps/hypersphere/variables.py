"""What the store keeps of networks that tell a ball from the shell around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.sweeps.base import Coordinate
from relusweep.pipeline.sweeps.boolean.variables import VARIABLES
from relusweep.storage.layout import Variable
from relusweep.tasks.hypersphere.shapes import Shape

__all__ = ["DIMS", "coordinate", "variables"]

DIMS = ("n_inputs", "loss", "leak", "batch", "inputs", "trial")

_WORDS = {
    "n_inputs": "dimension",
    "loss": "loss: binary cross-entropy or mean squared error",
    "leak": "slope below zero",
    "batch": "samples of an update",
    "inputs": "whether inputs are scaled to standard deviation 1",
    "trial": "number of the trial",
    "parameter": "place in the network's row of parameters; NaN behind the last",
}


_VARIABLES = {
    "success_epoch": Variable(
        DIMS,
        "int32",
        -2,
        {"long_name": "epochs of a network that succeeds after the last", "units": "1", "comment": "-1: not"},
    ),
    "rows_right": Variable(
        DIMS, "int32", -1, {"long_name": "training samples on the right side at the end", "units": "1"}
    ),
    "train_loss": Variable(
        DIMS, "float32", np.nan, {"long_name": "loss at the end, mean over training samples", "units": "1"}
    ),
    "stop_reason": replace(VARIABLES["stop_reason"], dims=DIMS),
    "test_rows_right": Variable(
        DIMS, "int32", -1, {"long_name": "test samples on the right side at the end", "units": "1"}
    ),
    "test_loss": Variable(
        DIMS, "float32", np.nan, {"long_name": "loss at the end, mean over test samples", "units": "1"}
    ),
    "shape": Variable(
        DIMS,
        "int8",
        -1,
        {
            "long_name": "shape of the region inside",
            "flag_values": [int(shape) for shape in Shape],
            "flag_meanings": " ".join(shape.name.lower() for shape in Shape),
        },
    ),
    "vertices": Variable(
        DIMS, "int16", -1, {"long_name": "vertices of the region", "units": "1", "comment": "0: no polytope"}
    ),
    "concave": Variable(
        DIMS, "int16", -1, {"long_name": "units of an output weight that is not positive", "units": "1"}
    ),
    "misfit": Variable(
        DIMS,
        "float32",
        np.nan,
        {"long_name": "distance from the body of as many vertices", "units": "1", "comment": "0 to 1"},
    ),
    "parameters": Variable(
        (*DIMS, "parameter"), "float32", np.nan, {"long_name": "weights and biases at the end", "units": "1"}
    ),
}


def coordinate(dim: str, labels: NDArray[Any]) -> Coordinate:
    """Name what the labels of a dimension are; texts have no unit."""
    units = {} if labels.dtype == object else {"units": "1"}
    return dim, labels, {"long_name": _WORDS[dim], **units}


def variables(samples: int, test_samples: int) -> Mapping[str, Variable]:
    """Give what is kept of every network, of the test samples only where there are some."""
    rows = {"rows_right": {"rows": samples}, "test_rows_right": {"test_rows": test_samples}}
    return {
        name: replace(variable, attrs={**variable.attrs, **rows.get(name, {})})
        for name, variable in _VARIABLES.items()
        if test_samples or not name.startswith("test_")
    }
