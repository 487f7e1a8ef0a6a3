"""Fields of a specification that are axes: one value, or a list of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Annotated, Any, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    BeforeValidator,
    GetCoreSchemaHandler,
    SerializerFunctionWrapHandler,
    model_serializer,
)
from pydantic_core import CoreSchema, core_schema

from relusweep._yaml import number

__all__ = [
    "LATER",
    "Axis",
    "Fixed",
    "Later",
    "WithAxes",
    "axes_of",
    "fixed",
    "is_fixed",
    "is_later",
    "label_array",
    "listed",
]

T = TypeVar("T")


class Fixed(tuple[T, ...]):
    """The label of an axis that was given as one value: it opens as a scalar coordinate."""

    __slots__ = ()


def fixed(value: T) -> Fixed[T]:
    """Give an axis its only label."""
    return Fixed((value,))


def is_fixed(labels: object) -> bool:
    """Whether an axis was given as one value, rather than as a list."""
    return isinstance(labels, Fixed)


_MOST_LABELS = 1_000_000


@dataclass(frozen=True)
class Axis:
    """Marks a field ``tuple[T, ...]`` that may be written as one value or as a list: `Annotated` with it.

    Labels are kept ascending, each once. A field ``tuple[T, ...] | None`` is no axis while it is None; see
    `LATER`.

    Attributes
    ----------
    long_name : str
        What the labels are.
    units : str, optional
    comment : str, optional
    words : mapping of str to label
        Words that stand for labels, as ``all`` for 0.
    dim : str, optional
        Name of the dimension, where it is not that of the field.
    """

    long_name: str
    units: str | None = "1"
    comment: str | None = None
    words: tuple[tuple[str, Any], ...] = ()
    dim: str | None = None

    @property
    def attrs(self) -> dict[str, str]:
        """Attributes of the coordinate."""
        known = {"long_name": self.long_name, "units": self.units, "comment": self.comment}
        return {name: value for name, value in known.items() if value is not None}

    def written(self, label: Any) -> str:
        """Write a label as a specification may."""
        words = {value: word for word, value in self.words}
        short = f"{label:g}" if isinstance(label, float) else ""
        return words.get(label) or (short if short and float(short) == label else str(label))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate the labels one by one; dump one value, or a list."""
        optional = type(None) in get_args(source)
        if optional:
            (source,) = (kind for kind in get_args(source) if kind is not type(None))
        (inner, *_) = get_args(source)
        kind = getattr(inner, "__origin__", inner)
        if kind in (int, float):
            source = tuple[Annotated[inner, BeforeValidator(number)], ...]  # type: ignore[valid-type]  # made here

        def read(value: object, validate: core_schema.ValidatorFunctionWrapHandler) -> tuple[Any, ...] | None:
            if optional and (value is None or value == "none"):
                return None
            items = listed(value, any_number=kind is float)
            if not items:
                raise ValueError("must hold at least 1 item")
            words = dict(self.words)
            labels = validate([words.get(item, item) if isinstance(item, str) else item for item in items])
            one = len(items) == 1 and not (isinstance(value, list | tuple) and not isinstance(value, Fixed))
            return fixed(labels[0]) if one else tuple(sorted(set(labels)))

        def write(labels: tuple[Any, ...] | None) -> Any:
            return None if labels is None else labels[0] if is_fixed(labels) else list(labels)

        return core_schema.no_info_wrap_validator_function(
            read, handler(source), serialization=core_schema.plain_serializer_function_ser_schema(write)
        )


_WHOLE = r"\s*(0|[1-9][0-9]*)\s*"


def listed(value: object, *, any_number: bool = False) -> list[object]:
    """Read ``2,3`` and ``2..10``, and lists; whether the items are numbers is for the field to check.

    A comma within brackets does not part: ``max(x, y), x`` are two items.
    Where the field takes `any_number`, ``0..1`` would leave out what lies between, and is refused.
    """
    if isinstance(value, str):
        items: list[object] = []
        for part in _parts(value):
            span = re.fullmatch(rf"{_WHOLE}\.\.{_WHOLE}", part)
            if span and any_number:
                raise ValueError(f"{part.strip()} counts whole numbers; write each, as 0,0.5,1")
            items.extend(_between(int(span[1]), int(span[2])) if span else [type(value)(part.strip())])
        return items
    if isinstance(value, list | tuple):
        parts = (listed(item, any_number=any_number) if isinstance(item, str) else [item] for item in value)
        return [one for part in parts for one in part]
    return [value]


def _parts(text: str) -> list[str]:
    """Part a text at its commas, but for those within brackets."""
    depths = accumulate((letter == "(") - (letter == ")") for letter in text)
    commas = [at for at, depth in enumerate(depths) if text[at] == "," and depth <= 0]
    return [text[a + 1 : b] for a, b in pairwise([-1, *commas, len(text)])]


def _between(first: int, last: int) -> range:
    if last < first:
        raise ValueError(f"{first}..{last} must rise; write {last}..{first}")
    if last - first >= _MOST_LABELS:
        raise ValueError(f"{first}..{last} holds more than {_MOST_LABELS:,} numbers")
    return range(first, last + 1)


def axes_of(model: BaseModel | type[BaseModel]) -> dict[str, Axis]:
    """Find the fields of a model that are axes, in their order."""
    fields = (model if isinstance(model, type) else type(model)).model_fields
    marks = {
        name: [mark for mark in field.metadata if isinstance(mark, Axis)] for name, field in fields.items()
    }
    return {name: found[0] for name, found in marks.items() if found}


class Later:
    """Marks a field that specifications of earlier versions lack: `Annotated` with `LATER`, None by default.

    While it is None it is not written, and an axis is no dimension: earlier specifications, their
    fingerprints and their groups stay what they are. It cannot become an axis of a group that is stored.
    """


LATER = Later()


def is_later(model: BaseModel | type[BaseModel], name: str) -> bool:
    """Tell whether a field is marked by `LATER`."""
    fields = (model if isinstance(model, type) else type(model)).model_fields
    return name in fields and LATER in fields[name].metadata


class WithAxes(BaseModel):
    """A part of a specification, some fields of which are axes."""

    @model_serializer(mode="wrap")
    def _without_what_is_later(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written = write(self)
        return {
            name: value for name, value in written.items() if value is not None or not is_later(self, name)
        }


def label_array(labels: tuple[Any, ...]) -> NDArray[Any]:
    """Give the labels of an axis as an array: text as objects, which the store needs."""
    return np.array(labels, object) if isinstance(labels[0], str) else np.array(labels)


Setting = Mapping[str, Any]
"""One label of every axis but the problems and the trials."""
