"""What a user is told of a value that a specification does not allow, in one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from math import isnan
from reprlib import repr as shortened
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

__all__ = ["explained", "nearest"]

_MOST_SUGGESTED = 3
_LIKELY = 0.9  # so alike are a word and its plural: more likely meant than the same name elsewhere


def explained(error: ValidationError, model: type[BaseModel]) -> str:
    """Say of every field that is wrong what was got, what is allowed, and the nearest name.

    Parameters
    ----------
    error : ValidationError
    model : type
        The model that was to be made; its fields say in their descriptions what they allow.
    """
    return "; ".join(_explained(model, detail) for detail in error.errors())


def nearest(name: str, names: Iterable[str]) -> str:
    """Suggest those of some names, or of paths to them, that may be meant; nothing where none is near.

    Examples
    --------
    >>> nearest("widht", ["width", "depth"])
    "; did you mean 'width'?"
    >>> nearest("targets", ["target", "tables.targets"])
    "; did you mean 'target'?"
    >>> nearest("lr", ["epochs", "sgd.learning_rate", "adamw.learning_rate"])
    "; did you mean 'sgd.learning_rate' or 'adamw.learning_rate'?"
    """
    written = name.lower().replace("-", "_").strip("_")
    ends = {path: path.rpartition(".")[2] for path in names}
    alike = {written, *get_close_matches(written, list(dict.fromkeys(ends.values())), n=1)}
    least = min((path.count(".") for path in ends), default=0)
    beside = [path for path in ends if path.count(".") == least]
    likely = get_close_matches(written, [ends[path] for path in beside], n=1, cutoff=_LIKELY)
    found = [path for path in beside if ends[path] in likely]
    found = found or [path for path, end in ends.items() if end.lower() == written]
    found = found or [path for path, end in ends.items() if "_" in end and _initials(end) == written]
    found = found or [path for path, end in ends.items() if end in alike]
    return f"; did you mean {' or '.join(map(repr, found[:_MOST_SUGGESTED]))}?" if found else ""


def _initials(name: str) -> str:
    return "".join(word[:1] for word in name.split("_"))


def _explained(model: type[BaseModel], detail: ErrorDetails) -> str:
    named = [part for part in detail["loc"] if isinstance(part, str)]
    if not named:  # of the whole: it says itself what is wrong
        return detail["msg"].removeprefix("Value error, ")
    *parents, field = named
    fields: Mapping[str, FieldInfo] = model.model_fields
    for parent in parents:
        fields = _fields_within(fields.get(parent), fields)
    path = ".".join([*parents, field])
    if detail["type"] == "extra_forbidden":
        if instead := getattr(model, "instead", {}).get(path):
            return f"no field {path!r}: {instead}"
        names = [".".join([*parents, name]) for name in _paths(fields)]
        return f"no field {path!r}{nearest(field, names)}; there are {', '.join(fields)}"
    reason = _reason(detail)
    if detail["type"] == "value_error" and isinstance(detail["input"], Mapping | list):
        return f"{path}: {reason}"  # of a part, which says itself what is wrong
    allowed = fields[field].description if field in fields else None
    return f"{_got(path, detail)}: {reason}" + (f" (allowed: {allowed})" if allowed else "")


def _got(path: str, detail: ErrorDetails) -> str:
    if detail["type"] == "missing":
        return path
    if detail["input"] is None:  # which an empty text means too, on the command line and in YAML
        return f"{path} = none, or empty"
    return f"{path} = {shortened(detail['input'])}"


def _reason(detail: ErrorDetails) -> str:
    if detail["type"] == "string_pattern_mismatch":
        return "has another form"
    if isinstance(detail["input"], float) and isnan(detail["input"]):  # of which no comparison holds
        return "must be a number"
    words = detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    words = words.replace("a valid string", "a text")
    if detail["type"].startswith(("less_than", "greater_than")):  # 1e30 with all of its digits
        words = re.sub(r"\d{16,}", lambda digits: f"{float(digits[0]):g}", words)
    return words


def _paths(fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    """Name fields, and by their paths those of the models in them."""
    for name, field in fields.items():
        yield name
        within = _fields_within(field, {})
        yield from (f"{name}.{inner}" for inner in _paths(within))


def _fields_within(field: FieldInfo | None, fields: Mapping[str, FieldInfo]) -> Mapping[str, FieldInfo]:
    """Find the fields of a model that a field holds, by itself or by name; the name itself leads nowhere."""
    held = [field.annotation, *get_args(field.annotation)] if field else []
    models = [model for model in held if isinstance(model, type) and issubclass(model, BaseModel)]
    return models[0].model_fields if models else fields
