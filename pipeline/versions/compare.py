"""What two versions of a store hold of a sweep, beside each other: which cells differ, and by how much."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from relusweep.pipeline.common.engine import as_opened
from relusweep.pipeline.common.errors import IncomparableVersions
from relusweep.pipeline.common.run_facts import run_facts
from relusweep.pipeline.report.stored import choose, names_in
from relusweep.pipeline.sweeps.specification import Difference, difference
from relusweep.pipeline.versions.bits import ADDED, CHANGED, REMOVED, SAME, Cells, compare_variable
from relusweep.pipeline.versions.success import compare_success
from relusweep.storage import (
    ChangedChunks,
    StoreNotFound,
    UnknownVersion,
    changed_chunks,
    contents,
    history,
    open_dataset,
    resolve,
    specification_of,
)

__all__ = ["compare", "group_of"]

_log = logging.getLogger(__name__)

_MEANINGS = {
    "dtype": "type of the numbers",
    "same": "numbers of the same bits in both versions",
    "changed": "numbers of other bits",
    "added": "numbers that only b has",
    "removed": "numbers that only a has",
    "largest_absolute": "largest difference of those changed",
    "largest_relative": "largest difference, relative to the larger of the two numbers",
    "undefined": "numbers that turned to or from NaN",
    "chunks_read": "chunks of the store that were read",
    "chunks_skipped": "chunks that nobody wrote between the versions",
}
_COUNTED = {"same": SAME, "changed": CHANGED, "added": ADDED, "removed": REMOVED}


def compare(store: str, a: str, b: str, group: str, *, level: float = 0.05) -> xr.Dataset:
    """Compare what two versions hold of a sweep, bit for bit, and its rates of success by tests.

    Only chunks that were written between the versions are read, one at a time; of all cells, some bytes each
    are held in memory.

    Parameters
    ----------
    store : str
        Path or ``s3://bucket/prefix``.
    a, b : str
        Versions as `relusweep.storage.resolve` takes them: tags, ids, dates, ``"newest"``.
    group : str
        A group such as ``boolean/npn4``, or one whose groups are the stages of a sweep: ``images/mnist``.
    level : float
        Of significance.

    Returns
    -------
    xarray.Dataset
        Along ``variable`` (of stages, as ``training/test_loss``): how many elements are ``same``,
        ``changed``, ``added`` and ``removed``; ``largest_absolute``, ``largest_relative``, ``undefined``
        (turned to or from NaN); ``chunks_read``, ``chunks_skipped``; and along the first dimension of the
        cells too, the ``largest_change``.

        Of a group: ``status`` of every cell (flags). Of one with rates, over all dimensions but ``trial``:
        ``networks_a``, ``networks_b`` (that ran), ``rate_a``, ``rate_b`` (of those compared: of the pairs,
        where both have the same seed), ``difference`` with its 95 % interval from ``low`` to ``high``,
        ``a_alone``, ``b_alone`` (pairs of which one alone succeeded), ``test`` (flags), ``p_value``,
        ``q_value``, ``significant``; and these again, as ``size_...``, of all problems together.

        Attributes: ``n_same_cells``, ``n_changed_cells``, ``n_added_cells``, ``n_removed_cells``,
        ``n_tested``, ``n_significant``, ``n_significant_sizes``; ``a``, ``b``, ``a_id``, ``b_id``,
        ``a_written``, ``b_written``, ``store``, ``group``, ``kind``, ``title``, ``level``, ``paired``; and as
        JSON ``specification_difference``, ``versions_difference``, ``machine_difference``: lists of field,
        value in `a` and value in `b`.

    Raises
    ------
    relusweep.storage.StoreNotFound, relusweep.storage.UnknownVersion
        There is no store, or no such version.
    IncomparableVersions
        Neither version has the group, or its cells lie along other dimensions.
    """
    ids = resolve(store, a), resolve(store, b)
    between = changed_chunks(store, *ids)
    names = _stages(store, group, ids)
    facts = [run_facts(store, group, at) for at in ids]
    parts = {
        name: _compare_group(store, f"{group}/{name}".rstrip("/"), ids, between, level) for name in names
    }
    found = parts[""] if names == [""] else _stages_together(parts)
    written = {version.id: version.written_at for version in history(store)}
    return found.assign_attrs(
        {
            **{key: sum(part.attrs[key] for part in parts.values()) for key in _numbers(found)},
            "a": a,
            "b": b,
            **{f"{which}_id": at for which, at in zip("ab", ids, strict=True)},
            **{f"{which}_written": written[at].isoformat() for which, at in zip("ab", ids, strict=True)},
            "store": str(store),
            "group": group,
            "level": level,
            **{
                f"{what}_difference": json.dumps(fields)
                for what, fields in _computed_differences(*facts).items()
            },
        }
    )


def group_of(store: str, a: str, b: str, sweep: str | None) -> str:
    """Find the group that is meant among those of two versions; a part of its path may do.

    Raises
    ------
    UnknownSweep
        There is none of that name, or more than one could be meant.
    relusweep.storage.UnknownVersion
        One of the versions, or both, are none.
    """
    _check_versions(store, a, b)
    both = zip(names_in(store, b), names_in(store, a), strict=True)  # either may lack it
    known, others = (dict.fromkeys([*one, *other]) for one, other in both)
    if sweep is not None and sweep.rpartition("/")[0] in known:
        return sweep  # one stage
    return choose(store, sweep, known, others)


def _check_versions(store: str, a: str, b: str) -> None:
    """Tell of both whether they are versions, before the sweep is looked for."""
    wrong: dict[str, UnknownVersion] = {}
    for at in (a, b):
        try:
            resolve(store, at)
        except UnknownVersion as error:
            wrong[at] = error
    if len(wrong) > 1:
        raise UnknownVersion(f"{wrong[a]}; nor is {b!r}. Two versions of one store are compared") from None
    if wrong:
        raise next(iter(wrong.values()))


def _computed_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, list[Difference]]:
    """Compare the libraries and machines of two runs by their facts; nothing where one is none."""
    if not a or not b:
        return {"versions": [], "machine": []}
    machines = [{key: facts.get(key) for key in ("machine", "host")} for facts in (a, b)]
    versions = [facts.get("versions", {}) for facts in (a, b)]
    return {"versions": difference(*versions), "machine": difference(*machines)}


def _numbers(found: xr.Dataset) -> list[str]:
    return [key for key in found.attrs if str(key).startswith("n_")]


def _stages(store: str, group: str, ids: tuple[str, str]) -> list[str]:
    """Name the groups to compare, relative to the one asked for: itself, or the stages under it."""
    found = [contents(store, at) for at in ids]
    damaged = {name: why for each in found for name, why in each.damaged.items()}
    if group in damaged:
        raise IncomparableVersions(f"{group} is damaged in one of the versions: {damaged[group]}")
    known = {name for each in found for name in each.groups} - damaged.keys()
    if group in known:
        return [""]
    stages = sorted(name.removeprefix(f"{group}/") for name in known if name.startswith(f"{group}/"))
    if not stages:
        raise IncomparableVersions(
            f"neither version has results in a group {group!r}; `relusweep status` lists them"
        )
    return stages


def _stored(store: str, group: str, at: str) -> xr.Dataset | None:
    try:
        return open_dataset(store, group, version=at, mask_and_scale=False)
    except StoreNotFound:
        return None


def _opened(stored: Sequence[xr.Dataset | None]) -> list[xr.Dataset | None]:
    """Open versions alike: an axis that has one value in both is none, whatever the values are."""
    fixed = [{*some.attrs["fixed"]} for some in stored if some is not None and "fixed" in some.attrs]
    in_all = set.intersection(*fixed) if fixed else set()
    return [None if some is None else as_opened(some, in_all) for some in stored]


def _may_differ(
    between: ChangedChunks, group: str, stored: xr.Dataset | None, opened: xr.Dataset
) -> dict[str, set[tuple[int, ...]] | None]:
    """Find the chunks that may differ in each variable, by its name and its dimensions as opened."""
    found: dict[str, set[tuple[int, ...]] | None] = {}
    if stored is None:
        return found
    for name, was in zip(opened.data_vars, stored.data_vars, strict=True):
        kept = [dim in opened[name].dims for dim in stored[was].dims]
        places = between.may_differ(f"{group}/{was}")
        found[str(name)] = places and {tuple(compress(at, kept)) for at in places}
    return found


def _compare_group(
    store: str, group: str, ids: tuple[str, str], between: ChangedChunks, level: float
) -> xr.Dataset:
    """Compare a group; where one version lacks it, all of it was added, or removed."""
    stored = [_stored(store, group, at) for at in ids]
    a, b = _opened(stored)
    some = a if b is None else b
    assert some is not None
    nothing = some.isel({dim: slice(0, 0) for dim in some.sizes})
    cells = Cells(nothing if a is None else a, nothing if b is None else b)
    names = _names(group, cells)
    places = _may_differ(between, group, stored[1], cells.b)
    rows = {name: compare_variable(cells, name, places.get(name)) for name in names}
    status = cells.status
    found = _table({name: row for name, (row, _) in rows.items()}).assign(status=status)
    first = next(iter(cells.axes))
    changes = np.array([by_label for _, by_label in rows.values()])
    largest = {"long_name": f"largest difference at each label of {first}"}
    found["largest_change"] = (("variable", first), changes, largest)
    asked = [specification_of(version.attrs) for version in (cells.a, cells.b)]
    in_both = a is not None and b is not None
    paired = in_both and asked[0].get("seed") is not None and asked[0]["seed"] == asked[1].get("seed")
    if "success_epoch" in cells.a and "success_epoch" in cells.b and "trial" in cells.axes:
        found = found.merge(compare_success(cells, status, paired=paired, level=level))
    found = found.assign_coords(_labels(some, cells))
    return found.assign_attrs(
        {
            **{f"n_{name}_cells": int((status == flag).sum()) for name, flag in _COUNTED.items()},
            **_significance(found),
            "kind": some.attrs.get("kind", "boolean"),
            "title": some.attrs.get("title", group),
            "paired": int(paired),
            "specification_difference": json.dumps(difference(*asked) if in_both else []),
        }
    )


def _names(group: str, cells: Cells) -> list[str]:
    """Name the variables: numbers, whose dimensions have labels; others are not of the sweep."""

    def comparable(version: xr.Dataset, name: str) -> bool:
        array = version[name]
        return array.dtype.kind in "biuf" and all(dim in version.indexes for dim in array.dims)

    versions = (cells.a, cells.b)
    names = sorted({str(name) for version in versions for name in version.data_vars} - {"done"})
    left_out = [name for name in names if not all(comparable(v, name) for v in versions if name in v)]
    if left_out:
        _log.warning("%s of %s are no numbers at labels, and not compared", ", ".join(left_out), group)
    return [name for name in names if name not in left_out]


def _table(rows: Mapping[Any, Mapping[str, Any]]) -> xr.Dataset:
    table: xr.Dataset = pd.DataFrame([*rows.values()], pd.Index([*rows], name="variable")).to_xarray()
    for name, what in _MEANINGS.items():
        table[name].attrs = {"long_name": what}
    return table


def _labels(some: xr.Dataset, cells: Cells) -> xr.Coordinates:
    """Give what is known of the labels, as the truth tables of problems."""
    known = [name for name, coord in some.coords.items() if coord.dims and {*coord.dims} <= {*cells.axes}]
    labels: xr.Dataset = some.drop_vars(list(some.data_vars)).load().reindex(cells.axes)
    labels = labels.drop_vars(labels.coords.keys() - {*known})
    for coordinate in labels.variables.values():
        coordinate.attrs.pop("_FillValue", None)  # of what is stored, which was opened as it is
    return labels.coords


def _significance(found: xr.Dataset) -> dict[str, int]:
    if "significant" not in found:
        return {"n_tested": 0, "n_significant": 0, "n_significant_sizes": 0}
    sizes = found.get("size_significant")
    return {
        "n_tested": int((found["test"] > 0).sum()),
        "n_significant": int(found["significant"].sum()),
        "n_significant_sizes": 0 if sizes is None else int(sizes.sum()),
    }


def _stages_together(parts: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Put the variables of all stages below one another, and by networks what differs by networks."""
    tables = []
    for name, part in parts.items():
        table = part[[key for key, array in part.data_vars.items() if array.dims == ("variable",)]]
        first = part["largest_change"].dims[1]
        if str(first).startswith("network"):
            change = part["largest_change"].reset_coords(drop=True).rename({first: "network"})
            table = table.drop_vars(table.coords.keys() - {"variable"}).assign(largest_change=change)
        tables.append(
            table.assign_coords(variable=[f"{name}/{variable}" for variable in table["variable"].values])
        )
    together: xr.Dataset = xr.concat(tables, "variable", join="outer", data_vars="all", coords="minimal")
    counts = [key for key, array in tables[0].data_vars.items() if array.dtype.kind == "i"]
    together = together.assign({key: together[key].astype(np.int64) for key in counts})
    stages = {
        f"stage_{name}": ("stage", [part.attrs[f"n_{name}_cells"] for part in parts.values()])
        for name in _COUNTED
    }
    last = [*parts.values()][-1]
    asked: list[Any] = []
    for part in parts.values():
        asked += [field for field in json.loads(part.attrs["specification_difference"]) if field not in asked]
    return (
        together.assign(stages)
        .assign_coords(stage=[*parts])
        .assign_attrs({**last.attrs, "specification_difference": json.dumps(asked)})
    )
