"""What the store keeps of networks that tell a ball from the shell around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from relusweep.pipeline.sweeps.boolean.variables import VARIABLES
from relusweep.pipeline.sweeps.variables import codes, numbers
from relusweep.storage.layout import Variable
from relusweep.tasks.hypersphere.shapes import Shape

__all__ = ["DIMS", "DIM_ATTRS", "variables"]

DIMS = ("n_inputs", "loss", "leak", "batch", "inputs", "trial")

DIM_ATTRS = {
    "n_inputs": {"long_name": "dimension", "units": "1"},
    "loss": {"long_name": "loss: binary cross-entropy or mean squared error"},
    "leak": {"long_name": "slope below zero", "units": "1"},
    "batch": {"long_name": "samples of an update", "units": "1"},
    "inputs": {"long_name": "whether inputs are scaled to standard deviation 1"},
    "trial": {"long_name": "number of the trial", "units": "1"},
    "parameter": {"long_name": "place in the network's row of parameters; NaN behind the last", "units": "1"},
}


def variables(samples: int, test_samples: int) -> Mapping[str, Variable]:
    """Give what is kept of every network, of the test samples only where there are some."""
    right, mean = "samples on the right side at the end", "loss at the end, mean over"
    after = "epochs of a network that succeeds after the last"
    of_test = {
        "test_rows_right": numbers(DIMS, "int32", f"test {right}", test_rows=test_samples),
        "test_loss": numbers(DIMS, "float32", f"{mean} test samples"),
    }
    apart = "distance from the body of as many vertices"
    return {
        "success_epoch": numbers(DIMS, "int32", after, fill=-2, comment="-1: not"),
        "rows_right": numbers(DIMS, "int32", f"training {right}", rows=samples),
        "train_loss": numbers(DIMS, "float32", f"{mean} training samples"),
        "stop_reason": replace(VARIABLES["stop_reason"], dims=DIMS),
        **(of_test if test_samples else {}),
        "shape": codes(DIMS, "shape of the region inside", Shape),
        "vertices": numbers(DIMS, "int16", "vertices of the region", comment="0: no polytope"),
        "concave": numbers(DIMS, "int16", "units of an output weight that is not positive"),
        "misfit": numbers(DIMS, "float32", apart, comment="0 to 1"),
        "parameters": numbers((*DIMS, "parameter"), "float32", "weights and biases at the end"),
    }
