"""Optimisers, as PyTorch computes them, and how their learning rate changes with the epochs."""

from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from relusweep._yaml import Real, Whole
from relusweep.tasks.elementary import cos_sin_turn

__all__ = ["Adam", "AdamW", "Optimizer", "Rate", "RmsProp", "Schedule", "Sgd", "Strength", "rate_factors"]

Rate = Annotated[Real, Field(gt=0, le=1e30)]
Strength = Annotated[Real, Field(ge=0, le=1e6)]
_Share = Annotated[Real, Field(ge=0, lt=1)]
_Epsilon = Annotated[Real, Field(ge=1e-16, le=1)]


class Adam(BaseModel):
    """The optimiser of Kingma and Ba (2015), with bias correction, as ``torch.optim.Adam`` computes it.

    Parameters
    ----------
    learning_rate : float
        Above 0, at most 1e30.
    beta1, beta2 : float
        Decay of the first and second moments, from 0 and below 1.
    epsilon : float
        Added to the root of the second moment, from 1e-16 to 1.
    weight_decay : float
        So many times the parameters are added to their gradient, from 0 (none): the gradient of half of it
        times the sum of their squares.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_rate: Rate = 0.025
    beta1: _Share = 0.9
    beta2: _Share = 0.999
    epsilon: _Epsilon = 1e-8
    weight_decay: Strength = 0.0


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), as ``torch.optim.AdamW`` computes it.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : float
        As for :class:`Adam`.
    weight_decay : float
        Each update first takes so many times the learning rate of the parameters away, from 0 (none).
    """

    weight_decay: Strength = 0.01


class Sgd(BaseModel):
    """Gradient descent with heavy-ball or Nesterov momentum, as ``torch.optim.SGD`` computes it.

    Parameters
    ----------
    learning_rate : float
        Above 0, at most 1e30.
    momentum : float
        Decay of the sum of gradients, from 0 (none) and below 1.
    nesterov : bool
        Whether a step is the gradient and the momentum times the sum, rather than the sum.
    weight_decay : float
        As for :class:`Adam`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_rate: Rate
    momentum: _Share
    nesterov: bool = False
    weight_decay: Strength = 0.0

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise ValueError(
                "nesterov is of momentum; got momentum = 0, allowed is above 0, or nesterov = False"
            )
        return self


class RmsProp(BaseModel):
    """Gradients over the root of their mean square (Tieleman and Hinton 2012), as ``torch.optim.RMSprop``.

    Parameters
    ----------
    learning_rate : float
        Above 0, at most 1e30.
    alpha : float
        Decay of the mean of the squares, from 0 and below 1.
    epsilon : float
        Added to the root, from 1e-16 to 1.
    weight_decay : float
        As for :class:`Adam`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_rate: Rate = 0.01
    alpha: _Share = 0.99
    epsilon: _Epsilon = 1e-8
    weight_decay: Strength = 0.0


Optimizer = Adam | AdamW | Sgd | RmsProp


class Schedule(BaseModel):
    """What the learning rate of each epoch is multiplied by.

    Parameters
    ----------
    kind : {'constant', 'step', 'cosine', 'plateau'}
        Always 1; by `factor` less every so many epochs (``StepLR`` of PyTorch); down to `floor` along half a
        wave of the cosine over so many epochs, and then `floor` (``CosineAnnealingLR``); or by `factor` less
        wherever the training loss has not become lower for more than `patience` epochs in a row
        (``ReduceLROnPlateau``, with its count from 0 again after each).
    warmup : int
        Epochs of a linear rise before all that, from 0: epoch e, counted from 0, has
        ``(e + 1) / (warmup + 1)`` (``LinearLR``).
    every : int, optional
        Of `step` the epochs from one to the next, of `cosine` those on the way down. These need it.
    factor : float
        Of `step` and `plateau`, above 0 and below 1.
    patience : int
        Of `plateau`, from 0.
    threshold : float
        Of `plateau`: a loss is lower where it is below the lowest one times 1 − `threshold`. From 0 and below
        1.
    floor : float
        Least factor of `cosine` and `plateau`, from 0 to 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["constant", "step", "cosine", "plateau"] = "constant"
    warmup: Annotated[Whole, Field(ge=0, le=10_000_000)] = 0
    every: Annotated[Whole, Field(ge=1, le=10_000_000)] | None = None
    factor: Annotated[Real, Field(gt=0, lt=1)] = 0.1
    patience: Annotated[Whole, Field(ge=0, le=10_000_000)] = 10
    threshold: _Share = 1e-4
    floor: Annotated[Real, Field(ge=0, le=1)] = 0.0

    @model_validator(mode="after")
    def _says_every(self) -> Self:
        if self.kind in ("step", "cosine") and self.every is None:
            raise ValueError(f"schedule {self.kind} is over so many epochs; give every, as every = 100")
        return self


def rate_factors(schedule: Schedule, epochs: int) -> NDArray[np.float64]:
    """Give the factors of the first epochs, but for what `plateau` finds; the last one goes on.

    Parameters
    ----------
    schedule : Schedule
    epochs : int
        Most epochs.

    Returns
    -------
    ndarray of shape (n,), float64
        At least one. Their bits do not depend on the processor.
    """
    rise = np.arange(1, schedule.warmup + 1) / (schedule.warmup + 1)
    after = max(epochs - schedule.warmup, 0)
    rest = np.ones(1)
    if schedule.kind == "step" and schedule.every:
        steps = np.full(after // schedule.every + 1, schedule.factor)
        steps[0] = 1
        rest = np.repeat(np.cumprod(steps), schedule.every)
    elif schedule.kind == "cosine" and schedule.every:
        turns = np.arange(min(after, schedule.every) + 1) / (2 * schedule.every)
        cosines = np.array([cos_sin_turn(turn)[0] for turn in turns.tolist()])
        rest = schedule.floor + (1 - schedule.floor) * (1 + cosines) / 2
    return np.concatenate([rise, rest])
