"""Activations of hidden units, one file each, found by its name: what ``activation`` of a network names.

A module defines ``ACTIVATION``, an :class:`Activation`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relusweep.tasks import discovery

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Activation", "load", "names"]


@dataclass(frozen=True)
class Activation:
    """What a hidden unit makes of its sum z.

    Modules import torch inside `apply`, so that what only reads the other fields does without.

    Parameters
    ----------
    apply : callable
        ``apply(z, leak)`` on tensors: the engine ``reference`` differentiates it by autograd.
    zero_at_zero : bool
        Whether the activation of 0 is 0. Only then do units of zeros stay zero, which networks of unequal
        widths hold.
    uses_leak : bool
        Whether the network's leak means anything; if not, it is 0.
    in_lanes : bool
        Whether the engine ``lanes`` has it.
    slope_below : callable, optional
        ``slope_below(leak)``, where the activation is z above zero and a multiple of it below: the multiple.
        Such networks are piecewise linear; `relusweep.tasks.regions` finds their pieces.
    """

    apply: Callable[[Tensor, float], Tensor]
    zero_at_zero: bool
    uses_leak: bool = False
    in_lanes: bool = False
    slope_below: Callable[[float], float] | None = None


def names() -> tuple[str, ...]:
    """Name the activations there are."""
    return discovery.names(__name__)


def load(name: str) -> Activation:
    """Give an activation; a ValueError names those there are."""
    return discovery.load(__name__, name, Activation)
