"""Reads what stages have left from the groups of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.images.reader import Label

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["StoreReader"]


class StoreReader:
    """Implements `relusweep.tasks.images.reader.Reader` by the groups of one tree; each is opened once.

    Parameters
    ----------
    store : str
    tree : str
        What the groups of the stages lie in.
    """

    def __init__(self, store: str, tree: str) -> None:
        self._store, self._tree = store, tree
        self._groups: dict[str, xr.Dataset] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoreReader) and (self._store, self._tree) == (other._store, other._tree)

    def __hash__(self) -> int:
        return hash((self._store, self._tree))

    def __reduce__(self) -> tuple[Any, ...]:  # without what was opened
        return StoreReader, (self._store, self._tree)

    def read(self, stage: str, variable: str, **at: Label) -> NDArray[Any]:
        """Read part of a variable, as it is stored.

        Raises
        ------
        relusweep.storage.StoreNotFound
            No such store or group.
        """
        labels = {dim: label for dim, label in at.items() if not isinstance(label, slice)}
        places = {dim: label for dim, label in at.items() if isinstance(label, slice)}
        return np.asarray(self._group(stage)[variable].sel(labels).isel(places).values)

    def _group(self, stage: str) -> xr.Dataset:
        from relusweep.storage import open_dataset

        if stage not in self._groups:
            group = f"{self._tree}/{stage}"
            self._groups[stage] = open_dataset(self._store, group, mask_and_scale=False)
        return self._groups[stage]
