"""How a user names and changes a sweep: ``--set width=2..10``, or a YAML file on top of a named one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from relusweep._yaml import plain, read_yaml, read_yaml_file
from relusweep.pipeline.common.errors import InvalidSweep, UnknownSweep
from relusweep.pipeline.common.validation import explained, nearest
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.computed import ComputedSweep
from relusweep.pipeline.sweeps.kinds import quantity_class
from relusweep.pipeline.sweeps.merging import merged
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

__all__ = ["changed", "find_sweep", "override", "read_setting", "read_sweep", "sweep_of"]

S = TypeVar("S", bound=Sweep)
M = TypeVar("M", bound=BaseModel)

_NAMES = ", ".join(sorted(SWEEPS))


def find_sweep(name: str) -> Sweep:
    """Find a sweep by its name, or read it from a YAML file.

    Parameters
    ----------
    name : str
        A key of `relusweep.pipeline.sweeps.named.SWEEPS`, or the path of a file with ``base: <key>`` and the
        fields that differ; without a ``name`` the sweep is named after the file.

    Raises
    ------
    UnknownSweep
        Neither a named sweep nor a file.
    InvalidSweep
        The file is no YAML mapping, lacks ``base``, or holds something that the specification forbids.
    """
    if name.endswith((".yaml", ".yml")):
        return read_sweep(Path(name))
    if name not in SWEEPS:
        near = nearest(name, SWEEPS)
        raise UnknownSweep(f"no sweep {name!r}{near}; give {_NAMES} or a YAML file")
    return SWEEPS[name]


def override(sweep: S, settings: Iterable[str]) -> S:
    """Change fields of a sweep as the command line says.

    Parameters
    ----------
    sweep : Sweep
    settings : iterable of str
        ``field=value``, as ``trials=10``, ``width=2..10``, ``optimizer.learning_rate=0.01``;
        the last one of a field counts.

    Raises
    ------
    InvalidSweep
        A setting without ``=``, an unknown field, or a value that the specification forbids.
    """
    fields: dict[tuple[str, ...], tuple[str, Any]] = {}
    for setting in settings:
        path, equals, value = map(str.strip, setting.partition("="))
        if not path or not equals or not value:
            raise InvalidSweep(f"--set {setting}: write field=value, as --set trials=10")
        read = read_setting(path, value)
        fields[sweep.full_path(tuple(path.split(".")), read)] = path, read
    return changed(sweep, fields.values())


def read_setting(path: str, text: str) -> Any:
    """Read the value of a field: a list or a mapping as YAML writes it, and else the text as it stands."""
    if text[0] not in "[{":
        return plain(text)
    try:
        return read_yaml(text)
    except ValueError as error:
        raise InvalidSweep(f"--set {path}={text}{error}") from None


def changed(sweep: S, fields: Iterable[tuple[str, Any]]) -> S:
    """Change fields of a sweep.

    Parameters
    ----------
    sweep : Sweep
    fields : iterable of (str, value)
        Values as in YAML, or as the command line takes them; a part of a field is named by its path, as
        ``optimizer.learning_rate``, or given in a mapping.

    Raises
    ------
    InvalidSweep
        An unknown field, or a value that the specification forbids.
    """
    changes: dict[str, Any] = {}
    for path, value in fields:
        *parents, field = sweep.full_path(tuple(path.split(".")), value)
        place = changes
        for parent in parents:
            if not isinstance(place.setdefault(parent, {}), dict):
                raise InvalidSweep(f"{path}={value}: {parent} is set to {place[parent]!r} as well; give one")
            place = place[parent]
        if field in place:
            place[field] = _joined(path, place[field], value)
        else:
            place[field] = dict(value) if isinstance(value, Mapping) else value
    model, chosen = type(sweep.spec), {"engine"} - sweep.spec.model_fields_set  # chosen anew
    try:
        return sweep.with_spec(model.model_validate(merged(sweep.spec.model_dump(exclude=chosen), changes)))
    except ValidationError as error:
        raise InvalidSweep(explained(error, model)) from error


def _joined(path: str, held: Any, value: Any) -> Any:
    """Join what two names of one field say: different parts of it."""
    if isinstance(held, dict) and isinstance(value, Mapping) and held.keys().isdisjoint(value):
        return {**held, **value}
    twice = (
        f"parts of {path.split('.')[-1]} are set" if isinstance(held, dict) else "it is set by another name"
    )
    raise InvalidSweep(f"{path}={value}: {twice} as well; give one")


def sweep_of(fields: Mapping[str, Any], said_in: str) -> Sweep:
    """Make a sweep of a named one, ``base``, and the fields that differ, or of all fields of its own.

    With a ``problem`` it is a training sweep, with ``quantity``, a name, one of that.

    What is wrong begins with `said_in`.

    Raises
    ------
    InvalidSweep
        There is neither ``base``, ``problem`` nor ``quantity``, or something that the specification forbids.
    """
    if "problem" in fields and "base" not in fields:
        return _validated(TrainingSweep, fields, said_in)
    if "quantity" in fields and "base" not in fields:
        try:
            quantity = quantity_class(str(fields["quantity"]))
        except ValueError as error:
            raise InvalidSweep(f"{said_in}: {error}") from None
        others = {name: value for name, value in fields.items() if name != "quantity"}
        return ComputedSweep(_validated(quantity, others, said_in))
    base = str(fields.get("base"))
    if base not in SWEEPS:
        got = f"no sweep {base!r}{nearest(base, SWEEPS)}; " if "base" in fields else ""
        raise InvalidSweep(
            f"{said_in}: {got}give base: one of {_NAMES}, and the fields that differ; or a specification of "
            "its own: problem, network, protocol, probes, trials, or quantity and its fields"
        )
    try:
        return changed(SWEEPS[base], [(str(name), value) for name, value in fields.items() if name != "base"])
    except InvalidSweep as error:
        raise InvalidSweep(f"{said_in}: {error}") from None


def _validated(model: type[M], fields: Mapping[str, Any], said_in: str) -> M:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise InvalidSweep(f"{said_in}: {explained(error, model)}") from error


def read_sweep(path: Path) -> Sweep:
    """Read a sweep from a YAML file; see `find_sweep`."""
    try:
        fields = read_yaml_file(path)
    except OSError as error:
        raise UnknownSweep(f"cannot read the sweep {path}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidSweep(str(error)) from None
    return sweep_of({"name": path.stem, **fields} if isinstance(fields, dict) else {}, str(path))
