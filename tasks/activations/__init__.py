"""Activations of hidden units, one file each, found by its name: what ``activation`` of a network names.

A module defines ``ACTIVATION``, an :class:`Activation`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from numpy.typing import NDArray

from relusweep.tasks import discovery

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Activation", "Scalar", "Units", "load", "names"]


class Units(NamedTuple):
    """What an activation may know of the hidden units of a layer beside their sums.

    Attributes
    ----------
    leak : float
        Of the network.
    group : int
        Sums of each unit.
    biases : Tensor of shape (n_networks, 1, n_units * group)
        What the sums hold of biases.
    scalars : Tensor of shape (n_networks, 1, n_units, n_scalars)
        In the order of `Activation.scalars`.
    """

    leak: float
    group: int
    biases: Tensor
    scalars: Tensor


class Scalar(NamedTuple):
    """A number that each hidden unit has of its own, and that is trained.

    Attributes
    ----------
    name : str
    start : callable
        ``start(numbers)``: from independent uniform numbers between −1 and 1, float64 of shape (n_trials,
        n_units), the scalars of as many units, which are then rounded to float32. By ``+ - * /``, square
        roots and comparisons alone, so that bits are the same on every processor.
    """

    name: str
    start: Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True)
class Activation:
    """What a hidden unit makes of its sum z, or of several of them.

    Modules import torch inside `apply`, so that what only reads the other fields does without.

    Parameters
    ----------
    apply : callable
        ``apply(z, units)`` on tensors: z of shape (n_networks, n_rows, n_units), `units` a :class:`Units`.
        The engine ``reference`` differentiates it by autograd.
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
    pieces : {'slopes', 'largest'}, optional
        Other piecewise linear ones: whether the two scalars of a unit are its slopes below and above zero,
        or a unit is the largest of its sums.
    scalars : tuple of Scalar
        What each unit has of its own beside weights and bias.
    grouped : bool
        Whether a unit has several sums: z of `apply` has n_units * group of them, unit after unit.
    influences : callable, optional
        ``influences(z, units)``: derivatives of `apply` by the bias, the sum of weighted inputs held fixed,
        and by each scalar, of shape (n_networks, n_rows, n_units, 1 + n_scalars). Biases and scalars may then
        follow rules of their own: `relusweep.tasks.training.rules`.
    """

    apply: Callable[[Tensor, Units], Tensor]
    zero_at_zero: bool
    uses_leak: bool = False
    in_lanes: bool = False
    slope_below: Callable[[float], float] | None = None
    pieces: Literal["slopes", "largest"] | None = None
    scalars: tuple[Scalar, ...] = ()
    grouped: bool = False
    influences: Callable[[Tensor, Units], Tensor] | None = None

    @property
    def piecewise_linear(self) -> bool:
        """Whether networks of it have linear pieces and regions."""
        return self.slope_below is not None or self.pieces is not None


def names() -> tuple[str, ...]:
    """Name the activations there are."""
    return discovery.names(__name__)


def load(name: str) -> Activation:
    """Give an activation; a ValueError names those there are."""
    return discovery.load(__name__, name, Activation)
