"""The Python of docs/pruning.md runs, and its sweeps and fields are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relusweep.pipeline.sweeps.kinds import probe_class
from relusweep.pipeline.sweeps.named import SWEEPS

PAGE = (Path(__file__).parents[2] / "docs" / "pruning.md").read_text()


def test_the_python_prints_the_least_units(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
    exec(compile(source, "docs/pruning.md", "exec"), {"store": str(tmp_path / "store")})
    printed = capsys.readouterr().out
    assert re.search(r"^2 +2\.0 +2\.0$", printed, re.MULTILINE)  # XOR needs two units, of width 4 and 6


def test_sweeps_and_fields_are_named() -> None:
    assert {name for name in SWEEPS if name.startswith("prune_")} == set(
        re.findall(r"^\| `(prune_\w+)`", PAGE.split("\n## ")[0], re.M)
    )
    for kind in ("subsets", "removals", "masks"):
        part = PAGE.split(f"**`{kind}`**")[1].split("\n\n**")[0].split("\n- ")[0]
        assert set(re.findall(r"^\| `(\w+)` \|", part, re.M)) == set(probe_class(kind).model_fields) - {
            "kind"
        }
