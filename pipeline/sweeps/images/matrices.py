"""The stages that compare every two networks: small matrices, from sums or from the networks' outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.sweeps.base import Block, Coordinate, Schedule, Sweep, Task
from relusweep.pipeline.sweeps.images.jacobians import OfJacobians
from relusweep.pipeline.sweeps.images.stage import PAIR
from relusweep.pipeline.sweeps.images.sums import SUM_FIELDS, Sums
from relusweep.storage.layout import Variable

if TYPE_CHECKING:
    from relusweep.tasks.comparison.matrices import Measure

__all__ = ["Affine", "Cka", "CrossEntropy", "Distance"]

_CHUNK = 32  # networks along each side of a chunk of the store, however many there come to be


class _Matrix(OfJacobians):
    """A matrix of networks by networks; a block is some rows of a column."""

    stage: ClassVar[Measure]
    unit: ClassVar[str] = "pairs"
    verb: ClassVar[str] = "compare"

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Networks from which and to which."""
        return dict.fromkeys(PAIR, self.networks)

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Say what the networks are."""
        return self.of_pairs

    def task(self, block: Block, store: str) -> Task:
        """Give what computes some rows of a column."""
        from relusweep.tasks.comparison.matrices import ColumnBlock, compare

        sources, (target,) = (block[dim] for dim in PAIR)
        return compare, ColumnBlock(
            self.stage, self.coefficients(store), sources, target, self.spec.replicates
        )

    @property
    def schedule(self) -> Schedule:
        """A column; chunks that do not depend on how many networks there are."""
        return Schedule(
            block_shape=dict(zip(PAIR, (len(self.spec.networks), 1), strict=True)),
            chunks=dict.fromkeys(PAIR, _CHUNK),
            divisible=False,
        )


class _OfSums(_Matrix):
    """A matrix that follows from sums."""

    fields: ClassVar[frozenset[str]] = SUM_FIELDS

    @property
    def requires(self) -> tuple[Sweep, ...]:
        """Sums."""
        return (Sums(self.spec),)

    @property
    def attrs(self) -> Mapping[str, Any]:
        """What the sums say of themselves."""
        return Sums(self.spec).attrs


def _variable(words: str, units: str = "1", comment: str = "") -> Variable:
    attrs = {"long_name": words, "units": units} | ({"comment": comment} if comment else {})
    return Variable(PAIR, "float64", np.nan, attrs)


class Affine(_OfSums):
    """How well coefficients of one network, mapped linearly to those of another, classify the test images."""

    stage = "affine"

    @property
    def variables(self) -> Mapping[str, Variable]:
        """Accuracy, and the drop from that of the target."""
        return {
            "accuracy": _variable("share of test images that mapped coefficients classify right"),
            "drop": _variable("accuracy of network_to minus that of the coefficients mapped to it"),
        }


class Distance(_OfSums):
    """How far the coefficients of two networks are apart, each in units of its largest one."""

    stage = "distance"

    @property
    def variables(self) -> Mapping[str, Variable]:
        """The distance."""
        comment = (
            "over test images, outputs and coefficients, each network in units of its largest coefficient"
        )
        return {"distance": _variable("mean squared difference of the coefficients", comment=comment)}


class Cka(_OfSums):
    """Linear centred kernel alignment of the coefficients at the test images."""

    stage = "cka"

    @property
    def variables(self) -> Mapping[str, Variable]:
        """Both estimates, the form in which they were summed, and the interval if asked for."""
        found = {
            "cka": _variable("linear CKA, mean over outputs"),
            "cka_unbiased": _variable("linear CKA by the unbiased HSIC, mean over outputs"),
        }
        if replicates := self.spec.replicates:
            comment = f"of {replicates} halves of the test images, moved to have the estimate as their mean"
            for bound, share in (("low", "2.5"), ("high", "97.5")):
                found[f"cka_{bound}"] = _variable(f"CKA, {share} % quantile", comment=comment)
        form = Sums(self.spec).variables["cka_form"]
        return found | {"cka_form": Variable(PAIR, form.dtype, form.fill, form.attrs)}


class CrossEntropy(_Matrix):
    """Cross-entropy of the softmax outputs at the test images; the diagonal is the entropy."""

    stage = "cross_entropy"

    @property
    def variables(self) -> Mapping[str, Variable]:
        """The cross-entropy."""
        comment = "probabilities p of network_from, q of network_to"
        return {"cross_entropy": _variable("mean of -sum p log q over test images", "nat", comment)}
