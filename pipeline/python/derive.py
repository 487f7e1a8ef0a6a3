"""Something derived of stored networks, from Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import Any

import xarray as xr

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.python.results import groups
from relusweep.pipeline.python.runs import Where, run
from relusweep.pipeline.python.sweeps import Store
from relusweep.pipeline.report.stored import choose
from relusweep.pipeline.sweeps.derived.making import derived, kept_of, labels_of
from relusweep.pipeline.sweeps.derived.sweep import DerivedSweep
from relusweep.storage import specification_of

__all__ = ["derivation", "derive"]

Function = str | Callable[..., Any]
"""The name of a probe, the import path of code of the user's own, or that code, of a module."""


def derive(
    of: xr.Dataset | str,
    function: Function,
    /,
    store: Store | None = None,
    *,
    cluster: Where | None = None,
    workers: int | None = None,
    replace: bool = False,
    progress: bool = True,
    **asked: Any,
) -> xr.Dataset:
    """Compute a function of stored networks, and store what it gives in a group beside theirs.

    Call it again to go on after any stop, and to extend it to more networks.

    Parameters
    ----------
    of, function, store
        As for `relusweep.derivation`: which networks, what of them, and where they lie.
    cluster, workers, replace, progress
        As for `relusweep.run`.
    **asked
        The others of `relusweep.derivation`: ``name``, ``first_success``, ``imports``, and what the function
        takes, as ``at="end"`` for ``"regions"``.

    Returns
    -------
    xarray.Dataset
        The new group, as `relusweep.open` gives it.

    Raises
    ------
    relusweep.errors.InvalidSweep
        As `relusweep.derivation`.
    relusweep.errors.SpecificationChanged
        The store has something else under the name, and `replace` is false.

    Examples
    --------
    >>> import relusweep as rs
    >>> results = rs.open("results", "npn4")  # doctest: +SKIP
    >>> rs.derive(results.sel(width=[4, 8], leak=0.1), "margins")  # doctest: +SKIP
    """
    sweep = derivation(of, function, store, **asked)
    found: xr.Dataset = run(
        sweep, sweep.networks.store, cluster=cluster, workers=workers, replace=replace, progress=progress
    )  # type: ignore[assignment]  # of one group
    return found


def derivation(
    of: xr.Dataset | str,
    function: Function,
    /,
    store: Store | None = None,
    *,
    name: str | None = None,
    first_success: bool = False,
    imports: Collection[str] = (),
    **fields: Any,
) -> DerivedSweep:
    """Describe what `derive` computes, for `relusweep.plan` and `relusweep.run`.

    Parameters
    ----------
    of : xarray.Dataset or str
        A group of a training sweep as `relusweep.open` gives it, or a selection: of labels, or by ``where``,
        which leaves out the networks that have no value of any variable then; or its name.
    function : str or callable
        The name of a probe, as ``"jacobians"``; ``"module:name"`` or the thing itself, a subclass of `Probe`
        or a function with `relusweep.tasks.own_probe.declares`.
    store : path, optional
        Where the group lies; by default where `of` was opened.
    name : str, optional
        Of the new group, behind that of the networks and a dot; by default that of the function.
    first_success : bool
        Only the first trial of each setting that succeeded: one network of each.
    imports : collection of str
        Code of the user's own that the networks need, as an activation, and that may be imported.
    **fields
        What the function takes, as ``at="end"`` for ``"regions"``.

    Raises
    ------
    relusweep.errors.InvalidSweep
        There is no such function or field, the group holds no trained networks, or none of them is selected.

    Examples
    --------
    >>> import relusweep as rs
    >>> rs.plan(rs.derivation("npn4", "margins", "results"), "results")  # doctest: +SKIP
    """
    if isinstance(of, xr.Dataset):
        labels, kept, group = labels_of(of), kept_of(of), _group_of(of)
        place = store or of.encoding.get("source")
        if place is None:
            raise InvalidSweep(f"derive: where {group} lies is not known; give store=")
    else:
        if store is None:
            raise InvalidSweep(f"derive: say where {of} lies: give store=, or what rs.open gives")
        labels, kept, place = {}, None, store
        group = choose(os.fspath(store), of, groups(store))
    return derived(
        os.fspath(place),
        group,
        _path_of(function),
        fields,
        labels,
        kept=kept,
        name=name,
        first_success=first_success,
        imports=imports,
    )


def _group_of(dataset: xr.Dataset) -> str:
    from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

    fields = {key: value for key, value in specification_of(dataset.attrs).items() if value is not None}
    if "problem" not in fields:
        raise InvalidSweep("derive: no trained networks; give what rs.open gives of a training sweep")
    return TrainingSweep.model_validate(fields).group


def _path_of(function: Function) -> str:
    if isinstance(function, str):
        return function
    path = f"{function.__module__}:{function.__qualname__}"
    if function.__module__ == "__main__" or "<" in path:
        raise InvalidSweep(
            f"derive: {path} is of no module, and workers import it by name; put it into a file beside this "
            "one, and import it from there"
        )
    return path
