"""Sweeps over tables: what they hold is part of the sweep; results against scikit-learn."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml
from sklearn.metrics import accuracy_score, r2_score
from sklearn.preprocessing import StandardScaler

import relusweep as rs
from relusweep.cluster import Address
from relusweep.pipeline.common.errors import InvalidSweep, SpecificationChanged
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.planning.contract import CHECKS, Example
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.training.page import content
from relusweep.pipeline.sweeps.specification import joined
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from tests.tasks.tables.frames import dataset, frame

FRAME = frame()
ABC = ["a", "b", "c"]
MSE = {"loss": "mse", "stop": "last_epoch", "epochs": 40}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sweep(problem: dict[str, Any] | None = None, **fields: Any) -> TrainingSweep:
    own = {"kind": "table", "path": "t.csv", "target": "y", "task": "regression", "inputs": ABC, "test": 0.25}
    every = {
        "name": "mine",
        "problem": own | (problem or {}),
        "network": {"width": [2, 4], "depth": 1},
        "protocol": MSE,
        "trials": 3,
    }
    return TrainingSweep.model_validate(every | fields)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_contract_is_kept(check: Callable[[Example], None], folder: Path) -> None:
    FRAME.iloc[5:].to_csv(folder / "u.csv", index=False)
    two = {"path": ["t.csv", "u.csv"], "split": [0], "weights": "w"}
    check(Example(sweep(two, engine="reference"), {"trials": 4, "split": [0, 1]}, blocks=1))


def test_the_file_is_found_again_from_anywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = sweep()
    assert here.problem.tables["t.csv"].path == str(folder / "t.csv")
    monkeypatch.chdir("/")
    again = TrainingSweep.model_validate_json(here.model_dump_json())
    assert again == here
    assert again.fingerprint == here.fingerprint


def test_what_it_holds_decides_and_not_where_it_lies(folder: Path) -> None:
    stored = sweep()
    (folder / "there").mkdir()
    FRAME[[*ABC, "y"]].to_csv(folder / "there" / "t.csv", index=False)  # without other columns
    moved = sweep({"path": "there/t.csv"}, trials=5)
    assert moved.fingerprint == stored.fingerprint
    assert joined(stored.specification, moved).trials == 5
    FRAME.assign(b=FRAME["b"] + 1).to_csv(folder / "t.csv", index=False)
    changed = sweep()
    assert changed.fingerprint != stored.fingerprint
    with pytest.raises(
        SpecificationChanged, match=r"problem.tables.t.csv.digest: '\w+' in the store, '\w+' ask"
    ):
        joined(stored.specification, changed)
    with pytest.raises(InvalidSweep, match=r"mine: .*t.csv has changed since the sweep was specified"):
        stored.check()


def test_specifications_are_read_where_the_file_is_gone(folder: Path) -> None:
    stored = sweep({"path": ["t.csv"]})
    (folder / "t.csv").unlink()
    again = TrainingSweep.model_validate_json(stored.specification)
    assert again.problem.n_rows_of({"path": "t.csv"}) == 45
    assert again.fingerprint == stored.fingerprint
    with pytest.raises(ValueError, match=r"problem: the table .*t.csv cannot be read"):
        rs.sweep(again, target="w")


def test_another_question_reads_the_table_anew(folder: Path) -> None:
    asked = rs.sweep(sweep(), target="three", task="classes", loss="cross_entropy", test="none")
    (known,) = asked.problem.tables.values()
    assert (known.classes, known.rows, known.test_rows) == ((("1", "3", "5"),), 60, 0)
    with pytest.raises(InvalidSweep, match="loss = mse: the problem table allows cross_entropy"):
        rs.sweep(sweep(), target="three", task="classes").check()
    with pytest.raises(InvalidSweep, match="loss = bce: the problem table allows mse or huber"):
        sweep(protocol={}).check()
    with pytest.raises(InvalidSweep, match="rows of table are not right or wrong; set stop=last_epoch"):
        sweep(protocol={"loss": "mse"}).check()


def test_there_is_room_for_the_table_with_most_classes(folder: Path) -> None:
    FRAME.assign(three=np.arange(60) % 10).drop(columns=["c"]).to_csv(folder / "u.csv", index=False)
    classes = {
        "path": ["t.csv", "u.csv"],
        "target": "three",
        "task": "classes",
        "inputs": "none",
        "drop": "text",
    }
    asked = sweep(classes, protocol={"loss": "cross_entropy"}, probes="parameters", engine="reference")
    assert len(asked.inner["parameter"]) == max(4 * (5 + 1) + 3 * (4 + 1), 4 * (4 + 1) + 10 * (4 + 1))


TEST = FRAME["part"] == "test"
CLASSES = {"target": "three", "task": "classes", "test": {"column": "part"}}


@pytest.fixture(scope="module")
def store(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A regression of two targets and three classes; their file is gone."""
    folder = tmp_path_factory.mktemp("tables")
    FRAME.to_csv(folder / "t.csv", index=False)
    file, known = {"path": str(folder / "t.csv")}, {"probes": "parameters", "engine": "reference"}
    protocol = {"loss": "cross_entropy", "stop": "last_epoch", "epochs": 40}
    numbers = sweep(file | {"target": ["y", "w"], "test": {"column": "part"}}, name="numbers", **known)
    classes = sweep(file | CLASSES, name="classes", protocol=protocol, **known)
    for one in (numbers, classes):
        run(one, str(folder / "store"), workers)
    (folder / "t.csv").unlink()
    return folder / "store"


def by_network(results: xr.Dataset, name: str) -> np.ndarray:
    values = results[name].transpose("width", "trial", ...).values
    return values.reshape(6, *values.shape[2:])


def outputs(results: xr.Dataset, n_outputs: int) -> np.ndarray:
    """Apply the networks to the test rows in float64: shape (n_networks, n_rows, n_outputs)."""
    scaler = StandardScaler().fit(FRAME[~TEST][ABC].to_numpy())
    inputs, found = scaler.transform(FRAME[TEST][ABC].to_numpy()), []
    for every in by_network(results, "parameters").astype(float):
        row = every[~np.isnan(every)]
        width = (len(row) - n_outputs) // (4 + n_outputs)
        first = row[: 4 * width].reshape(width, 4)
        last = row[4 * width :].reshape(n_outputs, width + 1)
        hidden = np.maximum(inputs @ first[:, :-1].T + first[:, -1], 0)
        found.append(hidden @ last[:, :-1].T + last[:, -1])
    return np.array(found)


def said(results: xr.Dataset) -> tuple[str, dict[str, pd.DataFrame]]:
    """Give the sentences of the page, and its tables."""
    page = content(results)
    blocks = [block for section in page.sections for block in section.blocks]
    sentences = [page.lead, page.heading, *(block for block in blocks if isinstance(block, str))]
    return " ".join(sentences), {block.title: block.cells for block in blocks if isinstance(block, Table)}


def test_a_regression_of_two_targets_agrees_with_scikit_learn(store: Path) -> None:
    results = rs.open(store, "numbers").load()
    columns = ["y", "w"]
    truth = StandardScaler().fit(FRAME[~TEST][columns].to_numpy()).transform(FRAME[TEST][columns].to_numpy())
    found, losses = outputs(results, 2), by_network(results, "test_loss")
    np.testing.assert_allclose(losses, ((found - truth) ** 2).mean(axis=(1, 2)), rtol=1e-4)
    shares = [r2_score(truth, of, multioutput="variance_weighted") for of in found]
    np.testing.assert_allclose(1 - losses / results["test_target_variance"].item(), shares, rtol=1e-3)
    text, tables = said(results)
    table = tables["R² by one axis at a time, all others together"]
    assert table["R², median [95 %]"].iloc[0].startswith(f"{np.median(shares):.3f}")
    assert "How does the test loss of networks depend on width?" in text
    assert "6 networks trained on y and w of t.csv" in text
    n_test = str(TEST.sum())
    assert tables["Tables"].iloc[0].tolist()[:5] == [
        "t.csv",
        str(60 - TEST.sum()),
        n_test,
        "a, b and c",
        "y and w",
    ]


def test_classes_agree_with_scikit_learn(store: Path) -> None:
    results = rs.open(store, "classes").load()
    labels = results["class_label"].sel(column="three").values.astype(int)
    truth = FRAME[TEST]["three"]
    accuracies = [accuracy_score(truth, labels[of.argmax(axis=1)]) for of in outputs(results, 3)]
    np.testing.assert_allclose(by_network(results, "test_rows_right") / len(truth), accuracies)
    text, tables = said(results)
    table = tables["Test error by one axis at a time, all others together"]
    value = float(table["Test error, %, median [95 %]"].iloc[0].split()[0])
    assert value == pytest.approx(100 * (1 - np.median(accuracies)), abs=0.051)
    common = 100 * (1 - truth.value_counts().max() / len(truth))
    assert f"Who always says the most common class is wrong in {common:.1f} % of the test rows." in text


def test_a_run_goes_on_from_the_command_line_until_the_file_changes(
    folder: Path, relusweep: Callable[..., tuple[int, str, str]]
) -> None:
    fields = sweep().model_dump(mode="json")
    del fields["problem"]["tables"]
    Path("mine.yaml").write_text(yaml.safe_dump(fields))
    code, said, _ = relusweep("run", "mine.yaml", "--dry-run")
    assert code == 0
    assert "t.csv: 45 rows for training, 15 for the test; 3 inputs" in said
    code, said, _ = relusweep("sweeps", "mine.yaml")
    assert code == 0
    assert "problem.tables" in said
    Path("t.csv").unlink()
    code, _, error = relusweep("run", "mine.yaml", "--dry-run")
    assert code == 2
    assert "mine.yaml: problem: the table" in error
    assert "t.csv cannot be read (No such file or directory)" in error


def test_arrays_become_a_table(folder: Path) -> None:
    fields = {"target": "y", "task": "regression", "test": np.arange(50, 60)}
    of_arrays = rs.table("arrays.npz", {"x": FRAME[ABC].to_numpy(), "y": FRAME["y"]}, inputs="x", **fields)
    of_frame = rs.table("frame.npz", FRAME, inputs=ABC, **fields)
    of_dataset = rs.table("dataset.npz", dataset(FRAME), inputs=ABC, **fields)
    others = {"name": "mine", "network": {"width": 2, "depth": 1}, "protocol": MSE, "trials": 3}
    problems = [rs.sweep({**others, "problem": of}).problem for of in (of_arrays, of_frame, of_dataset)]
    drawn = [
        of.draw({"path": of.path[0], "split": 0, "loss": "mse"}, (None,), range(1), 0) for of in problems
    ]
    for trials in drawn:
        np.testing.assert_array_equal(trials.inputs, drawn[0].inputs)
        np.testing.assert_array_equal(trials.targets, drawn[0].targets)
        assert len(trials.inputs) == 50
    assert rs.table("frame.npz", FRAME, inputs=ABC, **fields) == of_frame
    with pytest.raises(ValueError, match=r"frame.npz holds other data; give another path, or take it away"):
        rs.table("frame.npz", FRAME.iloc[::-1], **fields)
    with pytest.raises(ValueError, match=r"arrays are written to one file .npz, got .*x.csv"):
        rs.table("x.csv", FRAME, **fields)
    with pytest.raises(ValueError, match="data are arrays by name, a DataFrame or a Dataset, got ndarray"):
        rs.table("x.npz", FRAME[ABC].to_numpy(), **fields)  # type: ignore[arg-type]  # what is tested
    with pytest.raises(ValueError, match=r"columns differ in length \(x 60, y 59\)"):
        rs.table("x.npz", {"x": FRAME["a"], "y": FRAME["y"][:59]}, **fields)
    assert not Path("x.npz").exists()


def test_the_python_of_the_page_runs(
    folder: Path, workers: Address, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[4] / "docs" / "table.md").read_text()
    (source,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert "workers=1" in source
    here = source.replace("workers=1", f"cluster={workers.address!r}")
    exec(compile(here, "table.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "['different' 'same']" in printed
    assert "width" in printed
