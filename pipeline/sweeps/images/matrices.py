"""The stages that compare every two networks: small matrices, from sums or from the networks' outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.pipeline.sweeps.images.jacobians import OfJacobians
from relusweep.pipeline.sweeps.images.stage import PAIR
from relusweep.pipeline.sweeps.images.sums import SUM_FIELDS, Sums
from relusweep.pipeline.sweeps.variables import numbers
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
    dims: ClassVar[tuple[str, ...]] = PAIR

    def task(self, block: Block, store: str) -> Task:
        """Give what computes some rows of a column."""
        from relusweep.tasks.comparison.matrices import ColumnBlock, compare

        sources, (target,) = (block[dim] for dim in PAIR)
        return compare, ColumnBlock(
            self.stage,
            self.coefficients(store),
            sources,
            target,
            self.spec.replicates,
            self.spec.distance_unit,
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


class Affine(_OfSums):
    """How well coefficients of one network, mapped linearly to those of another, classify the test images."""

    stage = "affine"
    variables: ClassVar[Mapping[str, Variable]] = {
        "accuracy": numbers(PAIR, "float64", "share of test images that mapped coefficients classify right"),
        "drop": numbers(
            PAIR, "float64", "accuracy of network_to minus that of the coefficients mapped to it"
        ),
    }


class Distance(_OfSums):
    """How far the coefficients of two networks are apart, each in units of its largest one."""

    fields: ClassVar[frozenset[str]] = SUM_FIELDS | {"distance_unit"}
    stage = "distance"
    variables: ClassVar[Mapping[str, Variable]] = {
        "distance": numbers(
            PAIR,
            "float64",
            "mean squared difference of the coefficients",
            comment="over test images, outputs and coefficients, each network in units of its largest "
            "coefficient: that of distance_unit in the specification",
        )
    }


class Cka(_OfSums):
    """Linear centred kernel alignment of the coefficients at the test images."""

    stage = "cka"

    @property
    def variables(self) -> Mapping[str, Variable]:
        """Both estimates, the form in which they were summed, and the interval if asked for."""
        found = {
            "cka": numbers(PAIR, "float64", "linear CKA, mean over outputs"),
            "cka_unbiased": numbers(PAIR, "float64", "linear CKA by the unbiased HSIC, mean over outputs"),
        }
        if replicates := self.spec.replicates:
            comment = f"of {replicates} halves of the test images, moved to have the estimate as their mean"
            for bound, share in (("low", "2.5"), ("high", "97.5")):
                found[f"cka_{bound}"] = numbers(PAIR, "float64", f"CKA, {share} % quantile", comment=comment)
        return found | {"cka_form": replace(Sums(self.spec).variables["cka_form"], dims=PAIR)}


class CrossEntropy(_Matrix):
    """Cross-entropy of the softmax outputs at the test images; the diagonal is the entropy."""

    stage = "cross_entropy"
    variables: ClassVar[Mapping[str, Variable]] = {
        "cross_entropy": numbers(
            PAIR,
            "float64",
            "mean of -sum p log q over test images",
            units="nat",
            comment="probabilities p of network_from, q of network_to",
        )
    }
