"""The Python of docs/derive.md runs, and its tables name what there is."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from relusweep.cluster import Local, connect
from relusweep.pipeline.sweeps.kinds import comparison_kinds, probe_kinds

PAGE = (Path(__file__).parents[2] / "docs" / "derive.md").read_text()


def test_the_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, module, second = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "mine.py").write_text(module)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    source = (first + second).replace("workers=1", "cluster=cluster")  # one start for all runs
    with connect(Local(workers=1), str(tmp_path)) as connection:
        known = {"store": str(tmp_path / "store"), "cluster": connection.backend.address}
        try:
            exec(compile(source, "docs/derive.md", "exec"), known)
        finally:
            sys.modules.pop("mine", None)
    printed = capsys.readouterr().out
    assert re.search(r"^\d+\.\d+$", printed, re.MULTILINE)  # the median margin
    assert "('trial', 'problem', 'leak', 'depth', 'other_trial')" in printed


def test_the_tables_name_functions_that_there_are() -> None:
    named = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert set(named) <= {*probe_kinds(), *comparison_kinds()}
    assert set(comparison_kinds()) <= set(named)
