"""What optimisers, schedules and stops lack, or do not use: asked before anything is planned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["check_updates", "idle_updates"]

Labels = Mapping[str, tuple[Any, ...]]

_ADAMS = ("adam", "adamw")
_OF_KINDS = {
    ("optimizer", "beta1"): _ADAMS,
    ("optimizer", "beta2"): _ADAMS,
    ("optimizer", "epsilon"): (*_ADAMS, "rmsprop"),
    ("optimizer", "momentum"): ("sgd",),
    ("optimizer", "nesterov"): ("sgd",),
    ("optimizer", "alpha"): ("rmsprop",),
    ("schedule", "schedule_every"): ("step", "cosine"),
    ("schedule", "schedule_factor"): ("step", "plateau"),
    ("schedule", "schedule_patience"): ("plateau",),
    ("schedule", "schedule_threshold"): ("plateau",),
    ("schedule", "schedule_floor"): ("cosine", "plateau"),
    ("stop", "patience"): ("plateau",),
    ("stop", "min_improvement"): ("plateau",),
    ("stop", "target_loss"): ("target_loss",),
    ("stop", "most_loss"): ("divergence",),
}
"""Axes that only some kinds of optimisers, schedules and stops use."""
_LATER = ("nesterov", "alpha", "schedule_every", "patience", "min_improvement", "target_loss", "most_loss")
"""Those of them that are there only where they are given."""
_NEEDED = (
    ("schedule", "step", "schedule_every", 100),
    ("stop", "plateau", "patience", 10),
    ("stop", "target_loss", "target_loss", 0.01),
    ("stop", "divergence", "most_loss", 100),
)
"""What these kinds do not go without, and an example."""


def check_updates(labels: Labels) -> None:
    """Refuse what optimiser, schedule and stop lack, or do not use, or cannot do together."""
    for by, kind, dim, example in _NEEDED:
        if kind in labels.get(by, ()) and dim not in labels:
            raise ValueError(f"{by} = {kind}: say {dim}, as --set {dim}={example}")
    for (by, dim), owners in _OF_KINDS.items():
        if dim in _LATER and dim in labels and not set(owners) & set(labels[by]):
            raise ValueError(f"{dim} is of {by} = {' or '.join(owners)}; set {by}={owners[0]}, or {dim}=none")
    if True in labels.get("nesterov", ()) and not any(labels["momentum"]):
        raise ValueError("nesterov = true is of momentum; set momentum above 0, as --set momentum=0.9")
    longest, epochs = max(labels.get("warmup", (0,))), min(labels["epochs"])
    if longest >= epochs:
        raise ValueError(
            f"warmup = {longest} takes all of {epochs} epochs; set fewer, as --set warmup={epochs // 10}"
        )


def idle_updates(labels: Labels) -> Iterator[tuple[str, str, str]]:
    """Find axes of several labels that some optimiser, schedule or stop does not use."""
    if len(labels.get("nesterov", ())) > 1 and 0.0 in labels["momentum"]:
        yield "nesterov", "momentum > 0 or nesterov == False", "momentum = 0"
    for (by, dim), owners in _OF_KINDS.items():
        others = [kind for kind in labels.get(by, ()) if kind not in owners]
        if len(labels.get(dim, ())) > 1 and others:
            own = [kind for kind in labels[by] if kind in owners] or list(owners)
            owned = f"{by} == {own[0]!r}" if len(own) == 1 else f"{by} in {own}"
            yield dim, f"{owned} or {dim} == {labels[dim][0]!r}", others[0]
