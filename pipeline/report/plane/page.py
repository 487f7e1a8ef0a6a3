"""Sections of the page of networks of two inputs: their regions, boundaries and affine maps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import xarray as xr

from relusweep.pipeline.common.errors import CannotDraw, InvalidSweep
from relusweep.pipeline.report.content import Attachment, Block, Folded, Section
from relusweep.pipeline.report.plane.alike import Alike, alike, images_picture, sets_picture
from relusweep.pipeline.report.plane.counts import compression, counts
from relusweep.pipeline.report.plane.pictures import regions_picture
from relusweep.pipeline.report.plane.player import playable, write_player
from relusweep.pipeline.report.plane.sizes import best_network, by_size, file_name
from relusweep.pipeline.report.plane.tables import compression_table, counts_table, maps_table
from relusweep.pipeline.report.plane.watched import Watched, watched

__all__ = ["sections"]

_EPOCHS = (0, 10, 100)
_ALIKE = (
    "Networks of one size that have learned the same problem are compared by their affine maps on a grid: if "
    "they have found the same solution but for a change of the coordinates of their maps, a linear map takes "
    "the set of one to that of the other."
)


def sections(dataset: xr.Dataset) -> list[Section]:
    """Give a section for each of the probes `regions`, `snapshots` or `parameters`, and `compression`."""
    return [*_counted(dataset), *_seen(dataset), *_few(dataset), *_compared(dataset)]


def _counted(dataset: xr.Dataset) -> Iterator[Section]:
    if "n_regions" in dataset and bool(dataset["n_regions"].notnull().any()):
        numbers = Folded("The numbers, with intervals", [counts_table(dataset), maps_table(dataset)])
        on_the_way = dataset.isel(regions_epoch=(dataset["regions_epoch"] >= 0).values)
        if on_the_way.sizes["regions_epoch"]:
            yield Section("Linear regions through training", [counts(on_the_way), numbers])
        else:
            yield Section("Linear regions at the end of training", [*numbers.blocks])


def _few(dataset: xr.Dataset) -> Iterator[Section]:
    if "compressed_rows_right" in dataset and bool(dataset["compressed_rows_right"].notnull().any()):
        table = compression_table(dataset)
        yield Section("Few maps in place of many", [compression(dataset), Folded(table.title, [table])])


def _seen(dataset: xr.Dataset) -> Iterator[Section]:
    try:
        blocks = [block for size, part in by_size(dataset).items() for block in _of_size(size, part)]
    except InvalidSweep as error:  # they need code that only the store names
        blocks = [f"Not drawn: {error}."]
    if blocks:
        yield Section("Regions, boundary and maps of the best network of each size", blocks)


def _of_size(size: str, part: xr.Dataset) -> list[Block]:
    try:
        of = watched(best_network(part))
    except CannotDraw:
        return []
    name = file_name(size)
    picture = regions_picture(of, _places(of), f"regions-of-{name}")
    if len(of.epochs) < len(_EPOCHS) or not playable(of):
        return [picture]
    words = f"Play the training of {of.name}: {len(of.epochs)} epochs, in one file"
    return [picture, Attachment(f"animation-of-{name}.html", words, partial(write_player, of))]


def _places(of: Watched) -> list[int]:
    """Choose some epochs, the last one among them."""
    wanted = [epoch for epoch in _EPOCHS if epoch < of.epochs[-1]]
    return sorted({*np.searchsorted(of.epochs, wanted).tolist(), len(of.epochs) - 1})


def _compared(dataset: xr.Dataset) -> Iterator[Section]:
    sizes = {size: found for size, part in by_size(dataset).items() if (found := _alike(part))}
    pictures = [picture(size, of) for size, of in sizes.items() for picture in (sets_picture, images_picture)]
    if pictures:
        yield Section("Are the maps of different networks linear images of one another?", [_ALIKE, *pictures])


def _alike(part: xr.Dataset) -> Alike | None:
    try:
        return alike(part)
    except (CannotDraw, InvalidSweep):
        return None
