"""Training sweeps: the named ones are those of their sources, every field is an axis, starts are paired."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.planning.contract import (
    Example,
    blocks_cover_every_cell_once,
    fingerprint_stays_when_axes_grow,
    layout_holds_the_labels,
    specification_survives_json,
    task_gives_the_variables,
)
from relusweep.pipeline.planning.plan import make_plan
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import changed, override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks.training_block import TrainingBlock


def made(name: str, *settings: str) -> TrainingSweep:
    return override(SWEEPS[name], settings)


def reach(sweep: TrainingSweep) -> dict[str, Any]:
    """Axes that are no longer than one label are left out."""
    return {dim: labels.tolist() for dim, labels in sweep.axes.items() if dim not in sweep.fixed}


# The named ones

NAMED: dict[str, dict[str, Any]] = {
    "npn4": {"leak": [0.0, 0.1], "width": [*range(2, 11)], "depth": [1, 2, 3, 4, 5]},
    "npn5": {"leak": [0.1], "width": [4], "depth": [2]},
    "parity10": {"n_inputs": [10], "leak": [0.1], "width": [*range(2, 11)], "depth": [1, 2, 3, 4, 5]},
    "boolean10": {"n_inputs": [10], "leak": [0.1], "width": [10], "depth": [3]},
    "dimensions": {"n_inputs": [5, 6, 7, 8, 9, 10], "leak": [0.1], "width": [10], "depth": [3]},
    "annulus": {
        "n_inputs": [2],
        "inputs": ["raw", "scaled"],
        "leak": [0.0, 0.01, 0.1],
        "loss": ["bce", "mse"],
        "batch": [10, 100, 1000],
    },
    "hypersphere": {
        "n_inputs": [*range(2, 9)],
        "inputs": ["scaled"],
        "leak": [0.0, 0.01],
        "loss": ["bce"],
        "batch": [100],
    },
    "plane_circle": {"widths": ["3", "8-8-8"]},
    "plane_xor_circles": {"widths": ["3", "8-8-8"]},
    "plane_xor": {"widths": ["3", "8-8-8"]},
    "sine": {"width": [*range(1, 11)], "depth": [*range(1, 11)]},
}
NETWORKS = {
    "npn2": 36_000,
    "npn3": 126_000,
    "npn4": 1_998_000,
    "npn5": 6_161_260,
    "parity10": 11 * 45 * 100,
    "boolean10": 323 * 20,
    "dimensions": 323 * 6 * 40,
    "annulus": 3600,
    "hypersphere": 1400,
    "plane_circle": 200,
    "plane_xor_circles": 200,
    "plane_xor": 200,
    "sine": 1000,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "npn4": {"loss": "bce", "learning_rate": 0.025, "epochs": 4000, "stop": "first_success", "success": 1.0},
    "boolean10": {"loss": "bce", "learning_rate": 0.025, "epochs": 4000, "stop": "first_success"},
    "annulus": {"samples": 1000, "ball": 0.5, "learning_rate": 0.01, "epochs": 1000, "success": 0.95},
    "hypersphere": {"samples": 10_000, "width": 0, "depth": 1, "stop": "last_epoch", "init": "he_normal"},
    "plane_xor": {"loss": "bce", "optimizer": "sgd", "learning_rate": 0.05, "batch": 20, "epochs": 1000},
    "sine": {
        "loss": "mse",
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "momentum": 0.0,
        "epochs": 200,
        "bar": 0.45,
        "most_restarts": 1000,
        "further_epochs": 1000,
        "points": 100,
        "init": "pytorch",
    },
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_named_sweeps_are_those_of_their_sources(name: str) -> None:
    sweep = made(name)
    assert sweep.n_cells == sweep.n_wanted == NETWORKS[name]
    found = reach(sweep) if name != "npn5" else {**reach(made(name, "problems=0,1"))}
    assert NAMED.get(name, {}).items() <= found.items()
    assert set(found) - {"problem", "trial"} == set(NAMED.get(name, NAMED["npn4"]))
    for dim, label in SETTINGS.get(name, {}).items():
        assert sweep.axes[dim].tolist() == [label] if name != "npn5" else True, dim


# Every field is an axis

BOOLEAN = {
    "name": "mine",
    "problem": {"kind": "boolean", "n_inputs": 3, "problems": [1, 105]},
    "network": {"width": 3, "depth": 1, "leak": 0.1},
    "protocol": {"epochs": 2, "stop": "last_epoch"},
    "trials": 2,
}
BALLS = {**BOOLEAN, "problem": {"kind": "ball_and_shell", "n_inputs": 2, "samples": 20, "test_samples": 10}}
NAMES = {**BOOLEAN, "problem": {"kind": "boolean", "n_inputs": 4, "random": 1}}
SINE = {
    **BOOLEAN,
    "problem": {"kind": "function", "points": 16},
    "protocol": {
        "loss": "mse",
        "epochs": 2,
        "stop": "last_epoch",
        "restarts": {"bar": 0.3, "most": 1, "further_epochs": 2},
    },
}
SGD = {**BOOLEAN, "protocol": {**BOOLEAN["protocol"], "optimizer": "sgd"}}  # type: ignore[dict-item]
LAYERS = {**BOOLEAN, "network": {"widths": "3-2"}}
GELU = {**BOOLEAN, "network": {"width": 3, "depth": 1}, "engine": "reference"}

GROWN: dict[str, tuple[dict[str, Any], Any]] = {
    "n_inputs": (NAMES, [4, 5]),
    "samples": (BALLS, [20, 40]),
    "ball": (BALLS, [0.5, 1.0]),
    "shell_volume": (BALLS, ["ball", "surrounded"]),
    "inputs": (BALLS, ["raw", "scaled"]),
    "points": (SINE, [8, 16]),
    "activation": (GELU, ["gelu", "relu"]),
    "leak": (BOOLEAN, [0.0, 0.1]),
    "width": (BOOLEAN, [2, 3]),
    "depth": (BOOLEAN, [1, 2]),
    "widths": (LAYERS, ["2-3", "3-2"]),
    "init": (BOOLEAN, ["he_normal", "pytorch"]),
    "bias": (BOOLEAN, ["uniform", "zero"]),
    "loss": (BOOLEAN, ["bce", "mse"]),
    "optimizer": (BOOLEAN, ["adam", "sgd"]),
    "learning_rate": (BOOLEAN, [0.01, 0.025]),
    "beta1": (BOOLEAN, [0.8, 0.9]),
    "beta2": (BOOLEAN, [0.99, 0.999]),
    "epsilon": (BOOLEAN, [1e-8, 1e-6]),
    "momentum": (SGD, [0.0, 0.9]),
    "batch": (BOOLEAN, [0, 4]),
    "epochs": (BOOLEAN, [2, 4]),
    "stop": (BOOLEAN, ["first_success", "last_epoch"]),
    "success": (BOOLEAN, [0.5, 1.0]),
    "bar": (SINE, [0.2, 0.3]),
    "most_restarts": (SINE, [1, 2]),
    "further_epochs": (SINE, [2, 3]),
}
GROWTH_CHECKS = (
    blocks_cover_every_cell_once,
    layout_holds_the_labels,
    specification_survives_json,
    fingerprint_stays_when_axes_grow,
)


def specified(fields: dict[str, Any]) -> TrainingSweep:
    return TrainingSweep.model_validate(fields)


def grown(dim: str) -> tuple[TrainingSweep, TrainingSweep]:
    """A sweep with one label on the axis, and with two."""
    fields, labels = GROWN[dim]
    sweep = specified(fields)
    return sweep, changed(sweep, [(dim, labels)])


def test_every_axis_has_an_example() -> None:
    every = {dim for fields in (BOOLEAN, BALLS, SINE) for dim in specified(fields).places}
    assert GROWN.keys() == every - {"target"}  # of which there is one


@pytest.mark.parametrize("dim", GROWN)
def test_any_field_takes_a_list_and_is_a_dimension_then(dim: str) -> None:
    one, two = grown(dim)
    assert one.axes[dim].size == 1
    assert dim in one.fixed
    assert two.axes[dim].tolist() == GROWN[dim][1]
    assert dim not in two.fixed
    plan = make_plan(two, None)
    assert plan.cells == two.n_cells == 2 * one.n_cells
    assert {block[dim] for block in plan.blocks} == {(label,) for label in GROWN[dim][1]}
    layout = two.layout("")
    assert all(dim in variable.dims for variable in layout.variables.values())
    assert layout.coords[dim].attrs["part"] == two.places[dim].part
    assert layout.coords[dim].attrs["long_name"]


@pytest.mark.parametrize("dim", GROWN)
@pytest.mark.parametrize("check", GROWTH_CHECKS, ids=lambda check: check.__name__)
def test_any_axis_grows_in_place(check: Callable[[Example], None], dim: str) -> None:
    one, _ = grown(dim)
    check(Example(one, {dim: GROWN[dim][1]}))


@pytest.mark.slow
@pytest.mark.parametrize("dim", GROWN)
def test_networks_of_any_label_are_trained(dim: str) -> None:
    _, two = grown(dim)
    task_gives_the_variables(Example(two, blocks=2))


def test_numbers_of_classes_cannot_go_to_other_inputs() -> None:
    """Their numbers mean other functions there."""
    sweep = specified(BOOLEAN)
    assert changed(sweep, [("n_inputs", 4), ("problems", [1, 6])]).fingerprint != sweep.fingerprint


# Starts


def starts(sweep: TrainingSweep) -> dict[tuple[Any, ...], bytes]:
    """What the networks of each block start from, by the block's place along all axes."""
    found = {}
    for block in make_plan(sweep, None).blocks:
        of = sweep.block(block)
        found[block.labels] = of.initial_parameters().tobytes()
    return found


@pytest.mark.parametrize("dim", [dim for dim in GROWN if dim not in ("n_inputs",)])
def test_starts_are_those_of_the_problem_the_network_and_the_trial(dim: str) -> None:
    """Along protocol axes the same trial starts from the same weights; other networks start anew."""
    _, two = grown(dim)
    together = len(set(starts(two).values())) == 1
    same_starts = two.places[dim].part == "protocol" or dim in (
        "samples",
        "ball",
        "shell_volume",
        "inputs",
        "points",
    )
    assert together == (same_starts or dim == "activation")
    assert two.attrs["paired_along"] == ([dim] if together else [])


@pytest.mark.parametrize("dim", ["loss", "batch", "learning_rate", "epochs"])
def test_balls_of_common_draws_have_the_same_rows(dim: str) -> None:
    two = changed(specified(BALLS), [(dim, {"batch": [0, 10]}.get(dim, GROWN[dim][1]))])
    blocks: list[TrainingBlock] = [two.block(block) for block in make_plan(two, None).blocks]
    drawn = [of.problem.draw(of.setting, of.labels, of.trials, of.seed) for of in blocks]
    assert len({of.initial_parameters().tobytes() for of in blocks}) == 1
    assert len({rows.inputs.tobytes() for rows in drawn}) == 1
    own = changed(two, [("draws", "each_setting")])
    assert own.attrs["paired_along"] == ([] if dim in ("loss", "batch") else [dim])


def test_problems_and_seeds_start_anew() -> None:
    sweep = specified(BOOLEAN)
    (block,) = make_plan(sweep, None).blocks
    of = sweep.block(block)
    parts = [dataclasses.replace(of, labels=(label,), seed=seed) for label in (1, 105) for seed in (0, 1)]
    assert len({part.initial_parameters().tobytes() for part in parts}) == 4


# Conditions


def test_combinations_that_are_not_asked_for_are_not_planned() -> None:
    sweep = changed(
        specified(BOOLEAN), [("width", [2, 3, 4]), ("depth", [1, 2]), ("where", "width * depth <= 4")]
    )
    plan = make_plan(sweep, None)
    planned = {(block["width"][0], block["depth"][0]) for block in plan.blocks}
    assert planned == {(2, 1), (3, 1), (4, 1), (2, 2)}
    assert plan.total == plan.cells == sweep.n_wanted == 4 * 2 * 2
    assert sweep.n_cells == 6 * 2 * 2


def test_conditions_may_name_problems_and_trials() -> None:
    sweep = changed(specified(BOOLEAN), [("trials", 5), ("where", "problem == 1 or trial < 2")])
    plan = make_plan(sweep, None)
    assert plan.cells == sweep.n_wanted == 5 + 2
    assert {(block["problem"], block["trial"]) for block in plan.blocks} == {
        ((1,), (0, 1, 2, 3, 4)),
        ((105,), (0, 1)),
    }


def test_trials_with_others_between_that_the_store_has_are_one_block_of_either_engine() -> None:
    for engine in ("lanes", "reference"):
        sweep = changed(specified(BOOLEAN), [("trials", 5), ("engine", engine)])
        (dims, shape), fingerprint = (tuple(sweep.axes), sweep.shape), np.uint64(sweep.fingerprint)
        stored = xr.Dataset(
            {"done": (dims, np.zeros(shape, bool)), "fingerprint": (dims, np.full(shape, fingerprint))},
            coords=dict(sweep.axes),
            attrs={"specification": sweep.specification},
        )
        stored["done"].loc[{"trial": [1, 2]}] = True
        for block in make_plan(sweep, stored).blocks:
            assert block["trial"] == (0, 1, 2, 3, 4)
            assert sweep.block(block).trials == range(5)


def test_a_condition_does_not_change_the_fingerprint() -> None:
    sweep = specified(BOOLEAN)
    assert changed(sweep, [("where", "width < 9")]).fingerprint == sweep.fingerprint


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("wdth < 4", "mine: 'wdth < 4' names no axis 'wdth'; there are problem, n_inputs, activation"),
        ("width", "'width' is no condition; compare, as in width"),
        ("width <", "cannot be read; write as in width"),
        ("print(width) == 1", "names no axis 'print'"),
        ("width > 99", "where = width > 99: no combination of the labels is asked for"),
        ("trial != 1", "leaves out trials between others; ask for consecutive ones"),
        ("width == '2'", "compares texts with numbers"),
        ("width in [2, 'a']", "compares texts with numbers"),
        ("width in (2, depth)", "'depth' stands in a list; lists hold numbers or texts"),
    ],
)
def test_wrong_conditions_are_refused_before_anything_is_planned(condition: str, says: str) -> None:
    with pytest.raises(InvalidSweep, match=says):
        make_plan(changed(specified(BOOLEAN), [("trials", 3), ("where", condition)]), None)


# Sizes


def test_unequal_widths_have_the_room_of_the_largest() -> None:
    sweep = specified({**LAYERS, "network": {"widths": ["8-4-2", "3-3-3"]}, "probes": ["parameters"]})
    sizes = [sweep.block(block).protocol.network.n_parameters for block in make_plan(sweep, None).blocks]
    assert sweep.inner["parameter"].size == max(sizes) > min(sizes)
    assert np.array_equal(sweep.axes["widths"], np.array(["3-3-3", "8-4-2"], object))
