"""docs/architecture.md names the floors that import-linter holds, and files that exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def section(heading: str) -> str:
    return PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]


def contracts() -> list[dict[str, list[str]]]:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return list(linter["contracts"])


def test_the_floors_are_those_of_import_linter_and_of_the_disk() -> None:
    rows = re.findall(r"^\| (`[^|]*`) \|", section("Floors of pipeline"), re.MULTILINE)
    told = [set(re.findall(r"`(\w+)`", row)) for row in rows]
    (held,) = (c["layers"] for c in contracts() if c.get("containers") == ["relusweep.pipeline"])
    assert told == [set(layer.split(" | ")) for layer in held]
    assert set().union(*told) == {path.parent.name for path in (ROOT / "pipeline").glob("*/__init__.py")}
    assert [path.name for path in (ROOT / "pipeline").glob("*.py")] == ["__init__.py"]


def test_the_rooms_are_those_of_import_linter() -> None:
    told = re.findall(r"^\| `(\w+)/` \|", section("Rooms"), re.MULTILINE)
    assert told == ["tasks", "storage", "cluster", "pipeline"]
    (layers,) = (c["layers"] for c in contracts() if "relusweep.pipeline" in c.get("layers", ()))
    assert layers[-3:] == [
        "relusweep.pipeline",
        " | ".join(f"relusweep.{room}" for room in told[:3]),
        "relusweep._paths | relusweep._yaml",
    ]


def test_every_file_that_is_named_exists() -> None:
    named = re.findall(r"`([\w.-]*/[\w./-]*|[\w-]+\.(?:py|toml))`", PAGE)
    assert len(named) > 30
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_modules_of_a_training_sweep_are_named() -> None:
    for path in ("tasks/problems/", "tasks/probes/", "tasks/training_block.py", "tasks/axes.py"):
        assert f"`{path}`" in PAGE
    for name in ("sweep", "parts", "checks"):
        assert f"`pipeline/sweeps/training/{name}.py`" in PAGE
