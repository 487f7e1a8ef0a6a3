"""docs/functions.md lists the functions that there are; its sweep can be planned and its Python runs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import relusweep as rs
from relusweep.tasks.functions import TARGETS

PAGE = (Path(__file__).parents[2] / "docs" / "functions.md").read_text()
ROWS = [row.strip("| ").split(" | ") for row in re.findall(r"^\| `.*\|$", PAGE, re.MULTILINE)]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


NUMBERS = {"π": np.pi, "-π": -np.pi, "√2": np.sqrt(2), "√3": np.sqrt(3)}


def ends(cell: str) -> list[float]:
    return [NUMBERS[word] if word in NUMBERS else float(word) for word in cell.split(" to ")]


def test_the_table_is_that_of_the_functions() -> None:
    listed = {row[0].strip("`"): (int(row[1]), row[2], *ends(row[3]), *ends(row[4])) for row in ROWS}
    assert listed == {
        name: (of.n_inputs, of.formula, of.low, of.high, of.least, of.most) for name, of in TARGETS.items()
    }
    bends = {row[0].strip("`"): row[5].strip() for row in ROWS if len(row) > 5}
    words = {1: "convex", -1: "concave"}
    assert {name: bend for name, bend in bends.items() if bend} == {
        name: words[of.bend] for name, of in TARGETS.items() if of.bend
    }
    assert "eighteen functions" in PAGE
    assert len(TARGETS) == 18


def test_its_sweep_can_be_planned(tmp_path: Path) -> None:
    sweep = rs.sweep({"name": "fits", **yaml.safe_load(blocks("yaml")[0])})
    assert "360" in str(rs.plan(sweep, tmp_path / "store"))


def test_its_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(blocks("python")[0], "functions.md", "exec"), {})
    assert capsys.readouterr().out.startswith("2 -1.0 1.0 [")


def test_its_own_functions_can_be_planned_where_their_code_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for source in (*blocks("python")[1:], *blocks("yaml")[1:]):
        Path(re.findall(r"^# (\w+\.\w+)", source)[0]).write_text(source)
    counts = {name: rs.plan(f"{name}.yaml", "store").cells for name in ("own", "gates")}
    assert counts == {"own": 3 * 2 * 2 * 2 * 20, "gates": 5 * 2 * 20}
    for module in ("mine", "gates"):
        del sys.modules[module]


def test_it_names_all_that_expressions_may_hold() -> None:
    from relusweep.tasks.expressions import _OF_ONE, _OF_SEVERAL

    (listed,) = re.findall(r"and the functions (.*?)\. They are parsed", PAGE, re.DOTALL)
    assert re.findall(r"`(\w+)`", listed) == [*_OF_ONE, *_OF_SEVERAL]
