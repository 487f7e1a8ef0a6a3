"""What probes share that take units out of trained networks and fine-tune the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from relusweep._yaml import Whole
from relusweep.tasks import activations
from relusweep.tasks.probes import Extent, Probe, Trained
from relusweep.tasks.problems import Problem
from relusweep.tasks.pruning.fine_tuning import FineTuning
from relusweep.tasks.training.protocol import Protocol, StopReason

__all__ = [
    "PruningProbe",
    "missing_rows",
    "needs_classes",
    "row_weights",
    "succeeded",
    "training_memory",
    "training_work",
]


class PruningProbe(Probe):
    """A probe that fine-tunes parts of the networks that succeeded, by the protocol that trained them.

    Attributes
    ----------
    most_epochs : int, optional
        Of a fine-tuning; by default those of the protocol.
    """

    most_epochs: Annotated[Whole, Field(ge=1, le=10_000_000, description="1 to 10 000 000")] | None = None

    def check(self, problem: Problem, settings: Mapping[str, tuple[Any, ...]]) -> None:
        """Refuse what has no right rows, and what cannot go on training as it was trained."""
        needs_classes(self.kind, problem)
        if any(settings["batch"]):
            raise ValueError(
                f"{self.kind} fine-tunes with all rows at once, and batch is {max(settings['batch'])}; set "
                "batch=all, or leave the probe out"
            )
        if "bar" in settings:
            raise ValueError(f"{self.kind} is of networks without restarts; leave out either")
        of = {name: activations.load(name) for name in settings["activation"]}
        if others := [name for name, activation in of.items() if activation.scalars or activation.grouped]:
            raise ValueError(
                f"{self.kind} takes out units of one sum without numbers of their own, as those of relu, not "
                f"{', '.join(others)}; leave it out"
            )

    def fine_tuned(self, protocol: Protocol) -> Protocol:
        """Give the protocol of the fine-tuning."""
        return protocol.model_copy(update={"epochs": self.most_epochs} if self.most_epochs else {})

    def epochs_of(self, extent: Extent) -> int:
        """Give the most epochs of a fine-tuning of any network."""
        return self.most_epochs or extent.most_epochs

    def tuning(self, trained: Trained, originals: NDArray[np.intp]) -> FineTuning:
        """Describe the originals."""
        inputs, targets = trained.trials[:2]
        weights = row_weights(trained)
        return FineTuning(
            self.fine_tuned(trained.protocol),
            inputs[originals] if inputs.ndim == 3 else inputs,
            targets[originals],
            trained.parameters[originals],
            None if weights is None else weights[originals],
            trained.engine,
        )


def row_weights(trained: Trained) -> NDArray[Any] | None:
    """Give the weight of each row of each network, where rows have weights: (n_networks, n_rows)."""
    weights, targets = trained.trials.weights, trained.trials.targets
    return None if weights is None else np.broadcast_to(weights, targets.shape[:2])


def succeeded(trained: Trained) -> NDArray[np.intp]:
    """Find the networks that succeeded and are finite: the originals."""
    result = trained.result
    return np.flatnonzero((result.success_epoch >= 0) & (result.stop_reason != StopReason.NOT_FINITE))


def missing_rows(
    probe: Probe,
    extent: Extent,
    n_networks: int,
    originals: NDArray[np.intp],
    found: Mapping[str, NDArray[Any]],
) -> dict[str, NDArray[np.generic]]:
    """Put what was found of originals, perhaps of smaller ones, into arrays of what is missing."""
    sizes = {dim: len(labels) for dim, (labels, _) in probe.inner(extent).items()}
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, (dims, dtype, fill, _) in probe.variables(extent).items():
        arrays[name] = np.full((n_networks, *(sizes[dim] for dim in dims)), fill, dtype)
        if len(originals):
            inside: tuple[Any, ...] = tuple(slice(size) for size in found[name].shape[1:])
            arrays[name][(originals, *inside)] = found[name]
    return arrays


def needs_classes(probe: str, problem: Problem) -> None:
    """Raise ValueError where rows are not right or wrong."""
    if not problem.has_classes:
        raise ValueError(
            f"{probe} asks which parts are right on the rows, and rows of {problem.kind} are not right or "
            "wrong; leave it out"
        )


def training_work(n_parameters: int, n_rows: int, epochs: float) -> float:
    """Estimate the multiply-adds of training one network."""
    return epochs * n_rows * (6.0 * n_parameters + 50.0)


def training_memory(n_networks: int, n_parameters: int, n_rows: int) -> float:
    """Estimate the bytes of networks that are trained at a time: starts, parameters, places, targets."""
    return 4.0 * n_networks * (8 * n_parameters + 2 * n_rows)
