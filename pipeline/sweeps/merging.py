"""Changes of a specification, put into what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["merged"]


def merged(old: Any, value: Any) -> Any:
    """Change what a specification holds in one place.

    A mapping changes its own fields, unless it is a problem of another kind; a name alone changes the kind.
    Where a list stood one value becomes a list of one: an axis stays one. ``none`` takes away what may be
    absent.
    """
    if isinstance(old, Mapping) and isinstance(value, Mapping):
        anew = [key for key in value if key == "problem" and _is_of_another_kind(old.get(key), value[key])]
        changed = {str(key): merged(old.get(key), new) for key, new in value.items() if key not in anew}
        return {**old, **changed, **{key: value[key] for key in anew}}
    if value == "none":
        return None if old is None or isinstance(old, Mapping) else value
    if isinstance(old, Mapping) and isinstance(value, str) and "kind" in old:
        return {**old, "kind": value}
    if isinstance(old, list | tuple) and value is not None and not isinstance(value, list | tuple | Mapping):
        return [value]
    return value


def _is_of_another_kind(old: Any, value: Any) -> bool:
    both = isinstance(old, Mapping) and isinstance(value, Mapping)
    return both and value.get("kind", old.get("kind")) != old.get("kind")
