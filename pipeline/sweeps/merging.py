"""Changes of a specification, put into what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["merged"]


def merged(old: Any, value: Any) -> Any:
    """Change what a specification holds in one place.

    A mapping changes its own fields, unless it is of another kind; a name alone changes the kind. Where a
    list stood one value becomes a list of one: an axis stays one. ``none`` takes away what may be absent.
    """
    if isinstance(old, Mapping) and isinstance(value, Mapping):
        if "kind" in value and value["kind"] != old.get("kind"):
            return value
        return {**old, **{str(key): merged(old.get(key), new) for key, new in value.items()}}
    if value == "none":
        return None if old is None or isinstance(old, Mapping) else value
    if isinstance(old, Mapping) and isinstance(value, str):
        return {**old, "kind": value}
    if isinstance(old, list | tuple) and value is not None and not isinstance(value, list | tuple | Mapping):
        return [value]
    return value
