"""Problems and probes are found by the names of their files, also in a folder of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from relusweep.pipeline.planning.contract import CHECKS, Example
from relusweep.pipeline.sweeps.kinds import (
    probe_kinds,
    problem_kinds,
    read_probes,
    read_problem,
)
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks import probes, problems

PROBLEM = """
from typing import Annotated, ClassVar, Literal
import numpy as np
from relusweep.tasks.axes import Axis, fixed
from relusweep.tasks.problems import Problem, Trials

class Stripes(Problem):
    folder: ClassVar[str] = "stripes"
    title: ClassVar[str] = "Stripes"
    kind: Literal["stripes"] = "stripes"
    stripes: Annotated[tuple[int, ...], Axis("stripes")] = fixed(2)

    def n_inputs_of(self, setting): return 1
    def n_rows_of(self, setting): return 16
    def draw(self, setting, labels, trials, seed):
        x = np.linspace(0, 1, 16, dtype=np.float32)[:, None]
        y = np.where((x[:, 0] * setting["stripes"]).astype(int) % 2, 1.0, -1.0)
        return Trials(x, np.tile(y, (len(trials), 1)))
    def stream(self, setting, label, seed): return seed, setting["stripes"]
"""
PROBE = """
from typing import Literal
import numpy as np
from relusweep.tasks.declared import numbers
from relusweep.tasks.probes import Probe

class Norm(Probe):
    kind: Literal["norm"] = "norm"
    def variables(self, extent): return {"norm": numbers("float32", "length of the parameters")}
    def measure(self, trained, extent):
        return {"norm": np.linalg.norm(trained.parameters, axis=1).astype(np.float32)}
"""


def test_a_file_that_is_not_finished_is_told(folder: Path) -> None:
    (folder / "problems" / "half.py").write_text(
        "from relusweep.tasks.problems import Problem\nclass Half(Problem):\n    kind: str = 'half'\n"
    )
    with pytest.raises(ValueError, match=r"problems\.half: Can't instantiate abstract class Half"):
        read_problem({"kind": "half"})


def test_there_are_those_of_the_design() -> None:
    assert {"ball_and_shell", "boolean", "circle", "function", "xor", "xor_circles"} <= {*problem_kinds()}
    probes = {"compression", "curve", "outcome", "parameters", "pieces", "regions", "shape", "snapshots"}
    assert probes <= {*probe_kinds()}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where both packages look for more files."""
    for package in (problems, probes):
        place = tmp_path / package.__name__.rpartition(".")[2]
        place.mkdir()
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(place)])
    return tmp_path


def test_files_in_a_folder_of_ones_own_are_a_problem_and_a_probe(folder: Path) -> None:
    (folder / "problems" / "stripes.py").write_text(PROBLEM)
    (folder / "probes" / "norm.py").write_text(PROBE)
    assert "stripes" in problem_kinds()
    assert "norm" in probe_kinds()
    fields = {"width": 3, "depth": 1, "stripes": [2, 3], "epochs": 3, "trials": 2, "probes": ["norm"]}
    sweep = TrainingSweep.model_validate({"name": "mine", "problem": {"kind": "stripes"}, **fields})
    assert sweep.group == "stripes/mine"
    assert "norm" in sweep.variables
    for check in CHECKS:
        check(Example(sweep, {"stripes": [2, 3, 5], "learning_rate": [0.01, 0.025]}))


def test_a_file_without_a_problem_is_refused(folder: Path) -> None:
    (folder / "problems" / "empty.py").write_text("")
    with pytest.raises(ValueError, match=r"problems.empty defines 0 subclasses of Problem, not one"):
        read_problem({"kind": "empty"})


@pytest.mark.parametrize(
    ("written", "kinds"),
    [
        ([], []),
        ("none", []),
        ("parameters", ["parameters"]),
        ("pieces, outcome", ["outcome", "pieces"]),
        (["parameters", {"curve": {"every": 10}}], ["curve", "parameters"]),
        ({"curve": {"every": 10}, "parameters": None}, ["curve", "parameters"]),
        ([{"kind": "pieces", "most": 3}], ["pieces"]),
    ],
)
def test_ways_to_write_probes(written: object, kinds: list[str]) -> None:
    found = read_probes(written)
    assert [probe.kind for probe in found] == kinds
    assert read_probes([probe.model_dump() for probe in found]) == found


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (["curv"], "no probe 'curv'; did you mean 'curve'"),
        (["pieces", {"pieces": {"most": 3}}], "pieces is named twice; name each probe once"),
        ([{"pieces": {}, "curve": {}}], "a mapping of one name, got pieces, curve; put them into a list"),
        ([3], "a probe is a name, or a mapping"),
        ([{"pieces": {"most": 0}}], "most = 0: must be greater than or equal to 1 .*1 to 100 000"),
        ([{"pieces": {"mots": 3}}], "no field 'mots'; did you mean 'most'"),
    ],
)
def test_wrong_probes_are_explained(written: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_probes(written)


def test_wrong_problems_are_explained() -> None:
    with pytest.raises(ValueError, match="no problem 'bolean'; did you mean 'boolean'"):
        read_problem({"kind": "bolean"})
    with pytest.raises(ValueError, match="with kind: one of ball_and_shell, boolean, circle"):
        read_problem("boolean")
