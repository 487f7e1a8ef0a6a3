"""Every field of a specification: what it means, what it holds, what it allows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel

from relusweep.tasks.axes import axes_of

__all__ = ["FieldRow", "field_rows"]

_MOST_LETTERS = 40


class FieldRow(NamedTuple):
    """A field.

    Attributes
    ----------
    path, value, meaning, allowed : str
    axis : bool
        Whether it takes a list, and is an axis then.
    """

    path: str
    value: str
    meaning: str
    allowed: str
    axis: bool


def field_rows(model: BaseModel, prefix: str = "") -> Iterator[FieldRow]:
    """List the fields of a model and of the models in it, with what they hold.

    Meanings are those of axes, and for other fields the first sentence of the class's docstring about them.
    """
    axes, words = axes_of(model), _meanings(type(model))
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from field_rows(value, f"{prefix}{name}.")
            continue
        axis = axes.get(name)
        yield FieldRow(
            prefix + name,
            _shortened(map(axis.written, value)) if axis and value is not None else _written(value),
            axis.long_name if axis else words.get(name, ""),
            field.description or _choices(field.annotation),
            axis is not None,
        )


def _written(value: Any) -> str:
    if isinstance(value, tuple | list):
        parts = [getattr(item, "kind", item) for item in value]
        return _shortened(map(str, parts)) if parts else "none"
    if isinstance(value, Mapping) and all(isinstance(item, BaseModel) for item in value.values()) and value:
        return _shortened(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    text = "none" if value in (None, {}) else str(value)
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"


def _shortened(parts: Iterable[str]) -> str:
    """Write a list; of a long one its ends and how many there are."""
    every = list(parts)
    text = ",".join(every)
    return text if len(text) <= _MOST_LETTERS else f"{every[0]},…,{every[-1]} ({len(every)})"


def _choices(annotation: Any) -> str:
    """Name the words that a type allows, or the fields of a model that may be left out."""
    inner = [annotation, *get_args(annotation)]
    if models := [kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)]:
        return f"none, or a mapping of {', '.join(models[0].model_fields)}"
    literals = [kind for kind in inner if get_origin(kind) is Literal]
    words = " or ".join(str(word) for kind in literals for word in get_args(kind))
    return words or ("true or false" if bool in inner else "")


def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """Read what numpydoc says of the attributes."""
    found: dict[str, str] = {}
    attribute = re.compile(r"^    (\w[\w, ]*) : .*\n((?:        .*\n)*)", re.MULTILINE)
    for kind in reversed(model.__mro__):
        for names, text in attribute.findall(kind.__doc__ or ""):
            sentence = " ".join(text.split()).partition(". ")[0].removesuffix(".").replace("`", "")
            found |= dict.fromkeys(re.split(r", ", names), sentence)
    return found
