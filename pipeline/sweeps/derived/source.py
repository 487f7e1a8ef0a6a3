"""The group that something is derived of: what it has, at one version of its store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.common.asked import ASKED
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
        places = {dim: _places(self.dataset.indexes[dim], labels[dim]) for dim in dims}
        if lacking := int((~self.dataset["done"][places].values).sum()):
            raise ValueError(
                f"{lacking} of these networks are not in {self.group} yet: run that sweep to its end first"
            )
        found = {name: self.dataset[name][places].values for name in names if name in self.dataset}
        return {name: array.reshape(-1, *array.shape[len(dims) :]) for name, array in found.items()}

    def done(self, axes: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """Tell which networks there are at labels of all axes."""
        return self._at("done", axes)

    def first_successes(self, axes: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """Tell which networks are the first to succeed of the labels of all axes but the last."""
        succeeded = self._at("success_epoch", axes) >= 0
        first, places = np.zeros_like(succeeded), succeeded.argmax(axis=-1)[..., None]
        np.put_along_axis(first, places, np.take_along_axis(succeeded, places, -1), -1)
        return first

    def _at(self, name: str, axes: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Read a variable at labels of all axes; those that are fixed have length one."""
        array = self.dataset[name]
        places = [array.indexes[dim].get_indexer(pd.Index(axes[dim])) for dim in map(str, array.dims)]
        return array.values[np.ix_(*places)].reshape([len(labels) for labels in axes.values()])

    @cached_property
    def fingerprint(self) -> int:
        """That of all its networks."""
        dataset = self.dataset
        found = np.unique(dataset["fingerprint"].values[dataset["done"].values]).tolist()
        if len(found) != 1:
            raise InvalidSweep(
                f"{self.group} holds networks of {len(found)} specifications, and functions are derived of "
                "those of one; run its sweep first, or start it anew (--replace, or replace=True)"
            )
        return int(found[0])

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


def _places(index: pd.Index[Any], labels: Sequence[Any]) -> slice | NDArray[np.intp]:
    """Find labels, as a slice where they follow one another: that reads a chunk at once."""
    places = index.get_indexer(pd.Index(labels))
    consecutive = (np.diff(places) == 1).all()
    return slice(int(places[0]), int(places[-1]) + 1) if consecutive else places


@lru_cache(maxsize=8)
def _opened(store: str, group: str, version: str) -> xr.Dataset:
    """Open a group; of one version it stays the same."""
    return open_results(store, group, version=version, mask_and_scale=False)
