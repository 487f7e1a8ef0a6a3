"""Sweeps over functions of different numbers of inputs keep what every sweep keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.planning.contract import CHECKS, Example
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep


def sweep(**problem: Any) -> TrainingSweep:
    """Two functions of one and three inputs: the one with most inputs is not the last by its name."""
    fields = {
        "name": "functions",
        "problem": {"kind": "function", "target": ["norm3", "power11"], "points": 64, **problem},
        "network": {"width": [2, 3], "depth": 1},
        "protocol": {"loss": "mse", "stop": "last_epoch", "epochs": 3},
        "probes": ["parameters", {"curve": {"every": 2}}],
        "trials": 3,
    }
    return TrainingSweep.model_validate(fields)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_contract_is_kept_where_targets_points_and_layouts_grow(check: Callable[[Example], None]) -> None:
    grown = {"target": ["norm3", "peaks", "power11"], "layout": ["grid", "sobol"], "points": [64, 729]}
    check(Example(sweep(layout=["grid"], test_points=9), grown, blocks=1))


def test_there_is_room_for_the_parameters_of_the_function_with_most_inputs() -> None:
    found = sweep()
    assert len(found.inner["parameter"]) == 3 * (3 + 1) + 3 + 1
    shapes = {block.labels[0][1][0]: found.block(block).protocol.network.n_inputs for block in blocks(found)}
    assert shapes == {"norm3": 3, "power11": 1}


def blocks(of: TrainingSweep) -> Any:
    return Example(of).plan.blocks


def test_pieces_are_refused_where_a_function_has_several_inputs() -> None:
    with pytest.raises(InvalidSweep, match="pieces are of functions of one input, and some have 3"):
        TrainingSweep.model_validate({**sweep().model_dump(), "probes": ["pieces"]}).check()
