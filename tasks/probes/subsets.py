"""Exhaustive pruning of one hidden layer: which subsets of its units succeed, fine-tuned."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from relusweep._yaml import Whole
from relusweep.tasks.axes import Setting
from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.probes import Cost, Extent, Trained
from relusweep.tasks.probes._pruning import (
    PruningProbe,
    missing_rows,
    succeeded,
    training_memory,
    training_work,
)
from relusweep.tasks.problems import Problem
from relusweep.tasks.pruning.fine_tuning import AT_ONCE
from relusweep.tasks.training.protocol import Protocol

__all__ = ["Subsets"]

_MOST_UNITS = 20
_SIZE = ("kept_units",)
_CURVE = ("trajectory", "trajectory_epoch")
_PER_DECADE = 16


class Subsets(PruningProbe):
    """Every subset of 1, 2, … hidden units of each network that succeeded, up to the first that succeeds.

    Attributes
    ----------
    all_sizes : bool
        Whether to go on to subsets of all units.
    trajectories : int
        Subsets of the least size whose loss is kept along their fine-tuning.
    """

    block_trials: ClassVar[int] = 4
    kind: Literal["subsets"] = "subsets"
    all_sizes: bool = False
    trajectories: Annotated[Whole, Field(ge=0, le=100, description="0 to 100")] = 8

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Refuse networks of several hidden layers, and of too many units."""
        super().check(problem, settings)
        if settings["depth"] != (1,) or settings["widths"] != ("",):
            raise ValueError(
                "subsets is of networks of one hidden layer; set depth=1 and no widths, or take the probe "
                "removals, which is of any depth"
            )
        if (most := max(settings["width"])) > _MOST_UNITS:
            raise ValueError(
                f"{most} units have {2**most:,} subsets; subsets takes up to {_MOST_UNITS} units: set width "
                "to less, or take the probe removals"
            )

    def variables(self, extent: Extent) -> Mapping[str, Declared]:
        """Give the least size, what succeeds at each size, and losses along the way."""
        found = {
            "least_units": numbers("int16", "units of the smallest subset that succeeds"),
            "subsets_right": numbers("int32", "subsets of so many units that succeed", _SIZE),
            "subset_epoch": numbers("int32", "epochs of the fastest of them", _SIZE),
            "subset_epoch_median": numbers("float32", "median of their epochs", _SIZE),
        }
        if not self.trajectories:
            return found
        return found | {
            "trajectory_units": numbers(
                "int32", "subset whose loss is kept", _CURVE[:1], comment="bit u is set where unit u is kept"
            ),
            "trajectory_success": numbers(
                "int32", "epoch of success of the subset", _CURVE[:1], fill=-2, comment="-1: never"
            ),
            "trajectory_loss": numbers("float32", "loss along fine-tuning, mean over rows", _CURVE),
        }

    def inner(self, extent: Extent) -> Mapping[str, tuple[NDArray[Any], Mapping[str, Any]]]:
        """Give sizes, numbers of trajectories, and their epochs."""
        sizes = {"long_name": "units of a subset", "units": "1"}
        found: dict[str, tuple[NDArray[Any], Mapping[str, Any]]] = {
            "kept_units": (np.arange(1, extent.most_width + 1), sizes)
        }
        if self.trajectories:
            which = {
                "long_name": "number of the subset",
                "units": "1",
                "comment": "those that succeed from the fastest on, then others from the lowest loss on",
            }
            epochs = {"long_name": "epochs of fine-tuning made", "units": "1"}
            found["trajectory"] = (np.arange(self.trajectories), which)
            found["trajectory_epoch"] = (np.array(self._curve_epochs(extent)), epochs)
        return found

    def _curve_epochs(self, extent: Extent) -> tuple[int, ...]:
        most = self.epochs_of(extent)
        powers = range(_PER_DECADE * len(str(most)) + 1)
        return tuple(sorted({0, *(e for i in powers if (e := round(10 ** (i / _PER_DECADE))) <= most)}))

    def cost(self, setting: Setting, protocol: Protocol, n_rows: int) -> Cost:
        """Take it that parts of as many units as inputs are the first that succeed, as of parity."""
        network, epochs = protocol.network, self.fine_tuned(protocol).epochs
        last = network.width if self.all_sizes else min(network.width, network.n_inputs)
        work = sum(
            comb(network.width, size) * training_work(size * (network.n_inputs + 2) + 1, n_rows, epochs)
            for size in range(1, last + 1)
        )
        return Cost(work, training_memory(AT_ONCE, network.n_parameters, n_rows))

    def measure(self, trained: Trained, extent: Extent) -> dict[str, NDArray[np.generic]]:
        """Prune the networks that succeeded; of others nothing is said."""
        from relusweep.tasks.pruning.subsets import fine_tune_subsets

        originals = succeeded(trained)
        found = fine_tune_subsets(
            self.tuning(trained, originals),
            all_sizes=self.all_sizes,
            trajectories=self.trajectories,
            epochs=self._curve_epochs(extent) if self.trajectories else (),
        )
        arrays: dict[str, NDArray[Any]] = {
            "least_units": found.least,
            "subsets_right": found.right,
            "subset_epoch": found.first_epoch,
            "subset_epoch_median": found.median_epoch,
        }
        if self.trajectories:
            arrays |= {
                "trajectory_units": found.trajectories.units,
                "trajectory_success": found.trajectories.success_epoch,
                "trajectory_loss": found.trajectories.loss,
            }
        return missing_rows(self, extent, len(trained.parameters), originals, arrays)
