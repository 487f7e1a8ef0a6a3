"""Tables of every format hold the same; what is no table is refused, with its column and row."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from relusweep.tasks.tables.asked import Asked, OfColumn
from relusweep.tasks.tables.reading import absolute
from relusweep.tasks.tables.selection import known, selected
from tests.tasks.tables.frames import WRITE, frame

ABC = ("a", "b", "c")
OF_TEXT = "5c38ff77cf7618df151612b882ecec89"
OF_WEIGHTS = "59aab6083038f788d44fb04588a66634"
DIGEST = "897368de3c48d0018079011bd5b8a87a"


def asked(**fields: object) -> Asked:
    given = {"target": ("y",), "inputs": ABC, "task": "regression", "test": None, "weights": None, "drop": ()}
    return Asked(**{**given, **fields})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    for name, write in WRITE.items():
        write(folder / name, frame())
    return folder


@pytest.mark.parametrize("name", WRITE)
def test_every_format_holds_the_same(folder: Path, name: str) -> None:
    found, table = selected(absolute(folder / name), asked(weights="w")), frame()
    np.testing.assert_array_equal(found.inputs, table[[*ABC]])
    np.testing.assert_array_equal(found.targets, table[["y"]])
    np.testing.assert_array_equal(found.weights, table["w"])
    assert (found.names, found.target_names, found.digest) == (ABC, ("y",), OF_WEIGHTS)
    of_text = selected(absolute(folder / name), asked(target=("two",), task="classes"))
    assert (of_text.classes, of_text.digest) == ((("no", "yes"),), OF_TEXT)


def test_files_lie_beside_one_another(tmp_path: Path) -> None:
    table = frame()
    np.save(tmp_path / "x.npy", table[[*ABC]].to_numpy())
    np.save(tmp_path / "y.npy", table["y"].to_numpy())
    path = absolute(f"{tmp_path}/x.npy + {tmp_path}/y.npy")
    found = selected(path, asked(inputs=("x",)))
    assert found.names == ("x0", "x1", "x2")
    np.testing.assert_array_equal(found.inputs, table[[*ABC]])
    assert selected(path, asked(inputs=("x2", "x0"))).names == ("x2", "x0")


def test_inputs_are_all_other_columns(folder: Path) -> None:
    rest = asked(inputs=(), weights="w", test=OfColumn(column="part"), drop=("text",))
    found = selected(absolute(folder / "t.csv"), rest)
    assert found.names == ("a", "b", "c", "three")
    assert found.left_out == ("the column two, which holds text",)
    np.testing.assert_array_equal(found.in_test, frame()["part"] == "test")
    others = selected(absolute(folder / "t.nc"), asked(inputs=(), drop=("text",)))
    assert others.names == ("a", "b", "c", "three", "w")


@pytest.mark.parametrize(("target", "labels"), [("two", ("no", "yes")), ("three", ("1", "3", "5"))])
def test_classes_are_numbered_in_the_order_of_their_labels(
    folder: Path, target: str, labels: tuple[str, ...]
) -> None:
    found = selected(absolute(folder / "t.csv"), asked(target=(target,), task="classes"))
    assert found.classes == (labels,)
    assert [labels[int(number)] for number in found.targets[:, 0]] == frame()[target].astype(str).tolist()


def test_what_is_to_be_left_out_is(tmp_path: Path) -> None:
    table = frame().assign(same=7.0)
    table.loc[[3, 8], "a"] = np.nan
    table.loc[5, "three"] = 99
    table.to_csv(tmp_path / "t.csv", index=False)
    every = asked(target=("three",), inputs=(), task="classes", drop=("missing", "constant", "text", "rare"))
    found = selected(str(tmp_path / "t.csv"), every)
    left = table.drop(index=[3, 5, 8])
    np.testing.assert_array_equal(found.inputs, left[["a", "b", "c", "y", "w"]])
    np.testing.assert_array_equal(found.places, left.index)
    assert found.left_out == (
        "the column two, which holds text",
        "the column part, which holds text",
        "2 of 60 rows, which lack a value",
        "the classes 99 of three, of which each occurs once",
        "the column same, which is the same in all rows",
    )


def test_the_digest_is_of_the_columns_that_are_used(tmp_path: Path) -> None:
    path, table = tmp_path / "t.csv", frame()
    digests = []
    for changed in (table, table.assign(w=1.0), table.assign(c=table["c"] + 1e-12), table.iloc[:-1]):
        changed.to_csv(path, index=False)
        digests.append(known(str(path), asked()).digest)
    assert digests[0] == digests[1] == DIGEST
    assert len(set(digests)) == 3


def changed(table: pd.DataFrame, row: int, column: str, value: object) -> pd.DataFrame:
    return table.assign(**{column: [*table[column][:row], value, *table[column][row + 1 :]]})


CLASSES = {"target": ("three",), "task": "classes"}
BAD = {
    "missing": (
        lambda t: changed(t, 3, "b", np.nan),
        {},
        "column b lacks 1 of 60 values, first in line 5; fill",
    ),
    "missing target": (
        lambda t: changed(t, 0, "y", np.nan),
        {},
        "column y lacks 1 of 60 values, first in line 2",
    ),
    "text": (lambda t: changed(t, 7, "a", "7 cm"), {}, "column a holds the text '7 cm' in line 9; name"),
    "text in the target": (lambda t: changed(t, 1, "y", "?"), {}, "target y holds the text '[?]' in line 3"),
    "text in weights": (None, {"weights": "two"}, "weights: two holds the text '(yes|no)' in line 2"),
    "infinite": (lambda t: changed(t, 59, "c", np.inf), {}, "column c holds an infinite number in line 61"),
    "constant": (lambda t: t.assign(a=2.5), {}, "column a holds 2.5 in all rows; name the inputs without it"),
    "constant target": (
        lambda t: t.assign(y=1),
        {},
        "target y is the same in all rows: there is nothing to learn; give another",
    ),
    "all constant": (
        lambda t: t.assign(a=1, b=2, c=3),
        {"drop": ("constant",)},
        "all inputs are the same in all rows: a, b, c",
    ),
    "once": (lambda t: changed(t, 4, "three", 9), CLASSES, "class 9 of three occurs once, in line 6"),
    "one class": (lambda t: t.assign(three=1), CLASSES, "target three has one class, 1; give two"),
    "broken classes": (
        None,
        {"target": ("y",), "task": "classes"},
        "target y holds [0-9.]+ in line 2; classes are text or whole numbers: set task=regression",
    ),
    "halves": (
        lambda t: t.assign(three=t["three"] / 2),
        CLASSES,
        "target three holds [0-9.]+ in line .; classes are text or whole numbers: set task=regression",
    ),
    "several of three": (
        None,
        {"target": ("two", "three"), "task": "classes"},
        r"target three has 3 classes \(1, 3, 5\); several targets have two classes each",
    ),
    "no column": (None, {"inputs": ("a", "z")}, r"has no column 'z' \(inputs\); it has a, b, c, y, two"),
    "near": (None, {"inputs": ("A ", "b")}, "has no column 'A ' .inputs.; did you mean 'a'.; it has a, b"),
    "all rare": (
        lambda t: t.assign(three=np.arange(len(t))),
        {**CLASSES, "drop": ("rare",)},
        "target three has no class; give two",
    ),
    "no weights": (None, {"weights": "v"}, r"has no column 'v' \(weights\)"),
    "both": (None, {"inputs": ("a", "y")}, "y is both an input and a target"),
    "negative weights": (lambda t: changed(t, 2, "w", -1), {"weights": "w"}, "weights: w holds -1 in line 4"),
    "few rows": (
        lambda t: t.iloc[:1],
        {"drop": ("constant",)},
        "target y is the same in all rows|1 of 1 rows",
    ),
    "no rows": (lambda t: t.iloc[:0], {}, "0 of 0 rows are left for training; at least 2"),
    "no label": (
        None,
        {"test": OfColumn(column="part", label="x")},
        "part holds no 'x'; it holds test, train",
    ),
    "no row": (None, {"test": (0, 60)}, "has no row 60; its rows are 0 to 59"),
    "all test": (None, {"test": tuple(range(59))}, "1 of 60 rows are left for training"),
    "no test": (None, {"test": 0.001}, "test leaves no test rows"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_learned_is_refused(tmp_path: Path, case: str) -> None:
    change, fields, message = BAD[case]
    table = change(frame()) if change else frame()
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(ValueError, match=f"^({re.escape(str(tmp_path / 't.csv'))}|test: ).*({message})"):
        selected(str(tmp_path / "t.csv"), asked(**fields))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,a,y\n1,2,3,4\n", "line 1 names a more than once"),
        ("a,,y\n1,2,3\n", "line 1 must name every column, got 'a,,y'"),
        ("1,2,3\n4,5,6\n", "line 1 holds numbers, 1, 2, 3; put names of the columns there"),
        ("", "line 1 must name every column, and it is empty; write their names there"),
        ("a,y\n", "0 of 0 rows are left for training"),
        ("a,y\n1,2,3\n3,4,5\n", "no table: line 1 names 2 columns .a, y., and the rows have more"),
        ("a,y\n1,2\n3,4,5\n6,7\n", "is no table: .*line 3"),
        ("a,y\n1,2\n\n3,4\n", "column a lacks 1 of 3 values, first in line 3"),
        ("a,y\n1,2\n3\n4,5\n", "column y lacks 1 of 3 values, first in line 3"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        selected(str(tmp_path / "t.csv"), asked(inputs=("a",)))


def test_empty_lines_at_the_end_are_none(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("\ufeffa,y\n1,2\n3,4\n\n\n", encoding="utf-8")
    assert selected(str(tmp_path / "t.csv"), asked(inputs=("a",))).inputs.tolist() == [[1], [3]]


@pytest.mark.parametrize("name", ["t.csv.gz", "t.parquet", "t.npy", "t.npz", "t.nc", "t.zarr"])
def test_a_broken_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\x00 no table")
    with pytest.raises(ValueError, match=rf"the table .*{name} cannot be read \("):
        selected(str(tmp_path / name), asked())


def test_files_that_are_not_there_or_of_no_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"gone.csv cannot be read \(No such file or directory\); give the path"
    ):
        selected(str(tmp_path / "gone.csv"), asked())
    (tmp_path / "t.xls").write_text("")
    with pytest.raises(
        ValueError, match=r"is of no format that is read; allowed are [.]csv, [.]tsv, [.]parquet"
    ):
        selected(str(tmp_path / "t.xls"), asked())
    np.savez(tmp_path / "t.npz", a=np.zeros(3), y=np.zeros(4))
    with pytest.raises(ValueError, match=r"columns differ in length \(a 3, y 4\)"):
        selected(str(tmp_path / "t.npz"), asked(inputs=("a",)))
    np.savez(tmp_path / "t.npz", a=np.zeros((3, 2, 2)), y=np.zeros(3))
    with pytest.raises(ValueError, match=r"a has shape \(3, 2, 2\); allowed are \(n_rows,\)"):
        selected(str(tmp_path / "t.npz"), asked(inputs=("a",)))
    np.save(tmp_path / "x.npy", np.zeros(3))
    np.save(tmp_path / "y.npy", np.zeros(4))
    with pytest.raises(ValueError, match=r"must have the same rows, and .*x.npy has 3, .*y.npy has 4"):
        selected(absolute(f"{tmp_path}/x.npy + {tmp_path}/y.npy"), asked(inputs=("x",)))
