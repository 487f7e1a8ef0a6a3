"""Sweeps in a store that a report can read: which there are, and the report of one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import xarray as xr

from relusweep.pipeline.common.engine import open_results, open_tree
from relusweep.pipeline.common.errors import UnknownSweep
from relusweep.pipeline.common.files import check_writable
from relusweep.pipeline.common.paths import expanded
from relusweep.pipeline.common.run_facts import run_facts
from relusweep.pipeline.report.scale import specification
from relusweep.storage import StoredGroup, resolve, stored_groups
from relusweep.storage.repository import RECORDS, local_path

__all__ = ["choose", "names_in", "open_sweep", "report_stored"]


def report_stored(store: str, sweep: str | None, folder: Path, at: str | None = None) -> Path:
    """Write the report of a sweep in a store, see `write_report`; give the page.

    The sweep is a group, or a part of its path; not needed where there is only one. The version `at` is as
    `relusweep.storage.resolve` takes it.

    Raises
    ------
    UnknownSweep
        There is no such sweep, or more than one could be meant.
    relusweep.storage.StoreNotFound
        There is no store, or no such version.
    CannotExport
        The folder cannot be written.
    """
    from relusweep.pipeline.report.page import write_report  # and with it Matplotlib

    page = expanded(folder)
    check_writable(page / "report.html")
    version = resolve(store, at or "newest")  # once: what that is may change meanwhile
    name, data = open_sweep(store, sweep, version)
    known = {"store": store, **run_facts(store, name, version), "group": name, "read": version}
    facts = {**known, **_size(store)} if at is None else {**known, "version": version}
    return write_report(data, page, facts)


def open_sweep(store: str, sweep: str | None, at: str | None) -> tuple[str, xr.Dataset | xr.DataTree]:
    """Open a sweep that a report can read, in some version: a group, or the tree of the stages of one."""
    groups = stored_groups(store, at)
    name = choose(store, sweep, *_names(groups))
    if name in groups:
        return name, open_results(store, group=name, version=at)
    tree = open_tree(store, group=name, version=at)
    return name, tree.drop_nodes([stage for stage in tree.children if f"{name}/{stage}" not in groups])


def names_in(store: str, at: str) -> tuple[list[str], list[str]]:
    """Name the sweeps that a version of a store has: those with a report of their kind, and others."""
    return _names(stored_groups(store, at))


def choose(store: str, sweep: str | None, known: Collection[str], others: Collection[str] = ()) -> str:
    """Find the one that is meant among the names of sweeps, by its name, the end of it, or a part.

    The `others` are meant only where none of those that are `known` can be.

    Raises
    ------
    UnknownSweep
        None is, or more than one could be.
    """
    chosen = _meant(sweep, known) or _meant(sweep, others)
    if len(chosen) != 1:
        what = f"{'more than one' if chosen else 'no'} sweep" + (f" {sweep!r}" if sweep else "")
        there = ", ".join([*known, *others]) or "none"
        raise UnknownSweep(f"{what} in {store}; name one of those there: {there}")
    return chosen[0]


def _meant(sweep: str | None, names: Collection[str]) -> list[str]:
    return (
        [name for name in names if sweep in (None, name)]
        or [name for name in names if name.endswith(f"/{sweep}")]
        or [name for name in names if sweep in name.split("/")]
    )


def _names(groups: Mapping[str, StoredGroup]) -> tuple[list[str], list[str]]:
    """Name what has a report of its own, groups with rates and the folders of stages; and other groups."""
    stages = {name for name, group in groups.items() if "stage" in specification(group)}
    rates = [name for name, group in groups.items() if "success_epoch" in group.arrays]
    trees = {name.rpartition("/")[0] for name in stages}
    return [*rates, *sorted(trees)], [name for name in groups if name not in {*rates, *stages}]


def _size(store: str) -> dict[str, int]:
    """Give what a store on a file system fills there, without the records of runs."""
    path = local_path(store)
    if path is None:
        return {}
    files = (file for file in path.rglob("*") if file.is_file() and path / RECORDS not in file.parents)
    return {"store_bytes": sum(file.stat().st_size for file in files)}
