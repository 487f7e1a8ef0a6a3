"""Tables of the user's own: columns of a file, learned from the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from relusweep.tasks.axes import Axis, Setting, fixed, is_fixed, listed
from relusweep.tasks.declared import Coordinate
from relusweep.tasks.problems import Name, Problem, Trials
from relusweep.tasks.tables.asked import Asked, Drop, Known, OfColumn, TestRows
from relusweep.tasks.tables.parts import How, Part, Parts, parts_of
from relusweep.tasks.tables.reading import BESIDE, absolute
from relusweep.tasks.tables.selection import known

__all__ = ["Table"]

_ARRAYS = "arrays are written to a file once, by relusweep.table(path, arrays, …), which gives the problem"


def _names(value: object) -> object:
    if value is None or _is_none(value):
        return ()
    if others := [name for name in listed(value) if not isinstance(name, str)]:
        raise ValueError(f"must be names of columns, got {type(others[0]).__name__}; {_ARRAYS}")
    return tuple(listed(value))


def _is_none(value: object) -> bool:
    return isinstance(value, str) and value == "none"


def _test(value: object) -> object:
    if isinstance(value, list) and len(value) == 1:  # in the place of a list that was there
        value = value[0]
    if value is None or _is_none(value):
        return None
    if isinstance(value, str) and not any(mark in value for mark in (",", "..")):
        value = _number(value)
    if isinstance(value, Mapping | OfColumn):
        return value
    if isinstance(value, float):
        if not 0 < value < 1:
            raise ValueError(f"{value:g} is no share of the rows: above 0, below 1")
        return float(value)
    rows = sorted(map(_row, listed(value)))
    if twice := [a for a, b in pairwise(rows) if a == b]:
        raise ValueError(f"row {twice[0]} is named twice; name each once")
    return tuple(rows)


def _number(text: str) -> object:
    try:
        return int(text) if text.strip().isdigit() else float(text)
    except ValueError:
        mapping = f"{{column: {text}, label: test}}"
        raise ValueError(f"{text!r} is no number; a column is named in a mapping, as {mapping}") from None


def _row(item: object) -> int:
    if isinstance(item, str) and item.isdigit():
        return int(item)
    if isinstance(item, bool) or not isinstance(item, int) or item < 0:
        raise ValueError(f"{item!r} is no row: whole numbers from 0, in the order of the file")
    return item


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


class Table(Problem):
    """Columns of a table, the targets, learned from others, the inputs.

    Attributes
    ----------
    path : tuple of str
        Files of tables: CSV, Parquet, NPY, NPZ, NetCDF or Zarr; ``a.npy + b.npy`` are two beside each other.
    target : tuple of str
        Columns that are learned.
    task : {'regression', 'classes'}
        Whether targets are numbers, or classes named by text or whole numbers.
    inputs : tuple of str
        Columns that are learned from. By default all others.
    test : float, OfColumn, tuple of int or None
        Rows that no network is trained on: a share, drawn by the seed; those of which a column says so, all
        others being for training; or numbers of rows.
    split : tuple of int
        Number of the split, where a share of the rows is drawn.
    standardise : bool
        Whether inputs, and targets of a regression, get mean 0 and deviation 1 in the training rows.
    weights : str, optional
        A column with the weight of each training row.
    class_weights : {'none', 'balanced'}
        Whether all classes weigh the same in training, however many rows they have.
    drop : tuple of {'missing', 'constant', 'text', 'rare'}
        What is left out instead of refused: rows that lack a value; inputs that are the same in all rows, or
        hold text; rows of classes that occur once.
    tables : mapping of str to Known
        What is known of each table, found by itself: its digest, rows, columns and classes.
    """

    folder: ClassVar[str] = "table"
    title: ClassVar[str] = "Table sweep"

    kind: Literal["table"] = "table"
    path: Annotated[
        tuple[str, ...],
        Axis("file of the table", None),
        Field(description="a file, as data.csv, or several; of arrays see relusweep.table"),
    ]
    target: Annotated[Names, Field(min_length=1, description="a column, or several")]
    task: Annotated[Literal["regression", "classes"], Field(description="regression or classes")]
    inputs: Annotated[Names, Field(description="columns, or none, which is all others")] = ()
    test: Annotated[
        TestRows,
        BeforeValidator(_test),
        Field(
            description="a share, as 0.2; {column: split, label: test}; numbers of rows, as 800..999; or none"
        ),
    ] = None
    split: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...],
        Axis("number of the split"),
        Field(description="whole numbers from 0, as 0 or 0..4"),
    ] = fixed(0)
    standardise: Annotated[bool, Field(description="true or false")] = True
    weights: Annotated[
        str | None,
        BeforeValidator(lambda name: None if _is_none(name) else name),
        Field(description="a column, or none"),
    ] = None
    class_weights: Annotated[Literal["none", "balanced"], Field(description="none or balanced")] = "none"
    drop: Annotated[
        tuple[Drop, ...],
        BeforeValidator(_names),
        Field(description="none, or some of missing, constant, text, rare"),
    ] = ()
    tables: Annotated[dict[str, Known], Field(description="found by itself", default_factory=dict)]

    @model_validator(mode="after")
    def _read(self) -> Self:
        """Note what the tables hold, of those that are new or of which something else is asked."""
        self._check_fields()
        found: dict[str, Known] = {}
        for text in self.path:
            old = self.tables.get(text)
            label = text if old else BESIDE.join(PurePath(part).name for part in text.split(BESIDE))
            if label in found:
                raise ValueError(f"path: two tables are called {label}; rename one")
            fresh = old is not None and old.asked == self._asked.digest
            found[label] = old if old and fresh else known(old.path if old else absolute(text), self._asked)
        labels = tuple(sorted(found))
        self.__dict__["path"] = fixed(labels[0]) if is_fixed(self.path) else labels
        self.__dict__["tables"] = {label: found[label] for label in labels}
        return self

    def _check_fields(self) -> None:
        if self.class_weights == "balanced" and (self.task == "regression" or len(self.target) > 1):
            raise ValueError("class_weights = balanced is of classes of one target; set class_weights=none")
        if len(self.split) > 1 and not isinstance(self.test, float):
            raise ValueError(
                "split has several labels, and test draws no rows; set test=0.2, or give one split"
            )

    @property
    def _asked(self) -> Asked:
        return Asked(self.target, self.inputs, self.task, self.test, self.weights, self.drop)

    @property
    def rigid(self) -> tuple[str, ...]:
        """Tables: what they hold is part of the fingerprint."""
        return ("path",)

    def identity(self, written: dict[str, Any]) -> dict[str, Any]:
        """Leave out where files lie."""
        return {**written, "tables": {label: of.identity() for label, of in self.tables.items()}}

    def _known(self, setting: Setting) -> Known:
        return self.tables[setting["path"]]

    @property
    def has_classes(self) -> bool:
        """Whether targets are classes."""
        return self.task == "classes"

    @property
    def has_test(self) -> bool:
        """Whether there are test rows."""
        return self.test is not None

    @property
    def losses(self) -> tuple[str, ...]:
        """Losses of numbers, of two classes, or of more."""
        if self.task == "regression":
            return ("mse", "huber")
        counts = {len(labels) for of in self.tables.values() for labels in of.classes}
        if max(counts) > 2:
            return ("cross_entropy",)
        several = any(len(of.targets) > 1 for of in self.tables.values())
        return ("bce", "mse", "huber", "hinge", *(() if several else ("cross_entropy",)))

    def n_inputs_of(self, setting: Setting) -> int:
        """Count the columns that are learned from."""
        return len(self._known(setting).inputs)

    def n_outputs_of(self, setting: Setting) -> int:
        """Count the targets; with cross_entropy the classes."""
        of = self._known(setting)
        return len(of.classes[0]) if setting.get("loss") == "cross_entropy" else len(of.targets)

    def n_rows_of(self, setting: Setting) -> int:
        """Count the training rows."""
        return self._known(setting).rows

    def stream(self, setting: Setting, label: Any, seed: int) -> Name:
        """Name one for each table and split: networks of other rows are not compared by pairs."""
        return seed, setting["path"], int(setting["split"])

    def parts(self, setting: Setting, seed: int) -> Parts:
        """Give the rows of a setting.

        Raises
        ------
        ValueError
            The file has changed, or is gone; or the rows cannot be learned.
        """
        of = self._known(setting)
        how = How(self.standardise, self.class_weights == "balanced", int(setting["split"]), seed)
        found = parts_of(of.path, self._asked, how)
        if found.digest != of.digest:
            raise ValueError(
                f"{of.path} has changed since the sweep was specified; bring back the file that it was, or "
                "specify the sweep anew, under another name where results of the other file are kept"
            )
        return found

    def draw(self, setting: Setting, labels: tuple[Any, ...], trials: range, seed: int) -> Trials:
        """Give the rows, the same for all trials."""
        parts = self.parts(setting, seed)
        targets = self._targets_of(parts.training, setting, len(trials))
        test = None
        if parts.test is not None:
            test = parts.test.inputs, self._targets_of(parts.test, setting, len(trials))
        return Trials(parts.training.inputs, targets, test, parts.weights)

    def _targets_of(self, part: Part, setting: Setting, n_trials: int) -> NDArray[np.float32]:
        values = part.targets if part.targets.shape[1] > 1 else part.targets[:, 0]
        if self.task == "classes" and setting["loss"] != "cross_entropy":
            values = 2 * values - 1
        return np.broadcast_to(values, (n_trials, *values.shape))

    @property
    def notes(self) -> Sequence[str]:
        """Count rows, inputs and classes of each table; say what is left out."""
        return [f"{label}: {of.in_words()}" for label, of in self.tables.items()]

    def check(self, seed: int) -> None:
        """Refuse rows that cannot be learned, and files that have changed."""
        for setting in self.settings():
            self.parts(setting, seed)

    def coordinates(self, seed: int) -> Mapping[str, Coordinate]:
        """Count the rows; say what is known of the columns, and of the classes."""
        rows = np.array([of.rows for of in self.tables.values()])
        found: dict[str, Coordinate] = {
            "rows": (("path",), rows, {"long_name": "training rows", "units": "1"}),
            "column": ("column", np.array(self._columns, object), {"long_name": "column of the table"}),
        }
        if self.has_test:
            test = np.array([of.test_rows for of in self.tables.values()])
            found["test_rows"] = (("path",), test, {"long_name": "test rows", "units": "1"})
        if self.standardise:
            found |= self._of_columns(seed)
        return found | (self._of_classes(seed) if self.has_classes else self._of_numbers(seed))

    @property
    def _columns(self) -> list[str]:
        names = ((*of.inputs, *of.targets) for of in self.tables.values())
        return list(dict.fromkeys(name for some in names for name in some))

    def _every_parts(self, seed: int) -> Iterator[tuple[tuple[int, int], Known, Parts]]:
        """Give the rows of every table and split, with the places of their labels."""
        for i, j in np.ndindex(len(self.path), len(self.split)):
            path = self.path[i]
            yield (i, j), self.tables[path], self.parts({"path": path, "split": self.split[j]}, seed)

    def _of_columns(self, seed: int) -> dict[str, Coordinate]:
        """Give means and deviations of the columns."""
        mean, deviation = np.full((2, len(self.path), len(self.split), len(self._columns)), np.nan)
        for at, of, parts in self._every_parts(seed):
            places = [self._columns.index(name) for name in (*of.inputs, *of.targets)]
            mean[at][places], deviation[at][places] = parts.mean, parts.deviation
        dims = ("path", "split", "column")
        words = "of the column in the training rows, which is"
        return {
            "column_mean": (dims, mean, {"long_name": f"mean {words} taken away"}),
            "column_deviation": (dims, deviation, {"long_name": f"deviation {words} divided by"}),
        }

    def _of_numbers(self, seed: int) -> dict[str, Coordinate]:
        """Give variances of the targets that networks see: the squared error of their mean."""
        variance = np.full((2, len(self.path), len(self.split)), np.nan)
        for at, _, parts in self._every_parts(seed):
            variance[(0, *at)] = parts.training.variance
            variance[(1, *at)] = parts.test.variance if parts.test else np.nan
        words = "variance of the targets as networks see them, mean over targets"
        names = ("target_variance", *(["test_target_variance"] if self.has_test else []))
        return {
            name: (("path", "split"), values, {"long_name": words + of, "units": "1"})
            for name, values, of in zip(names, variance, ("", ", in test rows"), strict=False)
        }

    def _of_classes(self, seed: int) -> dict[str, Coordinate]:
        """Give labels and rows of the classes of every target; none where there are fewer classes."""
        most = max(len(labels) for of in self.tables.values() for labels in of.classes)
        shape = (len(self.path), len(self.split), len(self._columns), most)
        labels, rows = np.full((shape[0], *shape[2:]), "", object), np.zeros((2, *shape), np.int64)
        for (i, j), of, parts in self._every_parts(seed):
            for place, (name, known_labels) in enumerate(zip(of.targets, of.classes, strict=True)):
                column = self._columns.index(name)
                labels[i, column, : len(known_labels)] = known_labels
                for k, part in enumerate((parts.training, parts.test)):
                    if part is not None:
                        rows[k, i, j, column] = np.bincount(
                            part.targets[:, place].astype(int), minlength=most
                        )
        dims = ("path", "split", "column", "class")
        found: dict[str, Coordinate] = {
            "class": ("class", np.arange(most), {"long_name": "number of the class"}),
            "class_label": (("path", "column", "class"), labels, {"long_name": "label of the class"}),
            "class_rows": (dims, rows[0], {"long_name": "training rows of the class", "units": "1"}),
        }
        if self.has_test:
            words = {"long_name": "test rows of the class", "units": "1"}
            found["class_test_rows"] = (dims, rows[1], words)
        return found
