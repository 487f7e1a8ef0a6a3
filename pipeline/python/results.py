"""Results from Python: opened, listed, reported on, compared; and names for their versions."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import xarray as xr

from relusweep.pipeline.common.display import Page, Shown, Table
from relusweep.pipeline.common.paths import expanded
from relusweep.pipeline.python.sweeps import Store
from relusweep.pipeline.report.stored import choose, report_stored
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.training.again import importing
from relusweep.storage import Committer, UnknownVersion, stored_groups
from relusweep.storage.moments import end_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "Version", "animate", "compare", "groups", "open", "report", "tag"]

Version = str | date | np.datetime64
"""A tag, a date or time, an id of `relusweep.history`, or ``"newest"``."""


def open(  # as gzip.open: with its module before it
    store: Store, group: str | None = None, *, at: Version | None = None, **options: Any
) -> xr.Dataset | xr.DataTree:
    """Open results in xarray, lazily.

    Parameters
    ----------
    store : path
        A directory, or ``s3://bucket/prefix``.
    group : str, optional
        One of `groups`, as ``"boolean/npn4"``, or a part of its path, as ``"npn4"``, where no other has the
        same. All groups where none is named.
    at : str, date, datetime or numpy.datetime64, optional
        The version: a tag, a date or time (2026-11-20, 2026-11 or 2026-11-20T10:00) or an id of `history`; by
        default the newest.
    **options
        Of `xarray.open_dataset` and `xarray.open_datatree`, as ``chunks={}`` for Dask.

    Returns
    -------
    xarray.Dataset or xarray.DataTree
        What ``xarray.open_dataset(store, engine="relusweep", group=group)`` gives; a tree of all groups where
        no group is named, and of the groups of its stages where a sweep has some, as ``images/digits``.

    Raises
    ------
    relusweep.errors.StoreNotFound
        There is no such store, or no such version.
    relusweep.errors.UnknownSweep
        There is no such group, or more than one could be meant.

    Examples
    --------
    >>> import relusweep as rs
    >>> results = rs.open("results", "boolean/npn4")  # doctest: +SKIP
    >>> results.sweep.success_rate(["problem", "trial"]).rate.sel(leak=0.1).to_pandas()  # doctest: +SKIP
    """
    place = os.fspath(store)
    where: dict[str, Any] = {**options, "engine": "relusweep", "version": _version(at)}
    if group is None:
        return xr.open_datatree(place, **where)
    there = groups(store, at=at)
    trees = {name.rpartition("/")[0] for name in there if name.count("/") > 1}
    name = choose(place, group.strip("/"), [*there, *sorted(trees)])
    opened = xr.open_dataset if name in there else xr.open_datatree
    return opened(place, group=name, **where)


def groups(store: Store, *, at: Version | None = None) -> list[str]:
    """List the groups of a store that hold results.

    Parameters
    ----------
    store, at
        As for `open`.

    Examples
    --------
    >>> import relusweep as rs
    >>> rs.groups("results")  # doctest: +SKIP
    ['boolean/npn4', 'hypersphere/annulus']
    """
    return list(stored_groups(store, _version(at)))


def report(
    sweep: Sweep | str | None,
    store: Store,
    folder: Store = "report",
    *,
    at: Version | None = None,
    imports: Collection[str] = (),
) -> Page:
    """Write the report of a sweep: a page that needs nothing else, and its pictures as PNG and SVG.

    Parameters
    ----------
    sweep : Sweep, str or None
        The sweep, its name or its group; None will do where the store has only one.
    store, at
        As for `open`.
    folder : path
        Where the page and the pictures go; made if it does not exist.
    imports : collection of str
        Code of your own, as ``"mymodule:f"``, that pictures may need. What only a store names is not imported
        unasked.

    Returns
    -------
    Page
        The path of the page; in a notebook a link to it.

    Raises
    ------
    relusweep.errors.UnknownSweep
        The store has no such sweep, or more than one could be meant.
    """
    name = sweep.report_group if isinstance(sweep, Sweep) else sweep
    with importing(imports):
        return Page(report_stored(os.fspath(store), name, Path(folder), _version(at)))


def animate(results: xr.Dataset, file: Store = "animation.html", *, imports: Collection[str] = ()) -> Page:
    """Show the training of a network of two inputs: its linear regions, decision boundary and affine maps.

    Parameters
    ----------
    results : xarray.Dataset
        Of networks of two inputs that were run with the probe `snapshots`, as ``plane_xor``. Of several
        networks the best is shown: the one with the most rows right, and among these with the least loss.
    file : path
        A name in ``.html``: one page with a slider, that needs nothing else. ``.gif``, or ``.mp4`` with
        ``relusweep[video]``: as a film.
    imports : collection of str
        As for `report`.

    Returns
    -------
    Page
        The path of the file; in a notebook a link to it.

    Raises
    ------
    relusweep.errors.CannotDraw
        The name ends in something else, no network has run, or its parameters were not kept.

    Examples
    --------
    >>> import relusweep as rs
    >>> results = rs.open("results", "plane_xor")  # doctest: +SKIP
    >>> rs.animate(results.sel(widths="8-8-8", trial=3), "xor.html")  # doctest: +SKIP
    """
    from relusweep.pipeline.report.plane.animate import animate as write

    path = expanded(Path(file))
    with importing(imports):
        write(results, path)
    return Page(path)


def compare(
    store: Store, a: Version, b: Version = "newest", sweep: Sweep | str | None = None, *, level: float = 0.05
) -> Comparison:
    """Say what differs between two versions of a store: bits cell by cell, and rates by tests.

    Parameters
    ----------
    store, sweep
        As for `report`.
    a, b : str or datetime
        Versions, as for `open`.
    level : float
        Of significance, after correction for many tests.

    Returns
    -------
    Comparison
        Tables, on a terminal and in a notebook.

    Raises
    ------
    relusweep.errors.StoreNotFound, relusweep.errors.UnknownVersion
        There is no store, or no such version.
    relusweep.errors.UnknownSweep, relusweep.errors.IncomparableVersions
        The versions have no such sweep, or no axes in common.
    """
    from relusweep.pipeline.versions import compare as comparisons

    place, one, other = os.fspath(store), _version(a), _version(b)
    name = sweep.report_group if isinstance(sweep, Sweep) else sweep
    group = comparisons.group_of(place, one, other, name)
    return Comparison(comparisons.compare(place, one, other, group, level=level))


def tag(store: Store, name: str, at: Version | None = None) -> str:
    """Name a version of a store, the newest by default, for good: the name never moves.

    Parameters
    ----------
    store, at
        As for `open`.
    name : str
        Letters, digits, ``.``, ``_`` and ``-``.

    Returns
    -------
    str
        The id of the version.

    Raises
    ------
    relusweep.errors.InvalidTag
        The name is taken, or has other characters.
    relusweep.errors.StoreLocked
        A run writes to the store.
    """
    with Committer(store) as committer:
        return committer.tag(name, _version(at))


@overload
def _version(at: Version) -> str: ...
@overload
def _version(at: None) -> None: ...
def _version(at: Version | None) -> str | None:
    """Write a moment as the text that names no more than it."""
    if at is None or isinstance(at, str):
        return at
    try:
        return end_of(at).isoformat(timespec="microseconds")
    except ValueError as error:
        raise UnknownVersion(str(error)) from None


class Comparison(Shown):
    """What differs between two versions.

    Attributes
    ----------
    dataset : xarray.Dataset
        All of it; see `relusweep.pipeline.versions.compare.compare`.
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        self.dataset = dataset

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables that are shown, by their titles."""
        from relusweep.pipeline.versions.page import overview

        return {block.title: block.cells for block in overview(self.dataset) if not isinstance(block, str)}

    def write(self, folder: Store = "comparison") -> Page:
        """Write a page with pictures into a folder; give its path."""
        from relusweep.pipeline.versions.page import write_versions_page

        return Page(write_versions_page(self.dataset, Path(folder)))

    def _blocks(self) -> Iterator[str | Table]:
        from relusweep.pipeline.versions.page import overview

        for block in overview(self.dataset):
            yield block if isinstance(block, str) else Table.of(block.title, block.cells)
