"""Sweeps from Python: named, changed, checked, planned."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relusweep._yaml import plain
from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import changed, find_sweep, read_sweep, sweep_of

if TYPE_CHECKING:
    from relusweep.pipeline.planning.run_plan import RunPlan

__all__ = ["Base", "Store", "plan", "sweep", "sweeps"]

Base = str | PathLike[str] | Mapping[str, Any] | Sweep
"""What a sweep is made of; see `sweep`."""

Store = str | PathLike[str]
"""A directory, or ``s3://bucket/prefix``."""


def sweep(base: Base, /, **fields: Any) -> Sweep:
    """Describe a sweep: a named one, with some fields changed.

    Parameters
    ----------
    base : str, path, Mapping or Sweep
        The name of a sweep, as ``"npn4"``; the path of a YAML file; what such a file holds, a mapping with
        ``base`` and the fields that differ; or a sweep, to change it.
    **fields
        Fields to change. Values may be numbers, lists, ranges and arrays, or what the command line takes:
        ``width=[2, 3]``, ``width=range(2, 11)``, ``width="2..10"``. A part of a field is given in a mapping,
        ``optimizer={"learning_rate": 0.01}``, or by its path, ``**{"optimizer.learning_rate": 0.01}``.

    Returns
    -------
    Sweep
        What `run`, `plan` and `report` take. It cannot be changed; its fields are its attributes.

    Raises
    ------
    relusweep.errors.UnknownSweep
        There is no sweep of that name, or no such file.
    relusweep.errors.InvalidSweep
        There is no such field, or it does not allow this value; the message says what is allowed.

    Examples
    --------
    >>> import relusweep as rs
    >>> small = rs.sweep("npn4", trials=10, width=[2, 3])
    >>> small.group, f"{small.n_cells:,} {small.unit}"
    ('boolean/npn4', '44,400 networks')
    >>> rs.sweep(small, trials=20, optimizer={"learning_rate": 0.01}).trials
    20
    >>> rs.sweep("npn4", trials=0)
    Traceback (most recent call last):
    relusweep.pipeline.common.errors.InvalidSweep: trials = 0: must be greater than 0 (allowed: a whole \
number of at least 1, or {most: 100000, until: first_success or {half_width: 0.01}})
    """
    return changed(_base(base), [(field, _plain(value)) for field, value in fields.items()])


def sweeps() -> list[str]:
    """List the names of the sweeps that come with relusweep.

    Examples
    --------
    >>> import relusweep as rs
    >>> "npn4" in rs.sweeps()
    True
    """
    return list(SWEEPS)


def plan(of: Base, store: Store, *, replace: bool = False) -> RunPlan:
    """Show what a run would do: axes, networks, blocks, bytes, time, and what the store already has.

    Parameters
    ----------
    of, store, replace
        As for `relusweep.run`; the store need not exist.

    Returns
    -------
    RunPlan
        A table, on a terminal and in a notebook.

    Raises
    ------
    relusweep.errors.SpecificationChanged
        The store has results of another specification under the name, and `replace` is false.

    Examples
    --------
    >>> import relusweep as rs
    >>> rs.plan(rs.sweep("npn2", width=[2, 4], depth=1, trials=10), "none")  # doctest: +ELLIPSIS
    boolean/npn2 in none
      problem       0, 1, 3, 6
      leak          0, 0.1
      width         2, 4
      depth         1
      trial         0 to 9
      fixed         n_inputs 2, activation relu, init he_normal, bias uniform, loss bce, optimizer adam,
                    learning_rate 0.025, beta1 0.9, beta2 0.999, epsilon 1e-08, momentum 0, batch all,
                    epochs 4000, stop first_success, success 1
      asked for     160 networks
      in the store  0
      to train      160, in 4 blocks
      longest       problems 0 to 6, leak 0.0, width 2, trials 0 to 9: 40 networks
      bytes         3.125 KiB before compression
      memory        about 11.79 KiB in the largest task
      time          roughly 1 s for the tasks alone on ...
    <BLANKLINE>
    what each value adds
      axis   value  networks  time
      leak   0      80        65.7%
      leak   0.1    80        34.3%
      width  2      80        71.4%
      width  4      80        28.6%
    """
    from relusweep.pipeline.planning.plan import plans
    from relusweep.pipeline.planning.run_plan import RunPlan

    return RunPlan(fspath(store), plans(sweep(of), fspath(store), replace=replace))


def _base(base: Base) -> Sweep:
    if isinstance(base, Sweep):
        return base
    if isinstance(base, Mapping):
        return sweep_of(_plain(base), "a sweep as a mapping")
    if isinstance(base, str):
        return find_sweep(base)
    if isinstance(base, PathLike):
        return read_sweep(Path(base))
    raise InvalidSweep(f"a sweep is made of a name, a path, a mapping or another sweep, not of {base!r}")


def _plain(value: Any) -> Any:
    """Turn ranges, sets and arrays into lists, and their numbers into Python's."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, range | set | frozenset | list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, PathLike):
        return str(value)
    if isinstance(value, str):
        return plain(value)  # as on the command line
    return value.tolist() if hasattr(value, "tolist") else value
