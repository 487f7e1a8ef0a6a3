"""The networks of each neuron, function, size and optimiser, at the rates that serve them best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from relusweep.pipeline.report.training.axes import labels
from relusweep.tasks.medians import Median, median

__all__ = [
    "DECOMPOSED",
    "NEURONS",
    "Case",
    "best",
    "cases",
    "is_one_neuron",
    "name_of",
    "neurons_of",
    "rates",
]

DECOMPOSED = ("decomposed_relu", "decomposed_softplus")
NEURONS = {
    "relu": "ReLU",
    "silu": "SiLU",
    "softplus": "softplus",
    "decomposed_relu": "ReLU kind",
    "decomposed_softplus": "softplus kind",
}
_RATES = ("learning_rate", "kink_rate", "slope_rate")
_LEAST = 2.0**-149  # float32 has none between it and 0, of which there is no logarithm


@dataclass(frozen=True)
class Case:
    """Networks that differ in nothing but their start.

    Attributes
    ----------
    labels : mapping of str to label
        Of all axes but the trials.
    losses : ndarray of shape (n_trials,)
        At the end; infinite where outputs are not finite.
    epochs : ndarray of shape (n_trials, n_levels)
        At which the loss is first seen to be at most each of the levels; infinite: never.
    levels : ndarray of shape (n_levels,)
        Ascending.
    grows : ndarray of shape (n_trials,), optional
        Of one neuron, whether its output grows with the input at its start.
    """

    labels: Mapping[str, Any]
    losses: NDArray[np.float64]
    epochs: NDArray[np.float64]
    levels: NDArray[np.float64]
    grows: NDArray[np.bool_] | None = None

    @property
    def neuron(self) -> str:
        """Its name: of decomposed ones with what biases and scalars follow."""
        return name_of(self.labels)

    @property
    def decomposed(self) -> bool:
        """Whether it is of one of the two kinds."""
        return self.labels["activation"] in DECOMPOSED

    @property
    def ruled(self) -> bool:
        """Whether biases and scalars follow their rules."""
        return self.decomposed and str(self.labels.get("scalars")).startswith("rules")

    @cached_property
    def loss(self) -> Median:
        """The median of the final losses, with its interval."""
        return median(self.losses)

    @cached_property
    def logarithm(self) -> Median:
        """The median of the decimal logarithms of the final losses, with its interval."""
        return median(np.log10(np.maximum(self.losses, _LEAST)))

    def epoch(self, level: float) -> float:
        """Give the median epoch at which a level is reached; infinite where fewer than half reach it."""
        return float(np.median(self.epochs[:, np.searchsorted(self.levels, level)]))


def name_of(at: Mapping[str, Any]) -> str:
    """Name a neuron by its labels."""
    if at["activation"] in DECOMPOSED:
        follows = str(at.get("scalars", "backpropagation")).replace("_", " ")
        return f"{NEURONS[at['activation']]}, {follows}"
    if at["activation"] == "maximum":
        return f"maximum of {at['group']}"
    leaky = f"leaky ReLU ({at['leak']:g})" if at.get("leak") else None
    return leaky or NEURONS.get(at["activation"], at["activation"])


def _sized(at: Mapping[str, Any]) -> dict[str, Any]:
    """Say width and depth of networks whose layers are given one by one."""
    units = [int(size) for size in str(at.get("widths") or "").split("-") if size]
    return {**at, "width": max(units), "depth": len(units)} if units else {**at}


def cases(dataset: xr.Dataset) -> list[Case]:
    """Cut a dataset into cases, and leave out those of which nothing ran.

    Parameters
    ----------
    dataset : xarray.Dataset
        With what the probe `reached` keeps; axes of one label may be scalar coordinates.
    """
    dims = [str(dim) for dim in dataset["final_loss"].dims if dim != "trial"]
    along = {dim: labels(dataset, dim) for dim in dims}
    alone = {str(name): labels(dataset, str(name))[0] for name in dataset.coords if not dataset[name].ndim}
    data = dataset[["final_loss", "reached_epoch", "stop_reason"]].compute().transpose(*dims, "trial", ...)
    trials, levels = data.sizes["trial"], data["reached_loss"].to_numpy().astype(float)
    losses = data["final_loss"].to_numpy().reshape(-1, trials).astype(float)
    epochs = data["reached_epoch"].to_numpy().reshape(-1, trials, len(levels)).astype(float)
    ran = data["stop_reason"].to_numpy().reshape(-1, trials) >= 0
    grows = _growth(dataset, dims)
    return [
        Case(
            _sized({**alone, **dict(zip(along, some, strict=True))}),
            np.where(np.isfinite(losses[i]), losses[i], np.inf)[ran[i]],
            np.where(epochs[i] >= 0, epochs[i], np.inf)[ran[i]],
            levels,
            None if grows is None else grows.reshape(-1, trials)[i][ran[i]],
        )
        for i, some in enumerate(product(*along.values()))
        if ran[i].any()
    ]


def _growth(dataset: xr.Dataset, dims: Sequence[str]) -> NDArray[np.bool_] | None:
    """Tell of one neuron of one input whether it grows at its start: weights in and out are of one sign."""
    if not is_one_neuron(dataset) or "snapshots" not in dataset or 0 not in dataset["snapshot_epoch"]:
        return None
    start = dataset["snapshots"].sel(snapshot_epoch=0).transpose(*dims, "trial", "parameter").to_numpy()
    grows: NDArray[np.bool_] = start[..., 0] * start[..., 2] > 0
    return grows


def is_one_neuron(dataset: xr.Dataset) -> bool:
    """Whether all networks are one hidden unit."""
    return labels(dataset, "width") == [1] and labels(dataset, "depth") == [1]


def best(some: Iterable[Case], level: float | None = None) -> Case | None:
    """Give the case of the least median loss, or of the fewest epochs to a level; None of none."""
    return min(
        some,
        key=lambda case: (float("inf") if level is None else case.epoch(level), float(case.loss.median)),
        default=None,
    )


def neurons_of(some: Iterable[Case]) -> list[str]:
    """Name the neurons there are: usual ones, then each kind, first by its rules."""
    order = list(NEURONS)

    def place(case: Case) -> tuple[Any, ...]:
        name = case.labels["activation"]
        known = order.index(name) if name in order else -1
        return case.decomposed, known < 0, known, not case.ruled, case.labels["leak"], case.neuron

    places = {case.neuron: place(case) for case in some}
    return sorted(places, key=lambda name: places[name])


def rates(case: Case) -> str:
    """Write optimiser and rates of a case."""
    used = [name for name in _RATES if name in case.labels and (name == "learning_rate" or case.ruled)]
    return ", ".join([str(case.labels["optimizer"]), *(f"{case.labels[name]:g}" for name in used)])
