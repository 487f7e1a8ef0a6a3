"""A run from a script that guards nothing, from standard input, from an interpreter and in a real notebook."""

from __future__ import annotations

import os
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


def python(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=200, check=True, **options
    )  # type: ignore[call-overload,no-any-return]


def test_a_script_needs_no_guard(folder: Path) -> None:
    (folder / "mine.py").write_text(SOURCE)
    (folder / "storage.py").write_text("raise SystemExit('this is not the storage that was meant')")
    said = python("-W", "error", "mine.py").stdout
    assert "64 of 64 networks" in said
    assert said.count("networks that ran: 64") == 1
    assert rs.runs("results")[0].document["command"] == "python mine.py"


def test_standard_input_will_do(folder: Path) -> None:
    assert "networks that ran: 64" in python("-", input=SOURCE).stdout


def test_an_interpreter_will_do(folder: Path) -> None:
    assert "networks that ran: 64" in python("-i", input=SOURCE).stdout
    assert rs.runs("results")[0].document["command"] == "relusweep.run(sweep, 'results')"


def test_a_script_that_is_killed_goes_on(folder: Path) -> None:
    (folder / "mine.py").write_text(
        SOURCE.replace("trials=4", "trials=4000").replace("width=[2, 4]", "width=[2]")
    )
    killed = subprocess.Popen([sys.executable, "mine.py"], stdout=subprocess.PIPE, text=True)
    assert killed.stdout
    killed.stdout.readline()
    time.sleep(2)
    killed.kill()
    killed.wait()
    said = python("mine.py").stdout
    assert "networks that ran: 32000" in said


def test_ctrl_c_ends_a_script(folder: Path) -> None:
    (folder / "mine.py").write_text(SOURCE.replace("epochs=60", "epochs=1_000_000, stop='last_epoch'"))
    stopped = subprocess.Popen(
        [sys.executable, "mine.py"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not any(
        run.document["workers"] for run in (rs.runs("results") if Path("results").exists() else [])
    ):
        time.sleep(0.1)
    os.kill(stopped.pid, signal.SIGINT)
    _, complaint = stopped.communicate(timeout=100)
    assert "KeyboardInterrupt: stopped; everything so far is in results: the same call goes on" in complaint
    assert stopped.returncode == -signal.SIGINT


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
