"""What fields, each allowed, cannot be together: asked before anything is planned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.tasks import activations
from relusweep.tasks.axes import Setting

if TYPE_CHECKING:
    from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

__all__ = ["check"]


def check(sweep: TrainingSweep) -> None:
    """Check a sweep.

    Raises
    ------
    InvalidSweep
        The message says what to change.
    """
    labels = {dim: place.labels for dim, place in sweep.places.items()}
    try:
        _ = sweep.wanted
        _check_sizes(sweep, labels)
        for dim, name, kind in _idle(sweep):
            raise ValueError(
                f"{dim} has several labels, and {kind} does not use it: the same networks would be trained "
                f'again. Give {dim} one value, or where: "{name}"'
            )
        if others := [loss for loss in labels["loss"] if loss not in sweep.problem.losses]:
            allowed = " or ".join(sweep.problem.losses)
            raise ValueError(f"loss = {others[0]}: the problem {sweep.problem.kind} allows {allowed}")
        if sweep.protocol.restarts and labels["stop"] != ("last_epoch",):
            raise ValueError("restarts hold the bar against the loss after all epochs; set stop=last_epoch")
        for setting in _batches(sweep):
            _check_batch(sweep, setting)
        sweep.problem.check()
        for probe in sweep.probes:
            probe.check(sweep.problem, labels)
    except ValueError as error:
        raise InvalidSweep(f"{sweep.name}: {error}") from None


def _check_sizes(sweep: TrainingSweep, labels: dict[str, tuple[Any, ...]]) -> None:
    first = {dim: some[0] for dim, some in labels.items()}
    if labels["widths"] != ("",):
        if labels["width"] != (0,) or labels["depth"] != (0,) or "" in labels["widths"]:
            raise ValueError("widths say the units of every layer; leave out width and depth")
    elif 0 in labels["depth"]:
        raise ValueError("depth = 0: give the number of hidden layers, at least 1, or widths")
    elif 0 in labels["width"] and sweep.problem.own_width(first) is None:
        raise ValueError(
            f"width = auto: the problem {sweep.problem.kind} has no width of its own; give numbers, or widths"
        )
    slow = [name for name in labels["activation"] if not activations.load(name).in_lanes]
    if slow and sweep.engine == "lanes":
        raise ValueError(f"activation = {slow[0]}: only the engine reference has it; set engine=reference")


def _idle(sweep: TrainingSweep) -> Iterator[tuple[str, str, str]]:
    """Find constants of an optimiser with several labels, beside an optimiser that has none of them."""
    owners = {"beta1": "adam", "beta2": "adam", "epsilon": "adam", "momentum": "sgd"}
    kinds = sweep.places["optimizer"].labels
    leaky = [name for name in sweep.network.activation if not activations.load(name).uses_leak]
    if sweep.network.leak != (0.0,) and leaky and sweep.where is None:
        yield "leak", "activation == 'relu' or leak == 0", leaky[0]
    for dim, owner in owners.items():
        labels = sweep.places[dim].labels
        others = [kind for kind in kinds if kind != owner]
        if len(labels) > 1 and others and sweep.where is None:
            yield dim, f"optimizer == '{owner}' or {dim} == {labels[0]}", others[0]


def _batches(sweep: TrainingSweep) -> Iterator[Setting]:
    """Give a setting for each number of rows and batch."""
    first = {dim: place.labels[0] for dim, place in sweep.places.items()}
    own = {dim: place.labels for dim, place in sweep.places.items() if place.part == "problem"}
    settings: list[dict[str, object]] = [first]
    for dim, labels in {**own, "batch": sweep.places["batch"].labels}.items():
        settings = [{**setting, dim: label} for setting in settings for label in labels]
    yield from settings


def _check_batch(sweep: TrainingSweep, setting: Setting) -> None:
    rows, batch = sweep.problem.n_rows_of(setting), setting["batch"]
    if batch and rows % batch:
        fitting = ",".join(str(size) for size in sweep.places["batch"].labels if size and rows % size == 0)
        raise ValueError(
            f"{rows} samples cannot be cut into batches of {batch}; set the batches too, as --set "
            f"batch={fitting or rows}"
        )
