"""The stages that compare every two networks: small matrices, from sums or from the networks' outputs."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.sweeps.base import Block, Coordinate, Sweep, Task
from relusweep.pipeline.sweeps.images.jacobians import Jacobians
from relusweep.pipeline.sweeps.images.rows import Rows
from relusweep.pipeline.sweeps.images.sums import Sums
from relusweep.storage import Variable, open_dataset
from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.comparison.distances import Distances
from relusweep.tasks.comparison.grams import interval
from relusweep.tasks.comparison.measures import cka, cross_entropy, n_right

__all__ = ["Affine", "Cka", "CrossEntropy", "Distance"]

_PAIRS = ("network_from", "network_to")
_CHUNK = 32  # networks along each side of a chunk of the store, however many there come to be

_Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Column:
    """Some rows of a column of a matrix.

    Attributes
    ----------
    stage : Jacobians
        Whose matrix it is.
    sources : tuple of str
        Labels of the networks from which.
    target : str
        Label of the network to which.
    store : str
    """

    stage: _Matrix
    sources: tuple[str, ...]
    target: str
    store: str

    @property
    def networks(self) -> list[str]:
        """Sources and, last, the target, which may be one of them."""
        return [*self.sources, self.target]

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Places of each source and of the target among its networks."""
        return tuple((source, len(self.sources)) for source in range(len(self.sources)))


def compare(column: Column) -> BlockResult:
    """Compute some rows of a column."""
    started = time.process_time()
    arrays = {name: values[:, None] for name, values in column.stage.compared(column).items()}
    return BlockResult(arrays, 0, time.process_time() - started, 0.0)


class _Matrix(Jacobians):
    """A matrix of networks by networks; a block is some rows of a column."""

    unit: ClassVar[str] = "pairs"
    verb: ClassVar[str] = "compare"

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Networks from which and to which."""
        return dict.fromkeys(_PAIRS, np.array(self.networks))

    @property
    def block_shape(self) -> Mapping[str, int]:
        """A column."""
        return dict(zip(_PAIRS, (len(self.networks), 1), strict=True))

    @property
    def chunks(self) -> Mapping[str, int]:
        """The same however many networks there are: the axes grow."""
        return dict.fromkeys(_PAIRS, _CHUNK)

    @property
    def written_by_workers(self) -> frozenset[str]:  # type: ignore[override]  # goes by the form of Jacobians
        """Nothing: all of it can travel."""
        return frozenset()

    @property
    def bytes_per_cell(self) -> int:
        """Before compression."""
        return Sweep.bytes_per_cell.fget(self)  # type: ignore[attr-defined,no-any-return]

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Say what the networks are."""
        return {**self.of_networks(_PAIRS[0], "_from"), **self.of_networks(_PAIRS[1], "_to")}

    def task(self, block: Block, store: str) -> Task:
        """Give what computes some rows of a column."""
        (target,) = block["network_to"]
        return compare, Column(self, block["network_from"], target, store)

    def cost(self, block: Block) -> float:
        """All cells cost the same."""
        return block.cells

    @abstractmethod
    def compared(self, column: Column) -> _Arrays:
        """Compute the variables of some rows of a column, each of shape (n_sources,)."""


class _OfSums(_Matrix, Sums):
    """A matrix that follows from sums."""

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Sums."""
        return (self.at(Sums),)

    def sums(self, store: str) -> xr.Dataset:
        """Open them."""
        group: xr.Dataset = open_dataset(store, self.at(Sums).group, mask_and_scale=False)
        return group


def _variable(words: str, units: str = "1", comment: str = "") -> Variable:
    attrs = {"long_name": words, "units": units} | ({"comment": comment} if comment else {})
    return Variable(_PAIRS, "float64", np.nan, attrs)


class Affine(_OfSums):
    """How well coefficients of one network, mapped linearly to those of another, classify the test images."""

    stage: ClassVar[str] = "affine"

    @property
    def variables(self) -> Mapping[str, Variable]:
        """Accuracy, and the drop from that of the target."""
        return {
            "accuracy": _variable("share of test images that mapped coefficients classify right"),
            "drop": _variable("accuracy of network_to minus that of the coefficients mapped to it"),
        }

    def compared(self, column: Column) -> _Arrays:
        """Classify the test images by what was mapped from some networks to one."""
        labels = self.data.labels("test")
        mapped = self.sums(column.store)["mapped"].transpose(..., "test_sample", "output")
        of_cells = (mapped.sel(network_from=source, network_to=column.target) for source in column.sources)
        accuracy = np.array([n_right(outputs.values, labels) for outputs in of_cells]) / len(labels)
        own = n_right(Rows(self, column.store).outputs(column.target, "test"), labels) / len(labels)
        return {"accuracy": accuracy, "drop": own - accuracy}


class Distance(_OfSums):
    """How far the coefficients of two networks are apart, each in units of its largest one."""

    stage: ClassVar[str] = "distance"

    @property
    def variables(self) -> Mapping[str, Variable]:
        """The distance."""
        comment = (
            "over test images, outputs and coefficients, each network in units of its largest coefficient"
        )
        return {"distance": _variable("mean squared difference of the coefficients", comment=comment)}

    def compared(self, column: Column) -> _Arrays:
        """Put the sums of all outputs together, as if they were of more samples."""
        sums = self.sums(column.store)
        of_pairs = sums[["apart", "inner"]].sel(network_from=[*column.sources], network_to=column.target)
        of_networks = sums[["squares", "largest"]].sel(network_from=column.networks)
        found = Distances(column.pairs, len(column.networks), self.n_outputs, self.n_columns)
        found.n_samples = self.n_test
        found.apart, found.inner = (of_pairs[name].sum("output", skipna=False).values for name in of_pairs)
        found.squares = of_networks["squares"].sum("output", skipna=False).values
        found.largest = of_networks["largest"].max("output", skipna=False).values
        return {"distance": found.values()}


class Cka(_OfSums):
    """Linear centred kernel alignment of the coefficients at the test images."""

    stage: ClassVar[str] = "cka"

    @property
    def variables(self) -> Mapping[str, Variable]:
        """Both estimates, the form in which they were summed, and the interval if asked for."""
        found = {
            "cka": _variable("linear CKA, mean over outputs"),
            "cka_unbiased": _variable("linear CKA by the unbiased HSIC, mean over outputs"),
        }
        if self.replicates:
            comment = (
                f"of {self.replicates} halves of the test images, moved to have the estimate as their mean"
            )
            for bound, share in (("low", "2.5"), ("high", "97.5")):
                found[f"cka_{bound}"] = _variable(f"CKA, {share} % quantile", comment=comment)
        form = self.at(Sums).variables["cka_form"]
        return found | {"cka_form": Variable(_PAIRS, form.dtype, form.fill, form.attrs)}

    def compared(self, column: Column) -> _Arrays:
        """Divide the HSIC of pairs by those of their networks with themselves, output by output."""
        halves = ["hsic_halves"] if self.replicates else []
        sums = self.sums(column.store)[["hsic", "hsic_unbiased", "cka_form", *halves]]
        of_pairs = sums.sel(network_from=[*column.sources], network_to=column.target).load()
        networks = xr.DataArray(column.networks, dims="network")
        own = sums.sel(network_from=networks, network_to=networks).transpose("network", ...).load()
        values = {
            name: cka(column.pairs, of_pairs[name].values, own[name].values).mean(axis=1)
            for name in ("hsic", "hsic_unbiased", *halves)
        }
        found: _Arrays = {"cka": values["hsic"], "cka_unbiased": values["hsic_unbiased"]}
        if halves:
            found["cka_low"], found["cka_high"] = interval(values["hsic"], values["hsic_halves"]).T
        return found | {"cka_form": of_pairs["cka_form"].values[:, 0]}


class CrossEntropy(_Matrix):
    """Cross-entropy of the softmax outputs at the test images; the diagonal is the entropy."""

    stage: ClassVar[str] = "cross_entropy"

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Jacobians, beside which the outputs lie."""
        return (self.at(Jacobians),)

    @property
    def variables(self) -> Mapping[str, Variable]:
        """The cross-entropy."""
        comment = "probabilities p of network_from, q of network_to"
        return {"cross_entropy": _variable("mean of -sum p log q over test images", "nat", comment)}

    def compared(self, column: Column) -> _Arrays:
        """Compare the outputs of some networks with those of one."""
        rows = Rows(self, column.store)
        sources, targets = (
            np.stack([rows.outputs(label, "test") for label in labels])
            for labels in (column.sources, (column.target,))
        )
        return {"cross_entropy": cross_entropy(sources, targets)[:, 0]}
