"""How users say what is derived of which networks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from pydantic import ValidationError

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.common.validation import explained, nearest
from relusweep.pipeline.sweeps.derived.pairs import DerivedPairs
from relusweep.pipeline.sweeps.derived.source import Source
from relusweep.pipeline.sweeps.derived.sweep import Derivation, DerivedSweep
from relusweep.pipeline.sweeps.kinds import comparison_kinds, probe_class, probe_kinds
from relusweep.pipeline.sweeps.overrides import read_setting
from relusweep.pipeline.sweeps.training.again import sweep_of_results
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.storage import resolve
from relusweep.storage.repository import in_full
from relusweep.tasks import own
from relusweep.tasks.own_probe import compares_pairs
from relusweep.tasks.pairs import Comparison
from relusweep.tasks.probes._epochs import ProbeOfEpochs

__all__ = ["derived", "kept_of", "labels_of", "read_fields"]


def derived(
    store: str,
    group: str,
    function: str,
    fields: Mapping[str, Any],
    labels: Mapping[str, Any],
    *,
    kept: xr.DataArray | None = None,
    name: str | None = None,
    first_success: bool = False,
    imports: Collection[str] = (),
) -> DerivedSweep:
    """Describe what is to be derived of networks of a group.

    Parameters
    ----------
    store, group : str
    function : str
        Name of a probe, or ``module:name``.
    fields : mapping
        Of the function.
    labels : mapping of str to label or list
        Which networks, along some axes; of the others all.
    kept : xarray.DataArray, optional
        Which of these networks, as `kept_of` gives it; by default all.
    name : str, optional
        Of the new group, behind that of the networks and a dot; by default that of the function.
    first_success : bool
        Whether only the first network of each setting that succeeded is looked at.
    imports : collection of str
        Code of the user's own that the networks need, and that may be imported.

    Raises
    ------
    relusweep.errors.InvalidSweep
        The group is of other than trained networks, there is no such function, or it has no such field.
    """
    networks = Source(in_full(store), group, resolve(store, "newest"))
    source = _sweep_of(networks, imports)
    if strangers := set(labels) - set(source.axes):
        one, there = min(strangers), ", ".join(source.axes)
        raise InvalidSweep(f"{group} has no axis {one}{nearest(one, source.axes)}; there are {there}")
    _check_chosen(source, labels)
    chosen = {dim: _listed(values, dim in source.fixed) for dim, values in source.axes.items()} | dict(labels)
    try:
        spec = Derivation(
            name=name or function.rpartition(":")[2],
            source=source,
            labels=chosen,
            first_success=first_success,
            function={function: _fields_of(function, fields)},  # type: ignore[arg-type]  # validated
        )
    except ValidationError as error:
        raise InvalidSweep(f"derive {function}: {explained(error, Derivation)}") from error
    kind = DerivedPairs if isinstance(spec.function, Comparison) else DerivedSweep
    sweep = kind(spec, networks)
    return sweep if kept is None else replace(sweep, kept=_along(sweep.network_axes, kept))


def _check_chosen(source: TrainingSweep, labels: Mapping[str, Any]) -> None:
    """Refuse a selection that does not say by labels which networks it is of, or has none."""
    if empty := [dim for dim, some in labels.items() if some == []]:
        raise InvalidSweep(f"derive: no networks are selected: {empty[0]} has 0 labels; select at least one")
    several = [dim for dim, values in source.axes.items() if len(values) > 1]
    if labels and (lost := [dim for dim in several if dim not in labels]):
        raise InvalidSweep(
            f"derive: the dataset does not say along {lost[0]} which networks are asked for; give the group, "
            "or labels of each axis, as sel and isel leave them. Of networks here and there, as after stack, "
            "derive of all these labels, and select of what comes"
        )


def _fields_of(function: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Complete the fields: probes of epochs look at the end, code of the user's own may be of pairs.

    Raises
    ------
    relusweep.errors.InvalidSweep
        There is no such function.
    """
    if own.is_path(function):  # which the user has written
        try:
            return {**fields, **({"pairs": True} if compares_pairs(function) else {})}
        except own.OwnCodeError as error:
            raise InvalidSweep(f"derive: {error}") from None
    known = (*probe_kinds(), *comparison_kinds())
    if function not in known:
        there = ", ".join(known)
        raise InvalidSweep(f"derive: no function {function!r}{nearest(function, known)}; there are {there}")
    of_epochs = function in probe_kinds() and issubclass(probe_class(function), ProbeOfEpochs)
    chosen = {"every", "per_decade", "at"} & set(fields)
    return {**fields, **({"at": "end"} if of_epochs and not chosen else {})}


def labels_of(dataset: xr.Dataset) -> dict[str, Any]:
    """Give the labels that a selection of a group has along each axis; one that was selected as a label."""
    return {
        str(name): array.values.tolist()
        for name, array in dataset.coords.items()
        if array.dims in ((), (name,)) and "part" in array.attrs
    }


def kept_of(dataset: xr.Dataset) -> xr.DataArray | None:
    """Tell which networks of a selection are not masked, as by ``where``; None where none is.

    A masked network has no value of any variable. Whole numbers cannot be masked, ``done`` neither.

    Raises
    ------
    relusweep.errors.InvalidSweep
        All are.
    """
    axes = labels_of(dataset)
    some = dataset[["done"]] if "done" in dataset else dataset
    if not some.data_vars or any(array.dtype.kind in "biu" for array in some.data_vars.values()):
        return None
    of_each = [
        array.notnull().any([dim for dim in array.dims if dim not in axes])  # noqa: PD004  (of xarray)
        for array in some.data_vars.values()
    ]
    kept: xr.DataArray = reduce(or_, of_each).compute()
    if not kept.any():
        raise InvalidSweep("derive: no networks are selected: all of them are masked; keep at least one")
    return kept


def _along(axes: Mapping[str, NDArray[Any]], kept: xr.DataArray) -> NDArray[np.bool_]:
    """Lay what is kept along axes, of length one where it does not matter."""
    dims = [dim for dim in axes if dim in kept.dims]
    places = [kept.get_index(dim).get_indexer(pd.Index(axes[dim])) for dim in dims]
    values = kept.transpose(*dims).to_numpy()[np.ix_(*places)]
    return values.reshape([len(labels) if dim in dims else 1 for dim, labels in axes.items()])


def read_fields(settings: Collection[str]) -> dict[str, Any]:
    """Read ``field=value`` as fields of a function."""
    found: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = map(str.strip, setting.partition("="))
        if not name or not equals or not value:
            raise InvalidSweep(f"--set {setting}: write field=value, as --set at=end")
        found[name] = read_setting(name, value)
    return found


def _sweep_of(networks: Source, imports: Collection[str]) -> TrainingSweep:
    if networks.dataset.attrs.get("kind") != "training":
        raise InvalidSweep(
            f"{networks.group} holds no trained networks; functions are derived of sweeps that train, as npn4"
        )
    sweep = sweep_of_results(networks.dataset, imports)
    return sweep.reaching(networks.dataset["trial"].size)


def _listed(values: NDArray[Any], is_fixed: bool) -> Any:
    return values.tolist()[0] if is_fixed else values.tolist()
