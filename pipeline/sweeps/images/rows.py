"""Linear coefficients read from a store, whatever form they have there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.sweeps.images.jacobians import Jacobians
from relusweep.pipeline.sweeps.images.training import trained_network
from relusweep.storage import open_dataset
from relusweep.tasks.images.datasets import Part
from relusweep.tasks.jacobians.closed import ClosedForm

__all__ = ["Rows"]


class Rows:
    """The coefficients of the networks of one sweep, an output of some images at a time.

    Parameters
    ----------
    stage : Jacobians
        Any stage that requires them.
    store : str
        Holds them all.
    """

    def __init__(self, stage: Jacobians, store: str) -> None:
        self._stage, self._store = stage.at(Jacobians), store
        self._group: xr.Dataset = open_dataset(store, self._stage.group, mask_and_scale=False)
        self._closed = lru_cache(maxsize=2)(self._closed_form)

    def spans(self, part: Part) -> list[range]:
        """Cut the images of a part as the chunks of the store are cut, numbered within the part."""
        start, stop = self._bounds(part)
        step = self._stage.block_shape["sample"]
        cuts = [start, *range(start - start % step + step, stop, step), stop]
        return [range(a - start, b - start) for a, b in pairwise(cuts)]

    def read(
        self, label: str, output: int, part: Part, samples: range | None = None
    ) -> NDArray[np.float32] | NDArray[np.float16]:
        """Read the coefficients of one output of one network.

        Parameters
        ----------
        label : str
            Of the network.
        output : int
        part : {'train', 'test'}
        samples : range, optional
            Consecutive images, numbered within the part; by default all.

        Returns
        -------
        ndarray of shape (n_samples, n_columns), as stored: float32 or float16
        """
        start, stop = self._bounds(part)
        here = slice(start, stop) if samples is None else slice(start + samples.start, start + samples.stop)
        if self._stage.form == "rows":
            rows = self._group["coefficients"].sel(network=label).isel(sample=here, output=output)
            return np.asarray(rows.values)
        closed = self._closed(label)
        patterns = self._group["patterns"].sel(network=label).isel(sample=here).values
        return closed.from_patterns(np.ascontiguousarray(patterns[:, : closed.pattern_bytes]))[:, output]

    def chunks(
        self, label: str, output: int, part: Part
    ) -> Iterator[NDArray[np.float32] | NDArray[np.float16]]:
        """Read all coefficients of one output of one network, chunk after chunk."""
        for span in self.spans(part):
            yield self.read(label, output, part, span)

    def outputs(self, label: str, part: Part) -> NDArray[np.float32]:
        """Give a network's outputs on the images of a part: shape (n_samples, n_outputs)."""
        rows = self._group["outputs"].sel(network=label).isel(sample=slice(*self._bounds(part)))
        return np.asarray(rows.values)

    def inputs(self, part: Part, samples: range | None = None) -> NDArray[np.float32]:
        """Give images as gradients are taken in them, flat: shape (n_samples, n_columns - 1)."""
        start, stop = self._bounds(part)
        chosen = range(stop - start) if samples is None else samples
        images = self._stage.inputs(range(start + chosen.start, start + chosen.stop))
        return np.asarray(images.flatten(1).numpy())

    def _bounds(self, part: Part) -> tuple[int, int]:
        n_train = self._stage.n_train
        return (0, n_train) if part == "train" else (n_train, self._stage.n_samples)

    def _closed_form(self, label: str) -> ClosedForm:
        network = trained_network(self._stage, label, self._store)
        return self._stage.closed_form(label, network)
