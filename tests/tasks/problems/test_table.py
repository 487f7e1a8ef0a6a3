"""Tables as problems: splits, standardised columns, classes and weights, against pandas and scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from relusweep.tasks.problems.table import Table
from tests.tasks.tables.frames import ROWS, frame

ABC = ["a", "b", "c"]
FRAME = frame()
FROZEN = [1, 8, 11, 27, 35, 51]
ZEROS = {"split": 0, "loss": "mse"}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "t.csv"
    FRAME.to_csv(path, index=False)
    return path


def table(file: Path, **fields: Any) -> Table:
    return Table(**{"path": str(file), "target": "y", "task": "regression", "inputs": ABC, **fields})


def test_columns_are_standardised_by_the_training_rows(path: Path) -> None:
    problem = table(path, target=["y", "w"], test={"column": "part"})
    trials = problem.draw(ZEROS | {"path": "t.csv"}, (None,), range(3), seed=4)
    train, test = FRAME[FRAME["part"] == "train"], FRAME[FRAME["part"] == "test"]
    x, y = (StandardScaler().fit(train[some].to_numpy()) for some in (ABC, ["y", "w"]))
    np.testing.assert_allclose(trials.inputs, x.transform(train[ABC].to_numpy()), rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(trials.targets[2], y.transform(train[["y", "w"]].to_numpy()), atol=1e-6)
    assert trials.test is not None
    np.testing.assert_allclose(trials.test[0], x.transform(test[ABC].to_numpy()), rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(trials.test[1][0], y.transform(test[["y", "w"]].to_numpy()), atol=1e-6)
    known = problem.coordinates(4)
    assert known["column"][1].tolist() == [*ABC, "y", "w"]
    np.testing.assert_allclose(known["column_mean"][1][0, 0], [*x.mean_, *y.mean_], rtol=1e-13)
    np.testing.assert_allclose(known["column_deviation"][1][0, 0], [*x.scale_, *y.scale_], rtol=1e-13)
    spread = y.transform(test[["y", "w"]].to_numpy()).var(axis=0).mean()
    assert known["test_target_variance"][1].item() == pytest.approx(spread, rel=1e-6)
    assert (known["rows"][1].item(), known["test_rows"][1].item()) == (len(train), len(test))
    assert problem.n_rows_of({"path": "t.csv"}) == len(train)


def test_without_standardisation_rows_are_those_of_the_file(path: Path) -> None:
    problem = table(path, standardise=False)
    trials = problem.draw(ZEROS | {"path": "t.csv"}, (None,), range(1), seed=0)
    np.testing.assert_array_equal(trials.inputs, FRAME[ABC].to_numpy(np.float32))
    np.testing.assert_array_equal(trials.targets[0], FRAME["y"].to_numpy(np.float32))
    assert trials.test is None
    assert trials.weights is None
    assert "column_mean" not in problem.coordinates(0)


def in_test(problem: Table, seed: int = 0, split: int = 0) -> set[int]:
    parts = problem.parts({"path": "t.csv", "split": split}, seed)
    assert parts.test is not None
    assert sorted([*parts.training.places, *parts.test.places]) == [*range(ROWS)]
    assert parts.training.places.tolist() == sorted(parts.training.places)
    return set(parts.test.places.tolist())


def test_a_share_of_the_rows_is_drawn_by_the_seed_and_the_split(path: Path) -> None:
    problem = table(path, test=0.25, split=[0, 1])
    drawn = [in_test(problem), in_test(problem, seed=1), in_test(problem, split=1)]
    assert [len(rows) for rows in drawn] == [15, 15, 15]
    assert drawn[0] == in_test(table(path, test=0.25, standardise=False))
    assert len(set(map(frozenset, drawn))) == 3
    many = np.mean([[row in in_test(problem, seed) for row in range(ROWS)] for seed in range(100)], axis=0)
    assert abs(many - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / 100)  # each row as often as any other


def test_the_bits_of_a_split_are_frozen(path: Path) -> None:
    """A change here is a change of results: it calls for a new result-schema version."""
    assert sorted(in_test(table(path, test=0.1, split=3), seed=7, split=3)) == FROZEN


def test_a_share_is_taken_of_every_class(path: Path) -> None:
    problem = table(path, target="three", task="classes", test=0.3)
    counts = FRAME["three"].value_counts()
    taken = FRAME["three"].iloc[sorted(in_test(problem))].value_counts()
    assert taken.to_dict() == {label: round(0.3 * count) for label, count in counts.items()}
    assert problem.tables["t.csv"].test_rows == taken.sum()
    known = problem.coordinates(0)
    assert known["class_label"][1][0, -1].tolist() == ["1", "3", "5"]
    assert known["class_test_rows"][1][0, 0, -1].tolist() == [taken[label] for label in (1, 3, 5)]


def test_rows_are_named_by_their_numbers(path: Path) -> None:
    assert in_test(table(path, test="50..59,3")) == {3, *range(50, 60)}
    assert in_test(table(path, test=[0])) == {0}


@pytest.mark.parametrize(
    ("target", "loss", "values", "n_outputs"),
    [
        ("two", "bce", (-1, 1), 1),
        ("two", "cross_entropy", (0, 1), 2),
        ("three", "cross_entropy", (0, 1, 2), 3),
    ],
)
def test_classes_are_signs_or_numbers(
    path: Path, target: str, loss: str, values: tuple[int, ...], n_outputs: int
) -> None:
    problem = table(path, target=target, task="classes")
    setting = {"path": "t.csv", "split": 0, "loss": loss}
    labels = sorted(FRAME[target].unique())
    expected = [values[labels.index(label)] for label in FRAME[target]]
    assert problem.draw(setting, (None,), range(2), 0).targets[1].tolist() == expected
    assert problem.n_outputs_of(setting) == n_outputs
    assert problem.has_classes
    assert (loss in problem.losses, "bce" in problem.losses) == (True, target == "two")


def test_several_targets_of_two_classes_are_several_outputs(path: Path) -> None:
    FRAME.assign(other=FRAME["part"] == "test").to_csv(path.with_name("two.csv"), index=False)
    problem = table(path.with_name("two.csv"), target="two,other", task="classes")
    setting = {"path": "two.csv", "split": 0, "loss": "bce"}
    targets = problem.draw(setting, (None,), range(2), 0).targets[0]
    np.testing.assert_array_equal(
        targets > 0, np.column_stack([FRAME["two"] == "yes", FRAME["part"] == "test"])
    )
    assert problem.n_outputs_of(setting) == 2
    assert "cross_entropy" not in problem.losses


@pytest.mark.parametrize("weights", [None, "w"])
def test_classes_weigh_the_same_where_they_are_balanced(path: Path, weights: str | None) -> None:
    fields = {"target": "three", "task": "classes", "weights": weights}
    setting = {"path": "t.csv", "split": 0, "loss": "cross_entropy"}
    found = table(path, **fields, class_weights="balanced").draw(setting, (None,), range(1), 0).weights
    expected = compute_sample_weight("balanced", FRAME["three"]) * (FRAME["w"] if weights else 1)
    np.testing.assert_allclose(found, expected / expected.mean(), rtol=1e-6)
    plain = table(path, **fields).draw(setting, (None,), range(1), 0).weights
    if weights:
        np.testing.assert_allclose(plain, FRAME["w"] / FRAME["w"].mean(), rtol=1e-6)
    else:
        assert plain is None


def test_several_tables_may_have_other_columns_and_rows(path: Path) -> None:
    FRAME[["a", "c", "y"]].iloc[:40].to_csv(path.with_name("less.csv"), index=False)
    FRAME[[*ABC, "y"]].to_csv(path.with_name("more.csv"), index=False)
    both = [str(path.with_name(name)) for name in ("more.csv", "less.csv")]
    problem = table(path, path=both, inputs="none", test=0.5)
    assert problem.path == ("less.csv", "more.csv")
    assert [problem.n_inputs_of({"path": name}) for name in problem.path] == [2, 3]
    known = problem.coordinates(0)
    assert known["column"][1].tolist() == ["a", "c", "y", "b"]
    assert np.isnan(known["column_mean"][1][:, 0]).tolist() == [[False, False, False, True], [False] * 4]
    assert known["rows"][1].tolist() == [20, 30]


def test_a_file_that_has_changed_is_refused(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    FRAME.to_csv(file, index=False)
    problem, setting = table(file), ZEROS | {"path": "t.csv"}
    problem.draw(setting, (None,), range(1), 0)
    FRAME.assign(w=0).to_csv(file, index=False)  # of a column that is not used
    problem.draw(setting, (None,), range(1), 0)
    FRAME.assign(a=-FRAME["a"]).to_csv(file, index=False)
    with pytest.raises(
        ValueError, match=r"t.csv has changed since the sweep was specified; bring back the file"
    ):
        problem.draw(setting, (None,), range(1), 0)
    file.unlink()
    with pytest.raises(ValueError, match=r"t[.]csv cannot be read"):
        problem.draw(setting, (None,), range(1), 0)


REFUSED = {
    "share": ({"test": 1.5}, "1.5 is no share of the rows: above 0, below 1"),
    "name": ({"test": "part"}, "'part' is no number; a column is named in a mapping, as {column: part"),
    "a share or a row": ({"test": 0}, "0 may be a share or a row; write none, a share as 0.2, or rows"),
    "no rows": ({"test": []}, "an empty list; name rows from 0"),
    "mapping": ({"test": {"col": "part"}}, "a mapping of col; write {column: part, label: test}"),
    "negative": ({"test": [-1]}, "-1 is no row: whole numbers from 0"),
    "twice": ({"test": [4, 4]}, "row 4 is named twice"),
    "splits": ({"split": [0, 1]}, "split has several labels, and test draws no rows; set test=0.2"),
    "balanced": ({"class_weights": "balanced"}, "class_weights = balanced is of classes of one target"),
    "array": (
        {"inputs": [[1.0, 2.0]]},
        "must be names of columns, got list; arrays are written to a file once",
    ),
    "frame": ({"inputs": FRAME}, "must be names of columns, got DataFrame; arrays are written to a file"),
    "target": ({"target": "none"}, "target"),
    "task": ({"task": "ranking"}, "'regression' or 'classes'"),
    "drop": ({"drop": "rows"}, "'missing', 'constant', 'text' or 'rare'"),
    "same name": ({"path": ["t.csv", "./t.csv"]}, "two tables are called t.csv; rename one"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_fields_that_cannot_be_are_refused(path: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    fields, message = REFUSED[case]
    with pytest.raises(ValidationError, match=message):
        table(path, **fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"target": "three", "task": "classes", "test": "0..9"}, "training rows lack the class 9 of three"),
        ({"test": "10..59"}, "column a is the same in all training rows, so it cannot be standardised"),
        (
            {"standardise": False, "target": "large"},
            "large holds numbers that are not finite in float32; set",
        ),
        (
            {"test": "3..59", "inputs": ["b"]},
            "column b is the same in all training rows, so it cannot be standardised",
        ),
        (
            {"target": "large"},
            "column large holds numbers up to [0-9.]+e.300, whose deviation .* .inf.; write",
        ),
        ({"inputs": ["a", "small"]}, "column small holds numbers up to [0-9.]+e-160, whose deviation"),
        ({"weights": "rare", "test": "0..9"}, "the weights of all training rows are 0"),
    ],
)
def test_training_rows_that_cannot_be_learned_are_refused(
    tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    first = np.arange(ROWS) < 10
    classes = np.where(first, 9, FRAME["three"])
    changed = FRAME.assign(
        three=classes,
        a=np.where(first, 3, FRAME["a"]),
        b=np.where(np.arange(ROWS) < 3, 0.1, FRAME["b"]),  # whose mean is another number than 0.1
        large=1e300 * FRAME["a"],
        small=1e-160 * FRAME["a"],
        rare=first,
    )
    changed.astype({"rare": int}).to_csv(tmp_path / "t.csv", index=False)
    problem = table(tmp_path / "t.csv", **fields)
    with pytest.raises(ValueError, match=message):
        problem.check(0)
