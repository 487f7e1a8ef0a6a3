"""docs/tutorials: every notebook runs in a real kernel, and gives what its text says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorials"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelManager]:
    """A kernel in an empty folder: one for all notebooks, since each start takes seconds."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=tmp_path_factory.mktemp("tutorials"))
    yield manager
    manager.shutdown_kernel(now=True)


def run(name: str, kernel: KernelManager) -> str:
    """Run a notebook without the names of the earlier ones, and give what it shows as text."""
    book = nbformat.read(TUTORIALS / name, as_version=4)
    book.cells.insert(0, nbformat.v4.new_code_cell("%reset -f"))
    client = NotebookClient(book, km=kernel, timeout=300)
    try:
        client.execute()
    finally:
        client.kc.stop_channels()
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    return "\n".join(output.get("text") or output["data"].get("text/plain", "") for output in outputs)


def test_a_table_of_your_own(kernel: KernelManager) -> None:
    shown = run("1-own-table.ipynb", kernel)
    assert "332 rows for training, 110 for the test; 10 inputs" in shown
    assert "has no column 'progression'" in shown
    assert "to train       600" in shown  # none of the 300 that were trained


def test_a_function_and_an_activation_of_your_own(kernel: KernelManager) -> None:
    shown = run("2-own-function-and-activation.ipynb", kernel)
    assert "trained by the engine reference, PyTorch" in shown
    assert re.search(r"mine:ripples +mine:wavelet +-?[\d.]+ +-?[\d.]+ +-?[\d.]+ +8 ", shown)


def test_from_a_sweep_to_weights_to_regions(kernel: KernelManager) -> None:
    shown = run("3-weights-and-regions.ipynb", kernel)
    assert re.search(r"^1 +2 +200 +0.000", shown, re.MULTILINE)  # two units cannot
    assert "linear regions of 3 units on [-1, 1] x [-1, 1]" in shown


def test_no_outputs_are_kept() -> None:
    for path in TUTORIALS.glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells), path.name
