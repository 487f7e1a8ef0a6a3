"""How many trials of each setting have been asked for, where settings have numbers of their own.

Such a group may have many more cells along its axes than networks: what is counted of it is read in boxes,
and only where trials have been asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ASKED", "Box", "asked_in_words", "boxes", "epochs_read", "summed"]

ASKED: Final = "trials_asked"
_CELLS_AT_ONCE = 2**23
_MOST_EXACT = 2**24  # whole numbers that float32 holds

Box = tuple[slice, ...]


def boxes(asked: NDArray[np.int64], first: int, steps: Sequence[int]) -> Iterator[Box]:
    """Cut trials that are asked for into boxes that are small enough to be read at once.

    Parameters
    ----------
    asked : ndarray of int
        Trials of each setting, along all axes but the last, which counts them. Boxes of which nothing is
        asked are left out.
    first : int
        Trials before this one are left out.
    steps : sequence of int
        Sizes of blocks along the axes: boxes are cut between blocks.
    """
    most = int(asked.max(initial=0))
    waiting: list[Box] = [(*(slice(0, size) for size in asked.shape), slice(first, most))]
    while waiting:
        box = waiting.pop()
        if asked[box[:-1]].max(initial=0) <= box[-1].start:
            continue
        blocks = [-(-span.stop // step) - span.start // step for span, step in zip(box, steps, strict=True)]
        if max(blocks) == 1 or prod(span.stop - span.start for span in box) <= _CELLS_AT_ONCE:
            yield box
            continue
        at = blocks.index(max(blocks))
        middle = (box[at].start // steps[at] + blocks[at] // 2) * steps[at]
        halves = slice(box[at].start, middle), slice(middle, box[at].stop)
        waiting += [(*box[:at], half, *box[at + 1 :]) for half in reversed(halves)]


def asked_in_words(data: xr.Dataset | xr.DataTree) -> list[str]:
    """Say that settings have numbers of trials of their own, and what that does to rates."""
    if ASKED not in data.coords:
        return []
    asked = data.coords[ASKED].to_numpy()
    least, most = (f"{int(end):,}" for end in (asked.min(), asked.max()))
    if least == most:
        return []
    words = (
        f"Settings have numbers of trials of their own, from {least} to {most}: rates of several settings "
        "together weigh each by its trials, and intervals are to be read as docs/stopping.md says."
    )
    return [words]


def summed(
    dataset: xr.Dataset, dims: Collection[Hashable], count: Callable[[xr.Dataset], xr.Dataset]
) -> xr.Dataset:
    """Sum over dimensions what is counted of every network.

    Parameters
    ----------
    dataset
    dims
        Those that the counts lack do not matter.
    count : callable
        Gives whole numbers or truth values of every network of a part of the dataset.
    """

    def of(part: xr.Dataset) -> xr.Dataset:
        counts = count(part)
        return counts.sum([dim for dim in dims if dim in counts.dims]).drop_attrs(deep=False)

    if "trial" not in dims or not _is_sparse(dataset):
        return of(dataset)
    total = of(dataset.isel({dim: slice(0, 0) for dim in ["trial"]}))
    for place in _places(dataset):
        for name, found in of(dataset.isel(place)).items():
            kept = {dim: place[dim] for dim in found.dims if dim in place}
            total[name][kept] = total[name][kept] + found
    return total


def epochs_read(dataset: xr.Dataset) -> xr.DataArray:
    """Read ``success_epoch``, where trials have been asked for; elsewhere it is NaN.

    Of a group that is read in boxes it is float32 where that holds all epochs.
    """
    epochs = dataset["success_epoch"]
    if not _is_sparse(dataset):
        return epochs.compute()
    few = "epochs" in dataset.coords and int(dataset["epochs"].max()) <= _MOST_EXACT
    found = np.full(epochs.shape, np.nan, np.float32 if few else np.float64)
    for place in _places(dataset):
        found[tuple(place.get(str(dim), slice(None)) for dim in epochs.dims)] = epochs[place].to_numpy()
    return epochs.copy(data=found)


def _places(dataset: xr.Dataset) -> Iterator[dict[str, slice]]:
    """Cut a group into boxes where trials have been asked for."""
    settings = [str(dim) for dim in dataset[ASKED].dims if dim in dataset["success_epoch"].dims]
    asked = dataset[ASKED].transpose(*settings).to_numpy()
    preferred = dataset["success_epoch"].encoding.get("preferred_chunks", {})
    for box in boxes(asked, 0, [preferred.get(dim, 1) for dim in [*settings, "trial"]]):
        yield dict(zip([*settings, "trial"], box, strict=True))


def _is_sparse(dataset: xr.Dataset) -> bool:
    """Tell whether a group is large, and of which only some trials have been asked for."""
    return ASKED in dataset.coords and not dataset.chunks and _is_large(dataset)


def _is_large(dataset: xr.Dataset) -> bool:
    epochs = dataset.get("success_epoch")
    return epochs is not None and "trial" in epochs.dims and epochs.size > _CELLS_AT_ONCE
