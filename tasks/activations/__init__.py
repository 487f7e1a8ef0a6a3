"""Activations of hidden units, one file each, found by its name: what ``activation`` of a network names.

A module defines ``ACTIVATION``, an :class:`Activation`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from numpy.typing import NDArray

from relusweep.tasks import discovery, own

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Activation", "Scalar", "Units", "load", "names", "own_code", "try_own"]


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
        Whether the activation of 0 is 0. Only then do units whose weights are made zero stay zero.
    uses_leak : bool
        Whether the network's leak means anything; if not, it is 0.
    in_lanes : bool
        Whether the engine ``lanes`` has it.
    slope_below : callable, optional
        ``slope_below(leak)``, where the activation is z above zero and a multiple of it below: the multiple.
        Such networks are piecewise linear; `relusweep.tasks.regions` finds their pieces, also of lists.
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
    layers : tuple of Activation
        Of a list by layer, one for each hidden layer; the other fields then say what holds for all of them.
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
    layers: tuple[Activation, ...] = ()

    def of_layer(self, layer: int) -> Activation:
        """Give the activation of a hidden layer, from 0."""
        return self.layers[layer] if self.layers else self

    @property
    def piecewise_linear(self) -> bool:
        """Whether networks of it have linear pieces and regions, as `relusweep.tasks.regions` finds them."""
        if self.layers:
            return all(one.slope_below for one in self.layers)
        return self.slope_below is not None or self.pieces is not None


def names() -> tuple[str, ...]:
    """Name the activations there are."""
    return discovery.names(__name__)


def load(name: str) -> Activation:
    """Give an activation.

    Parameters
    ----------
    name : str
        One of `names`; ``module:name``, a function of a tensor of the user's own, which is imported when it
        is applied; or one for each hidden layer, as ``relu-tanh``.

    Raises
    ------
    ValueError
        There is no such activation, or one that has scalars or groups of sums stands in a list.
    """
    if own.is_path(name):
        return _own(name)
    if "-" not in name:
        return discovery.load(__name__, name, Activation)
    layers = tuple(load(one) for one in name.split("-"))
    if others := [one for one in name.split("-") if load(one).scalars or load(one).grouped]:
        raise ValueError(f"activation = {name}: {others[0]} has scalars or groups, and cannot be in a list")
    return Activation(
        _of_no_layer,
        zero_at_zero=all(one.zero_at_zero for one in layers),
        uses_leak=any(one.uses_leak for one in layers),
        in_lanes=all(one.in_lanes for one in layers),
        layers=layers,
    )


def _of_no_layer(z: Tensor, units: Units) -> Tensor:
    raise TypeError("activations of a list are applied by layer; take of_layer(i)")


def _own(path: str) -> Activation:
    def apply(z: Tensor, units: Units) -> Tensor:
        found: Tensor = own.call(path, z)
        gave, allowed = _described(found), _described(z)
        if gave != allowed:
            raise own.OwnCodeError(f"activation {path} of {allowed} gave {gave}; it has to give the former")
        return found

    return Activation(apply, zero_at_zero=False)


def _described(value: object) -> str:
    """Name the type of a value and, of a tensor, what numbers it holds, and its shape."""
    if not hasattr(value, "shape"):
        return f"a {type(value).__name__}"
    return f"a {type(value).__name__} of {getattr(value, 'dtype', 'numbers')}, of shape {tuple(value.shape)}"


def own_code(name: str) -> tuple[str, ...]:
    """Name the functions of the user's own that an activation, or a list by layer, needs."""
    return tuple(filter(own.is_path, name.split("-")))


def try_own(name: str) -> None:
    """Apply what an activation needs of the user's own to a few numbers, and differentiate it.

    Parameters
    ----------
    name : str
        An activation, or a list by layer.

    Raises
    ------
    relusweep.tasks.own.OwnCodeError
        It cannot be imported, raises an exception, or gives no tensor of the same shape that autograd
        differentiates, or one that depends on which networks stand beside each other.
    """
    for path in own_code(name):
        import torch

        z = torch.linspace(-3, 2, 24).reshape(2, 4, 3).requires_grad_()
        found = _own(path).apply(z, Units(0.0, 1, z, z))
        if not found.requires_grad:
            raise own.OwnCodeError(
                f"activation {path}: autograd cannot differentiate what it gives; compute with torch alone, "
                "without detach, no_grad and numpy"
            )
        torch.autograd.grad(found.sum(), z)
        alone = torch.cat([_own(path).apply(one, Units(0.0, 1, one, one)) for one in z.split(1)])
        if not torch.allclose(alone, found, equal_nan=True):
            raise own.OwnCodeError(
                f"activation {path} gives a network other numbers when it is alone than beside another one; "
                "it may neither draw random numbers nor join the first dimension, which is that of networks"
            )
