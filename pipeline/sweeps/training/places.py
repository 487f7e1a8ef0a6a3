"""Where the axes of a specification stand, and how flat names find their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from relusweep.pipeline.common.validation import nearest
from relusweep.tasks.axes import Axis, axes_of, is_later

__all__ = ["Place", "full_path", "places", "spread"]


class Place(NamedTuple):
    """An axis of a specification.

    Attributes
    ----------
    part : str
        ``problem``, ``network`` or ``protocol``.
    path : tuple of str
        Names of the fields that lead to it, the part first.
    axis : Axis
    labels : tuple
    later : bool
        Whether specifications of earlier versions lack it; see `relusweep.tasks.axes.LATER`.
    """

    part: str
    path: tuple[str, ...]
    axis: Axis
    labels: tuple[Any, ...]
    later: bool


def places(model: BaseModel, *path: str) -> dict[str, Place]:
    """Find the axes of a part of a specification, and of the models in it, by dimension."""
    found: dict[str, Place] = {}
    marks = axes_of(model)
    for name in type(model).model_fields:
        value = getattr(model, name)
        if name in marks and value is not None:
            later = is_later(model, name)
            found[marks[name].dim or name] = Place(path[0], (*path, name), marks[name], value, later)
        elif isinstance(value, BaseModel):
            found |= places(value, *path, name)
    return found


def spread(fields: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Put fields that are named alone where they belong: ``width`` into ``network``.

    The part that a name is looked for in is the problem of the given kind, then network and protocol. A field
    that holds a list stays a list when it gets one value.
    """
    own = model.model_fields
    placed = {str(name): value for name, value in fields.items() if name in own}
    known: dict[str, tuple[str, ...]] = {}
    for name, path in _all_named(model, placed.get("problem")):
        known.setdefault(name, path)
    for name, value in fields.items():
        if name in own:
            continue
        if name not in known:
            names = [*own, *known]
            raise ValueError(
                f"no field {str(name)!r}{nearest(str(name), names)}; there are {', '.join(names)}"
            )
        placed = _put(placed, known[name], value)
    return placed


def full_path(path: tuple[str, ...], value: Any, model: type[BaseModel], problem: Any) -> tuple[str, ...]:
    """Give the path from the root of what is named by its last parts; an optimiser's name is its kind."""
    named = list(_all_named(model, problem))
    first, *rest = path
    if first not in model.model_fields:
        first, *within = next((place for name, place in named if name == first), (first,))
        rest = [*within, *rest]
    whole = (first, *rest)
    kinds = {place for _, place in named if place == (*whole, "kind")}
    return whole if isinstance(value, Mapping) else next(iter(kinds), whole)


def _all_named(model: type[BaseModel], problem: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    from relusweep.pipeline.sweeps.kinds import problem_class

    roots: dict[str, Any] = {"problem": problem_class(problem)}
    roots |= {part: model.model_fields[part].annotation for part in ("network", "protocol")}
    for part, root in roots.items():
        yield from _named(root, part) if root else ()


def _named(model: type[BaseModel], *path: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    marks = axes_of(model)
    for name, field in model.model_fields.items():
        inside = [t for t in (field.annotation, *get_args(field.annotation)) if _is_model(t)]
        if inside:
            yield name, (*path, name)
            yield from _named(inside[0], *path, name)
        elif name != "kind" or name in marks:
            yield (marks[name].dim or name) if name in marks else name, (*path, name)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _put(fields: Any, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    name, *rest = path
    if not rest and isinstance(fields, Mapping) and name in fields:
        raise ValueError(f"{name} is given twice, alone and within what it is a part of; leave one")
    held = dict(fields) if isinstance(fields, Mapping) else {} if fields is None else {"kind": fields}
    held[name] = _put(held.get(name), tuple(rest), value) if rest else value
    return held
