"""docs/table.md: its table is learned by its sweep, its fields are those that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import relusweep as rs
from relusweep.tasks.problems.table import Table

PAGE = (Path(__file__).parents[2] / "docs" / "table.md").read_text()


def block(language: str) -> str:
    (source,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(source)


def test_its_sweep_learns_its_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("measurements.csv").write_text(block("csv"))
    sweep = rs.sweep({"name": "mine", **yaml.safe_load(block("yaml"))})
    said = str(rs.plan(sweep, tmp_path / "store"))
    assert "measurements.csv: 6 rows for training, 2 for the test; 2 inputs" in said
    assert "240 networks" in said


def test_its_fields_are_those_of_the_problem() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert listed == [name for name in Table.model_fields if name not in ("kind", "tables")]
