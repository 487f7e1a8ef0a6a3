"""docs/neurons.md says what the neurons are and what the guards do: its Python runs, its names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.tasks import activations
from relusweep.tasks.training import rules

PAGE = (Path(__file__).parents[2] / "docs" / "neurons.md").read_text()


def test_its_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, {})
    assert capsys.readouterr().out.startswith("[")


def test_its_names_are_there() -> None:
    kinds = {name for name in activations.names() if activations.load(name).influences}
    assert kinds == set(re.findall(r"^\| `(decomposed_\w+)` \|", PAGE, re.MULTILINE))
    assert {"one_neuron", "decomposed"} == set(re.findall(r"relusweep run (\w+)", PAGE)) <= SWEEPS.keys()
    assert f"no longer than {rules.MOST_TURN:g} (`rules.MOST_TURN`)" in PAGE
