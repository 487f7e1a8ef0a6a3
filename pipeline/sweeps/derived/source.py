"""The group that something is derived of: what it has, at one version of its store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.common.asked import ASKED, Box, boxes
from relusweep.pipeline.common.boxes import as_key
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.base import Coordinate

__all__ = ["Source"]


@dataclass(frozen=True)
class Source:
    """A group of trained networks; implements `relusweep.tasks.derived_block.Reader`.

    Attributes
    ----------
    store, group, version : str
        The version by its id: what is read stays the same, whatever is written meanwhile.
    """

    store: str
    group: str
    version: str

    @property
    def dataset(self) -> xr.Dataset:
        """The group, lazily, nothing masked."""
        return _opened(self.store, self.group, self.version)

    def read(self, names: Iterable[str], labels: Mapping[str, Sequence[Any]]) -> dict[str, NDArray[Any]]:
        """Read variables at labels of the axes, as they are stored: (n_networks, …); some may not be there.

        Raises
        ------
        ValueError
            Some of the networks are not in the store.
        """
        dims = [str(dim) for dim in self.dataset["done"].dims]
        indexes = self.dataset.indexes
        places = {dim: as_key(indexes[dim].get_indexer(pd.Index(labels[dim]))) for dim in dims}
        if lacking := int((~self.dataset["done"][places].values).sum()):
            raise ValueError(
                f"{lacking} of these networks are not in {self.group} yet: run that sweep to its end first"
            )
        found = {name: self.dataset[name][places].values for name in names if name in self.dataset}
        return {name: array.reshape(-1, *array.shape[len(dims) :]) for name, array in found.items()}

    def done(
        self, axes: Mapping[str, NDArray[Any]], kept: NDArray[np.bool_] | None = None
    ) -> NDArray[np.bool_]:
        """Tell which networks there are at labels of all axes, of those that are kept."""
        found = np.zeros([len(labels) for labels in axes.values()], bool)
        for box, values in self._parts("done", axes):
            found[box] = values
        return found if kept is None else found & kept

    def first_successes(
        self, axes: Mapping[str, NDArray[Any]], kept: NDArray[np.bool_] | None = None
    ) -> NDArray[np.bool_]:
        """Tell which networks are the first of their setting to succeed, of those that are kept."""
        shape = [len(labels) for labels in axes.values()]
        *settings, size = shape
        of = np.broadcast_to(np.True_ if kept is None else kept, shape)
        first = np.full(settings, size)
        for box, values in self._parts("success_epoch", axes):
            succeeded = (values >= 0) & of[box]
            here = np.where(succeeded.any(axis=-1), box[-1].start + succeeded.argmax(axis=-1), size)
            first[box[:-1]] = np.minimum(first[box[:-1]], here)
        return np.asarray(np.arange(size) == first[..., None])

    def _parts(self, name: str, axes: Mapping[str, NDArray[Any]]) -> Iterator[tuple[Box, NDArray[Any]]]:
        """Read a variable at labels of all axes, box by box, where trials have been asked for."""
        array = self.dataset[name]
        places = {str(dim): array.indexes[dim].get_indexer(pd.Index(axes[str(dim)])) for dim in array.dims}
        chunks = array.encoding.get("preferred_chunks", {})
        for box in boxes(self._asked(axes, places), 0, [chunks.get(dim, 1) for dim in axes]):
            of_dims = dict(zip(axes, box, strict=True))
            key = tuple(as_key(place[of_dims[dim]]) for dim, place in places.items())
            shape = [span.stop - span.start for span in box]  # dimensions that are fixed have length one
            yield box, array.variable[key].to_numpy().reshape(shape)

    def _asked(
        self, axes: Mapping[str, NDArray[Any]], places: Mapping[str, NDArray[np.intp]]
    ) -> NDArray[np.int64]:
        """Count for each setting the labels of the last axis that have been asked for."""
        *settings, last = axes
        shape, trials = [len(axes[dim]) for dim in settings], axes[last]
        if ASKED not in self.dataset.coords:
            return np.broadcast_to(np.int64(len(trials)), shape)
        asked = self.dataset.coords[ASKED]
        chosen = asked.to_numpy()[np.ix_(*(places[str(dim)] for dim in asked.dims))]
        return np.searchsorted(trials, chosen).reshape(shape)

    @cached_property
    def fingerprint(self) -> int:
        """That of all its networks."""
        dims = map(str, self.dataset["fingerprint"].dims)
        axes = {dim: self.dataset.indexes[dim].to_numpy() for dim in dims}
        parts = self._parts("fingerprint", axes)
        found = {int(one) for _, values in parts for one in pd.unique(values.ravel())} - {0}  # 0: not done
        if len(found) != 1:
            raise InvalidSweep(
                f"{self.group} holds networks of {len(found)} specifications, and functions are derived of "
                "those of one; run its sweep first, or start it anew (--replace, or replace=True)"
            )
        return found.pop()

    @property
    def snapshot_epochs(self) -> tuple[int, ...]:
        """Epochs of the snapshots that it has."""
        return tuple(self.dataset["snapshot_epoch"].values.tolist()) if "snapshots" in self.dataset else ()

    def coordinates(self, axes: Mapping[str, NDArray[Any]]) -> dict[str, Coordinate]:
        """Say what it knows of labels of the axes."""
        coords = self.dataset.coords
        places = {
            dim: coords.indexes[dim].get_indexer(pd.Index(labels))
            for dim, labels in axes.items()
            if dim in coords.indexes
        }
        found: dict[str, Coordinate] = {}
        for name, array in coords.items():
            if name == ASKED:  # a network that is not there cannot be asked for
                continue
            dims = tuple(map(str, array.dims))
            if name in axes:
                found[str(name)] = str(name), axes[str(name)], dict(array.attrs)
            elif dims and set(dims) <= set(axes):
                values = array.values[np.ix_(*(places[dim] for dim in dims))]
                found[str(name)] = dims, values, dict(array.attrs)
        return found


@lru_cache(maxsize=8)
def _opened(store: str, group: str, version: str) -> xr.Dataset:
    """Open a group; of one version it stays the same."""
    return open_results(store, group, version=version, mask_and_scale=False)
