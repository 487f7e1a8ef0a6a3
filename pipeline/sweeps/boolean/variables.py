"""What the store keeps of networks trained on Boolean functions."""

from __future__ import annotations

import numpy as np

from relusweep.pipeline.sweeps.base import Coordinate
from relusweep.pipeline.sweeps.boolean.measures import measures_of
from relusweep.pipeline.sweeps.boolean.problems import ProblemSweep, classes
from relusweep.storage import Variable
from relusweep.tasks.training import StopReason

__all__ = ["DIMS", "VARIABLES", "problem_coordinates"]

DIMS = ("problem", "leak", "width", "depth", "trial")

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


def problem_coordinates(sweep: ProblemSweep, store: str) -> dict[str, Coordinate]:
    """Give the problems, and what is known of them, as coordinates along them."""
    ids = sweep.ids
    every = classes(sweep.n_inputs)
    texts = np.array([f"{i:0{2**sweep.n_inputs}b}" for i in ids.tolist()], dtype=object)
    size = every.size[np.searchsorted(every.representative, ids)]
    return {
        "problem": sweep.problem_coordinate,
        "truth_table": ("problem", texts, {"long_name": "outputs, all inputs -1 first, 1 for +1"}),
        **measures_of(sweep, store),
        "class_size": ("problem", size, {"long_name": "functions in the NPN class", "units": "1"}),
    }
