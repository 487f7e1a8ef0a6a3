"""A run from a script without a guard, from standard input and in a real notebook."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import relusweep as rs

SOURCE = """
import relusweep as rs

sweep = rs.sweep("npn2", trials=4, width=[2, 4], depth=1, epochs=60)
results = rs.run(sweep, "results", workers=2)
print("networks that ran:", int(results.done.sum()))
"""


def python(*words: str, given: str | None = None) -> str:
    """Give what Python prints in a process of its own."""
    command = [sys.executable, *words]
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, timeout=200, check=True)
    return done.stdout


def test_a_script_needs_no_guard(folder: Path) -> None:
    (folder / "mine.py").write_text(SOURCE)
    (folder / "storage.py").write_text("raise SystemExit('this is not the storage that was meant')")
    said = python("-W", "error", "mine.py")
    assert "64 of 64 networks" in said
    assert said.count("networks that ran: 64") == 1
    assert rs.runs("results")[0].document["command"] == f"python {folder / 'mine.py'}"


def test_standard_input_will_do() -> None:
    assert "networks that ran: 64" in python("-", given=SOURCE)
    assert rs.runs("results")[0].document["command"] == "relusweep.run(sweep, 'results')"


def worked(store: str) -> bool:
    """Tell whether a run into a store has workers."""
    return Path(store).exists() and any(run.document["workers"] for run in rs.runs(store))


@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)],  # by hand in test_app.py too
)
def test_a_script_that_is_stopped_goes_on(folder: Path, number: signal.Signals) -> None:
    script = folder / "mine.py"
    script.write_text(SOURCE.replace("trials=4", "trials=5_000"))
    stopped = subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE, text=True)
    while not worked("results"):
        time.sleep(0.1)
    stopped.send_signal(number)
    _, complaint = stopped.communicate(timeout=100)
    assert stopped.returncode == -number
    if number is signal.SIGINT:
        assert (
            "KeyboardInterrupt: stopped; everything so far is in results: the same call goes on" in complaint
        )
    assert "networks that ran: 80000" in python("mine.py")


@pytest.fixture
def notebook(folder: Path) -> nbformat.NotebookNode:
    """A notebook that has been run by a real kernel."""
    cells = [
        "import relusweep as rs\nsweep = rs.sweep('npn2', trials=4, width=[2, 4], depth=1, epochs=60)",
        "rs.plan(sweep, 'results')",
        "results = rs.run(sweep, 'results', workers=2)",
        "results.sweep.success_rate('trial').rate.shape",
        "rs.report(sweep, 'results')",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    return NotebookClient(
        book, timeout=200, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()


def test_a_notebook_shows_tables_progress_and_links(notebook: nbformat.NotebookNode) -> None:
    _, plan, run, rate, report = (cell["outputs"] for cell in notebook.cells)
    assert '<td style="text-align:left">64 networks</td>' in plan[0]["data"]["text/html"]
    pages = [output["data"]["text/html"] for output in run if "data" in output]
    assert any(re.search(r'<progress value="64" max="64">.*64 of 64 networks', page) for page in pages)
    assert rate[0]["data"]["text/plain"] == "(4, 2, 2, 1)"
    assert 'href="report/report.html"' in report[0]["data"]["text/html"]
