"""What a specification asks of a table."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Asked", "Drop", "Known", "OfColumn", "TestRows"]

Drop = Literal["missing", "constant", "text", "rare"]


class OfColumn(BaseModel):
    """Test rows named by a column.

    Attributes
    ----------
    column : str
        It is no input then.
    label : str
        What it holds in test rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    column: str
    label: str = "test"


TestRows = float | OfColumn | tuple[int, ...] | None
"""A share of the rows, what a column says, numbers of rows from 0 in the order of the file, or none."""


class Asked(NamedTuple):
    """Which columns and rows are asked for.

    Attributes
    ----------
    target, inputs : tuple of str
        Columns, or arrays of several; no inputs mean all other columns.
    task : {'regression', 'classes'}
    test : TestRows
    weights : str, optional
        A column.
    drop : tuple of {'missing', 'constant', 'text', 'rare'}
        What is left out; all else that cannot be learned is refused.
    """

    target: tuple[str, ...]
    inputs: tuple[str, ...]
    task: Literal["regression", "classes"]
    test: TestRows
    weights: str | None
    drop: tuple[Drop, ...]

    @property
    def digest(self) -> str:
        """A short name of it."""
        test = self.test.model_dump() if isinstance(self.test, OfColumn) else self.test
        said = {name: value for name, value in self._replace(test=None)._asdict().items() if value}
        text = json.dumps({**said, "test": test}, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class Known(BaseModel):
    """What a specification knows of a table, without reading it.

    Attributes
    ----------
    path : str
        Where it lies, absolute.
    digest : str
        Of what the columns that are used hold.
    asked : str
        Digest of what was asked when it was read.
    rows, test_rows : int
        For training, and further ones.
    inputs, targets : tuple of str
        Columns.
    classes : tuple of tuple of str
        Labels of the classes of each target; none of regression.
    left_out : tuple of str
        What was left out, in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    digest: str
    asked: str
    rows: Annotated[int, Field(ge=1)]
    test_rows: Annotated[int, Field(ge=0)]
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    classes: tuple[tuple[str, ...], ...] = ()
    left_out: tuple[str, ...] = ()

    def in_words(self) -> str:
        """Count rows, inputs and classes; say what was left out."""
        named = zip(self.targets, self.classes, strict=False)
        classes = "".join(f", {len(labels)} classes of {name}" for name, labels in named)
        test = f", {self.test_rows:,} for the test" if self.test_rows else ""
        left_out = f"; left out: {'; '.join(self.left_out)}" if self.left_out else ""
        return f"{self.rows:,} rows for training{test}; {len(self.inputs)} inputs{classes}{left_out}"

    def identity(self) -> dict[str, Any]:
        """Give what decides the numbers: wherever the file lies."""
        return self.model_dump(mode="json", exclude={"path", "asked", "left_out"})
