"""Specifications: what decides a fingerprint, and how that of a store and that asked for are joined."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relusweep.pipeline.common.errors import InvalidSweep, SpecificationChanged
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import changed, override
from relusweep.pipeline.sweeps.specification import difference, joined
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks.boolean.ids import classes_of


def test_the_fingerprint_is_the_same_in_every_process() -> None:
    code = "from relusweep.pipeline.sweeps.named import SWEEPS; print(SWEEPS['npn4'].fingerprint)"
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(fresh.stdout) == SWEEPS["npn4"].fingerprint


@pytest.mark.parametrize(
    "setting",
    [
        "trials=7",
        "width=17",
        "leak=0.5",
        "problems=27030",
        "engine=lanes",
        "epochs=3999",
        "bias=zero",
        "beta1=0.8",
        "loss=mse",
        "where=width < 4",
    ],
)
def test_the_fingerprint_ignores_how_far_the_axes_reach(setting: str) -> None:
    assert override(SWEEPS["npn4"], [setting]).fingerprint == SWEEPS["npn4"].fingerprint


@pytest.mark.parametrize(
    "setting",
    ["seed=1", "engine=reference", "name=other", "probes=parameters", "n_inputs=3"],
)
def test_the_fingerprint_knows_everything_else(setting: str) -> None:
    assert override(SWEEPS["npn4"], [setting]).fingerprint != SWEEPS["npn4"].fingerprint


_names = st.sets(st.integers(1, 12), min_size=1).map(lambda values: tuple(values))


@given(old=_names, new=_names, trials=st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_joining_keeps_every_label_in_order(
    old: tuple[int, ...], new: tuple[int, ...], trials: tuple[int, int]
) -> None:
    stored, asked = (
        changed(SWEEPS["npn2"], {"width": list(width), "trials": n}.items())
        for width, n in zip((old, new), trials, strict=True)
    )
    whole = joined(stored.model_dump_json(), asked)
    assert whole.network.width == tuple(sorted({*old, *new}))
    assert whole.trials == max(trials)
    assert whole.fingerprint == asked.fingerprint


def test_joining_refuses_another_specification_and_shows_in_what() -> None:
    asked = override(SWEEPS["npn2"], ["seed=7", "n_inputs=3", "problems=all", "width=99"])
    with pytest.raises(SpecificationChanged) as caught:
        joined(SWEEPS["npn2"].model_dump_json(), asked)
    message = str(caught.value)
    assert "seed: 0 in the store, 7 asked" in message
    assert "problem.n_inputs: 2 in the store, 3 asked" in message
    assert "width" not in message
    assert "--replace" in message


def test_restarts_are_not_begun_in_a_store_without_them() -> None:
    restarts = ["restarts.bar=0.1", "restarts.most=9", "restarts.further_epochs=0", "stop=last_epoch"]
    asked = override(SWEEPS["npn2"], restarts)
    with pytest.raises(SpecificationChanged, match=r"protocol\.restarts: None in the store"):
        joined(SWEEPS["npn2"].model_dump_json(), asked)
    with pytest.raises(SpecificationChanged, match=r"protocol\.restarts: \{\} in the store, None asked"):
        joined(asked.model_dump_json(), override(SWEEPS["npn2"], ["stop=last_epoch"]))


def test_specifications_of_other_versions_can_be_compared() -> None:
    asked = json.loads(SWEEPS["npn2"].model_dump_json())
    stored = {key: value for key, value in asked.items() if key != "engine"} | {"colour": "red"}
    assert [tuple(change) for change in difference(stored, asked)] == [
        ("colour", "red", None),
        ("engine", None, "lanes"),
    ]


def test_a_specification_survives_json() -> None:
    sweep = override(SWEEPS["npn3"], ["leak=0.1,0.3333333333333333"])
    assert TrainingSweep.model_validate_json(sweep.model_dump_json()) == sweep


def test_all_problems_stay_a_word_that_nobody_enumerates(monkeypatch: pytest.MonkeyPatch) -> None:
    def enumerate_classes(n: int) -> None:
        raise AssertionError("the classes were enumerated")

    monkeypatch.setattr("relusweep.tasks.boolean.ids.npn_classes", enumerate_classes)
    classes_of.cache_clear()
    sweep = override(SWEEPS["npn5"], ["trials=3", "width=4,5"])
    assert '"problems":"all"' in sweep.model_dump_json()
    assert TrainingSweep.model_validate_json(sweep.model_dump_json()) == sweep
    assert [size for size in sweep.shape if size > 1] == [616_126, 2, 3]
    assert sweep.n_cells == 616_126 * 6
    (measures,) = sweep.requires
    assert measures.group == "boolean/measures5"
    assert measures.n_cells == 616_126


@pytest.mark.parametrize(
    ("stored", "asked", "problems"),
    [
        ("1,6", "0,3", (0, 1, 3, 6)),
        ("1,6", "all", "all"),
        ("all", "1,6", "all"),
        ("all", "all", "all"),
        ("0,1,3,6", "all", "all"),
    ],
)
def test_problems_listed_and_all_join(stored: str, asked: str, problems: object) -> None:
    old, new = (override(SWEEPS["npn2"], [f"problems={value}"]) for value in (stored, asked))
    assert joined(old.model_dump_json(), new).problem.problems == problems


@pytest.mark.parametrize(
    ("stored", "asked", "labels", "fixed"),
    [
        (0.01, 0.01, (0.01,), True),
        (0.01, 0.1, (0.01, 0.1), False),
        (0.01, [0.01], (0.01,), False),
        ([0.01, 0.1], 0.1, (0.01, 0.1), False),
        ([0.1], [0.01], (0.01, 0.1), False),
    ],
)
def test_an_axis_of_one_value_stays_fixed_until_it_grows(
    stored: Any, asked: Any, labels: tuple[float, ...], fixed: bool
) -> None:
    old, new = (changed(SWEEPS["npn2"], [("learning_rate", value)]) for value in (stored, asked))
    whole = joined(old.model_dump_json(), new)
    assert whole.places["learning_rate"].labels == labels
    assert ("learning_rate" in whole.fixed) == fixed


def test_conditions_join_to_what_either_asks_for() -> None:
    old, new = (override(SWEEPS["npn2"], [f"where={text}"]) for text in ("width < 4", "depth == 1"))
    whole = joined(old.model_dump_json(), new)
    assert whole.where == "(width < 4) or (depth == 1)"
    assert (whole.wanted == (old.wanted | new.wanted)).all()
    assert joined(old.model_dump_json(), SWEEPS["npn2"]).where is None
    assert joined(old.model_dump_json(), old).where == "width < 4"
    for _ in range(3):  # each alternative once
        whole = joined(joined(whole.model_dump_json(), new).model_dump_json(), old)
    assert whole.where == "(width < 4) or (depth == 1)"


def test_conditions_do_not_ask_for_labels_that_came_with_another() -> None:
    """What one asked for of width 3 and the other of depth 2 is not both."""
    old = override(SWEEPS["npn2"], ["width=2,4", "depth=1", "where=width * depth <= 4"])
    new = override(SWEEPS["npn2"], ["width=2,3", "depth=2,3", "where=depth == 3 and width == 2"])
    whole = joined(old.model_dump_json(), new)
    asked = {
        (width, depth)
        for sweep in (old, new)
        for width, depth in product(sweep.network.width, sweep.network.depth)
        if (width * depth <= 4 if sweep is old else (width, depth) == (2, 3))
    }
    found = np.broadcast_to(whole.wanted, whole.shape)
    axes = list(whole.axes)
    others = tuple(place for place, dim in enumerate(axes) if dim not in ("width", "depth"))
    wanted = found.any(axis=others)
    assert {
        (width, depth)
        for (i, width), (j, depth) in product(enumerate(whole.network.width), enumerate(whole.network.depth))
        if wanted[i, j]
    } == asked
    few = joined(
        override(old, ["trials=3"]).model_dump_json(), override(old, ["trials=5", "where=width == 2"])
    )
    assert few.where == "(trial < 3 and width * depth <= 4) or (width == 2)"
    free = joined(override(SWEEPS["npn2"], ["width=2,4", "depth=1"]).model_dump_json(), new)
    first, second = "width in [2, 4] and depth in [1]", "width in [2, 3] and depth in [2, 3] and "
    assert free.where == f"({first}) or ({second}(depth == 3 and width == 2))"


OLD = {
    "name": "npn2", "seed": 0, "engine": "lanes", "n_inputs": 2, "problems": "all", "leak": [0.0, 0.1],
    "width": [2], "depth": [1], "trials": 3, "loss": "bce", "optimizer": {"learning_rate": 0.025},
}  # fmt: skip


def test_a_group_of_an_earlier_version_is_not_extended_and_it_is_said_what_to_do() -> None:
    with pytest.raises(SpecificationChanged) as caught:
        joined(json.dumps(OLD), SWEEPS["npn2"])
    message = str(caught.value)
    assert message.startswith("boolean/npn2 was written by another version of relusweep")
    assert all(remedy in message for remedy in ("stay readable", "name=", "another store", "--replace"))


@pytest.mark.slow
def test_a_group_from_before_a_problem_got_an_axis_is_not_extended() -> None:
    stored = json.loads(SWEEPS["annulus"].specification)
    del stored["problem"]["ball"]
    with pytest.raises(
        SpecificationChanged, match="with other axes, and cannot grow; its results stay readable"
    ):
        joined(json.dumps(stored), SWEEPS["annulus"])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["width=1..99999999999"], r"1\.\.99999999999 holds more than 1,000,000 numbers"),
        (["width=4..2"], r"4\.\.2 must rise"),
        (["probes=parameters,outcome,parameters"], "parameters is named twice"),
    ],
)
def test_lists_that_cannot_be_meant_are_refused(settings: list[str], says: str) -> None:
    with pytest.raises(InvalidSweep, match=says):
        override(SWEEPS["npn2"], settings)


def test_several_probes_are_named_with_commas_and_none_by_nothing() -> None:
    several = override(SWEEPS["npn2"], ["probes=parameters, outcome"])
    assert [probe.kind for probe in several.probes] == ["outcome", "parameters"]
    assert changed(several, [("probes", None)]).probes == ()


@pytest.mark.parametrize(
    "fields",
    [
        [("learning_rate", 0.1), ("optimizer", {"kind": "sgd"})],
        [("optimizer.kind", "sgd"), ("learning_rate", 0.1)],
        [("learning_rate", 0.1), ("protocol.optimizer", "sgd")],
        [("optimizer", "sgd"), ("protocol.optimizer.learning_rate", 0.1)],
    ],
)
def test_what_is_set_of_an_optimizer_holds_in_any_order(fields: list[tuple[str, Any]]) -> None:
    sweep = changed(changed(SWEEPS["npn2"], [("epsilon", 1e-6)]), fields)
    optimizer = sweep.protocol.optimizer
    assert (optimizer.kind, optimizer.learning_rate, optimizer.epsilon) == (("sgd",), (0.1,), (1e-6,))


def test_measures_are_shared_by_the_sweeps_of_five_inputs_and_by_nobody_else() -> None:
    one, other = (override(SWEEPS["npn5"], [f"name={name}", "problems=0,1"]) for name in ("one", "other"))
    assert one.requires == other.requires
    assert one.requires[0].fingerprint == SWEEPS["npn5"].requires[0].fingerprint
    assert SWEEPS["npn4"].requires == ()
