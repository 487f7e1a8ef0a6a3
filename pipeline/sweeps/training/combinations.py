"""Combinations of the labels of a training sweep: the largest, one of each size, and which start alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.sweeps.training.checks import STARTING
from relusweep.pipeline.sweeps.training.of_setting import completed, group_of, network_of
from relusweep.pipeline.sweeps.training.parts import Network, Protocol
from relusweep.pipeline.sweeps.training.places import Place
from relusweep.tasks import activations, networks
from relusweep.tasks.axes import Setting
from relusweep.tasks.probes import Extent
from relusweep.tasks.problems import Problem

__all__ = ["Combinations"]

_SIZES = frozenset({"width", "depth", "widths"})


@dataclass(frozen=True)
class Combinations:
    """Combinations of labels, as settings.

    Attributes
    ----------
    problem : Problem
    network : Network
    protocol : Protocol
    places : mapping of str to Place
        Of all axes but problems and trials.
    """

    problem: Problem
    network: Network
    protocol: Protocol
    places: Mapping[str, Place]

    def largest(self) -> Extent:
        """Give how large networks are, and how long they train, at most."""
        largest = [network_of(self.problem, setting) for setting in self.sizes()]
        return Extent(
            self.problem,
            max(network.n_parameters for network in largest),
            self._most_epochs(),
            self.protocol.restarts is not None,
            max(network.width for network in largest),
            max(network.depth for network in largest),
            self.protocol.pretraining is not None,
            max(network.n_outputs for network in largest),
        )

    def sizes(self) -> Iterator[Setting]:
        """Give settings among which the largest network is."""
        largest = {dim: place.labels[-1] for dim, place in self.places.items()}
        usual = {"init": "he_normal", "leak": 0.0}  # whatever goes with all others
        own = sorted(
            self.problem.settings(), key=lambda setting: self.problem.n_inputs_of({**largest, **setting})
        )
        larger = [name for name in self.network.activation if _is_larger(activations.load(name))]
        for widths, activation, skip, loss in product(
            self.network.widths, ["relu", *larger], self.network.skip or ("none",), self.protocol.loss
        ):
            of = {"widths": widths, "activation": activation, "skip": skip, "loss": loss}
            most = {self.problem.n_outputs_of({**largest, **setting, **of}): setting for setting in own}
            for setting in most.values():
                yield completed(self.problem, {**largest, **usual, **setting, **of})

    def _most_epochs(self) -> int:
        restarts = self.protocol.restarts
        return max(self.protocol.epochs) + (max(restarts.further_epochs) if restarts else 0)

    def networks(self) -> Iterator[networks.Network]:
        """Give a network of each size."""
        sizes = [dim for dim, place in self.places.items() if place.part == "problem" or dim in _SIZES]
        for size in product(*(self.places[dim].labels for dim in sizes)):
            labels = {**self._first, **dict(zip(sizes, size, strict=True))}
            yield network_of(self.problem, completed(self.problem, labels))

    def starting(self, dims: Sequence[str], wanted: NDArray[np.bool_] | None) -> Iterator[Setting]:
        """Give what is asked for of the axes that decide how networks start, with the first of the others.

        Parameters
        ----------
        dims : sequence of str
            Of the cells.
        wanted : ndarray of bool, optional
            Which cells are asked for, along `dims` or of length one; by default all.
        """
        some = [dim for dim, at in self.places.items() if at.part == "problem" or dim in STARTING]
        rest = tuple(i for i, dim in enumerate(dims) if dim not in some)
        any_wanted = np.array(True) if wanted is None else wanted.any(axis=rest)
        asked = np.broadcast_to(any_wanted, [len(self.places[dim].labels) for dim in some])
        for labels, is_asked in zip(
            product(*(self.places[dim].labels for dim in some)), asked.flat, strict=True
        ):
            if is_asked:
                yield completed(self.problem, {**self._first, **dict(zip(some, labels, strict=True))})

    def alike(self, dim: str, seed: int) -> bool:
        """Tell whether networks that differ in a label of an axis alone have the same start, as named."""
        settings = [completed(self.problem, {**self._first, dim: label}) for label in self.places[dim].labels]
        problem = self.problem.names()[0] if self.problem.labels else None
        shapes = {
            (group_of(setting), *(setting.get(name) for name in ("width", "depth", "widths", "init", "skip")))
            for setting in settings
        }
        inputs = {(self.problem.n_inputs_of(of), self.problem.n_outputs_of(of)) for of in settings}
        names = {self.problem.start_name(setting, problem, seed) for setting in settings}
        return len(shapes) == len(inputs) == len(names) == 1

    @property
    def _first(self) -> dict[str, Any]:
        return {dim: place.labels[0] for dim, place in self.places.items()}


def _is_larger(activation: activations.Activation) -> bool:
    return bool(activation.scalars) or activation.grouped
