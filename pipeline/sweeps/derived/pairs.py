"""A sweep over pairs of stored networks of one setting and problem, in a group beside theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.sweeps.base import Block, Coordinate, Schedule, Task
from relusweep.pipeline.sweeps.derived.sweep import DerivedSweep
from relusweep.tasks.pairs import Comparison

__all__ = ["DerivedPairs"]

_SIDE = 32  # networks along each side of a block: of each what is compared is computed once
_OTHER = "other_trial"
_ATTRS = {"long_name": "number of the trial of the other network", "units": "1", "part": "trial"}


class DerivedPairs(DerivedSweep):
    """A comparison of every two trials of the same setting and problem."""

    unit: ClassVar[str] = "pairs"
    verb: ClassVar[str] = "compare"

    @property
    def function(self) -> Comparison:
        """What compares."""
        assert isinstance(self.spec.function, Comparison)  # see `derived`
        return self.spec.function

    @cached_property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """The trials, the other axes of the source, and the trials again."""
        others = dict(self.network_axes)
        trials = others.pop("trial")
        return {"trial": trials, **others, _OTHER: trials}

    @property
    def _alone(self) -> dict[str, NDArray[Any]]:
        return {dim: labels for dim, labels in self.axes.items() if dim != _OTHER}

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Give what the source knows of its labels, and the others."""
        return {**self._coordinates(self._alone), _OTHER: (_OTHER, self.axes[_OTHER], _ATTRS)}

    @cached_property
    def wanted(self) -> NDArray[np.bool_]:
        """Pairs of which the store has both."""
        one = np.moveaxis(self.there, -1, 0)
        return one[..., None] & self.there[None]

    @property
    def again(self) -> bool:
        """Whether networks are trained again: their parameters are not in the store."""
        return "parameters" not in self.networks.dataset

    def task(self, block: Block, store: str) -> Task:
        """Give what compares some networks with others."""
        from relusweep.tasks.derived_block import PairsBlock, compare_pairs

        labels = dict(block.labels)
        others = labels.pop(_OTHER)
        one = self._block(replace(block, labels=self._in_order(labels)))
        other = self._block(replace(block, labels=self._in_order({**labels, "trial": others})))
        return compare_pairs, PairsBlock(self.function, one, other)

    def _in_order(self, labels: Mapping[str, tuple[Any, ...]]) -> tuple[tuple[str, tuple[Any, ...]], ...]:
        return tuple((dim, labels[dim]) for dim in self.source.axes)

    @cached_property
    def schedule(self) -> Schedule:
        """Some networks of one setting and problem with some others."""
        ends = {"trial", _OTHER}
        return Schedule(block_shape={dim: _SIDE if dim in ends else 1 for dim in self.axes}, divisible=False)
