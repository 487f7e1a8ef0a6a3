"""What a group of results says of its sweep, also where somebody has overwritten it since."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import icechunk
import zarr

from relusweep.storage.repository import Url, open_repository

__all__ = ["attributes_of", "parsed", "specification_of"]

_log = logging.getLogger(__name__)


def specification_of(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Read the specification among the attributes of a group; empty where none can be read."""
    return parsed(attrs) or {}


def parsed(attrs: Mapping[Any, Any]) -> dict[str, Any] | None:
    """Read the specification among the attributes of a group; None where it is no JSON object."""
    known = attrs.get("specification")
    try:
        known = json.loads(known) if isinstance(known, str) else known
    except ValueError:
        return None
    return dict(known) if isinstance(known, Mapping) else None


def attributes_of(url: Url, session: icechunk.Session, path: str, attrs: Mapping[Any, Any]) -> dict[Any, Any]:
    """Give the attributes of a group of results; of an earlier version where they name no specification.

    ``Dataset.to_zarr(mode="a")``, with which others add arrays to a group, replaces its attributes.

    Parameters
    ----------
    url
        Of the store.
    session : icechunk.Session
        Of the version that is read.
    path : str
        Of the group.
    attrs
        As they are stored in that version.
    """
    if "name" in specification_of(attrs):
        return dict(attrs)
    repository = open_repository(url)
    for info in repository.ancestry(snapshot_id=session.snapshot_id):
        earlier = repository.readonly_session(snapshot_id=info.id)
        try:
            before = dict(zarr.open_group(earlier.store, path=path, mode="r").attrs)
        except FileNotFoundError:  # the group began later
            break
        if "name" in specification_of(before):
            _log.warning("the attributes of %s were overwritten: those of version %s hold", path, info.id)
            return {**before, **{name: value for name, value in attrs.items() if name not in before}}
    return dict(attrs)
