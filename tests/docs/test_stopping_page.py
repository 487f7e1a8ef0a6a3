"""docs/stopping.md: its sweep can be planned, its Python runs, its tables are what the benchmark prints."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
import yaml

import relusweep as rs
from relusweep.pipeline.sweeps.until import Until

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "stopping.md").read_text()


def test_its_sweep_can_be_planned(tmp_path: Path) -> None:
    (source,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    plan = rs.plan(rs.sweep({"name": "known", **yaml.safe_load(source)}), tmp_path / "store")
    assert "half of the 95 % interval of the rate is at most 0.01" in str(plan)


@pytest.mark.slow
def test_its_python_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = "".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    exec(compile(source, "docs/stopping.md", "exec"), {"store": str(tmp_path / "store")})
    printed = capsys.readouterr().out
    assert "anytime_low" in printed
    assert "[200 200]" in printed
    assert "{'learning_rate': " in printed


def test_its_tables_are_what_the_benchmark_computes() -> None:
    row = runpy.run_path(str(ROOT / "benchmarks" / "stopping.py"))["row"]
    for until, head in ((Until(10_000), "until the first"), (Until(10_000, 0.05), "until half")):
        (table,) = re.findall(rf"^\| {head}.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
        for line in table.splitlines()[1:]:
            told = [cell.strip() for cell in line.strip("|").split("|")]
            found = row(until, float(told[0]))
            assert told[1] == found[1]
            assert float(told[2]) == pytest.approx(float(found[2]), abs=1e-7)
            assert [share.replace(" ", "") for share in told[3:]] == found[3:]
