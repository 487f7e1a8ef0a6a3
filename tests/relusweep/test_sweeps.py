"""`rs.sweep`: the validation and the messages of the command line and of YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import relusweep as rs
from relusweep.pipeline.sweeps.overrides import find_sweep, override


@pytest.mark.parametrize(
    ("fields", "settings"),
    [
        ({"trials": 10, "width": [2, 3]}, ["trials=10", "width=2,3"]),
        ({"width": range(2, 5)}, ["width=2..4"]),
        ({"width": "2..4", "leak": "0,0.05"}, ["width=2..4", "leak=0,0.05"]),
        ({"width": np.arange(2, 5), "leak": np.array([0.5])}, ["width=2..4", "leak=0.5"]),
        ({"trials": np.int64(3)}, ["trials=3"]),
        ({"width": {4, 2}, "depth": 1}, ["width=2,4", "depth=1"]),
        ({"optimizer": {"learning_rate": 0.01}}, ["optimizer.learning_rate=0.01"]),
        ({"optimizer.learning_rate": 0.01}, ["optimizer.learning_rate=0.01"]),
        ({"optimizer": {"beta1": 0.5}, "optimizer.beta2": 0.6}, ["optimizer.beta1=.5", "optimizer.beta2=.6"]),
    ],
)
def test_fields_mean_what_they_mean_on_the_command_line(fields: dict[str, Any], settings: list[str]) -> None:
    assert rs.sweep("npn4", **fields) == override(find_sweep("npn4"), settings)


@pytest.mark.parametrize(
    "setting", ["trails=10", "trials=0", "width=x", "leak=2", "optimizer.speed=1", "seed=-1"]
)
def test_wrong_fields_are_told_as_on_the_command_line(setting: str) -> None:
    with pytest.raises(rs.errors.InvalidSweep) as there:
        override(find_sweep("npn4"), [setting])
    field, _, value = setting.partition("=")
    with pytest.raises(rs.errors.InvalidSweep) as here:
        rs.sweep("npn4", **{field: value})
    assert str(here.value) == str(there.value)


def test_a_sweep_is_a_name_a_file_a_mapping_or_another(folder: Path) -> None:
    (folder / "wide.yaml").write_text("base: npn3\nwidth: [20, 30]\ntrials: 5\n")
    from_file = rs.sweep("wide.yaml", trials=6)
    assert from_file == rs.sweep(folder / "wide.yaml", trials=6)
    assert from_file == rs.sweep({"base": "npn3", "name": "wide", "width": [20, 30]}, trials=6)
    assert from_file == rs.sweep(rs.sweep("npn3", name="wide", width=(20, 30)), trials=6)
    assert rs.sweep({"base": "npn3"}) == rs.sweep("npn3")
    assert {"npn3", "images"} <= set(rs.sweeps())


@pytest.mark.parametrize(
    ("base", "error", "words"),
    [
        ("npn44", rs.errors.UnknownSweep, ["no sweep 'npn44'", "did you mean 'npn4'", "or a YAML file"]),
        ("no.yaml", rs.errors.UnknownSweep, ["cannot read the sweep no.yaml"]),
        (Path("no"), rs.errors.UnknownSweep, ["cannot read the sweep no"]),
        ({"trials": 3}, rs.errors.InvalidSweep, ["a mapping", "give base: one of", "npn4"]),
        ({"base": "npn44"}, rs.errors.InvalidSweep, ["no sweep 'npn44'; did you mean 'npn4'"]),
        ({"base": "npn4", "colour": 1}, rs.errors.InvalidSweep, ["no field 'colour'", "there are"]),
        (7, rs.errors.InvalidSweep, ["a name, a path, a mapping or another sweep, not of 7"]),
    ],
)
def test_what_is_no_sweep_is_told(base: Any, error: type[Exception], words: list[str]) -> None:
    with pytest.raises(error) as told:
        rs.sweep(base)
    assert all(part in str(told.value) for part in words)


def test_a_field_and_its_parts_do_not_both_count() -> None:
    with pytest.raises(rs.errors.InvalidSweep, match="parts of protocol are set as well; give one"):
        rs.sweep("npn4", **{"optimizer.beta1": 0.5, "protocol": 3})
    with pytest.raises(rs.errors.InvalidSweep, match="protocol is set to 3 as well; give one"):
        rs.sweep("npn4", **{"protocol": 3, "optimizer.beta1": 0.5})
    with pytest.raises(rs.errors.InvalidSweep, match="parts of optimizer are set as well; give one"):
        rs.sweep("npn4", beta1=0.5, optimizer={"beta1": 0.6})


def test_what_the_user_gave_is_left_alone() -> None:
    mine = {"beta1": 0.5}
    rs.sweep("npn4", **{"optimizer": mine, "optimizer.beta2": 0.6})
    assert mine == {"beta1": 0.5}
