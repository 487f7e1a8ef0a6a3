"""What a training sweep says of its optimiser and of the learning rate: every field is an axis."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from relusweep.tasks.axes import LATER, Axis, WithAxes, fixed

__all__ = ["Optimizer", "Schedule"]

_SHARE = "numbers from 0, below 1"
_EPOCHS = "whole numbers from 0, as 10"


class Optimizer(WithAxes):
    """One of four, as PyTorch computes them; constants of the others do not matter.

    Attributes
    ----------
    kind : tuple of {'adam', 'adamw', 'sgd', 'rmsprop'}
    learning_rate : tuple of float
    beta1, beta2 : tuple of float
        Of Adam, with either weight decay.
    epsilon : tuple of float
        Of all but gradient descent.
    momentum : tuple of float
        Of gradient descent.
    weight_decay : tuple of float, optional
        So many times the parameters, biases included, are added to the gradient; by `adamw` they are taken
        away apart from it, times the learning rate. By default that of PyTorch: 0.01 of `adamw`, else 0.
    nesterov : tuple of bool, optional
        Of gradient descent: whether its momentum is Nesterov's; by default not.
    alpha : tuple of float, optional
        Of `rmsprop`; by default 0.99.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Annotated[
        tuple[Literal["adam", "adamw", "sgd", "rmsprop"], ...],
        Axis("optimiser", None, dim="optimizer"),
        Field(description="adam, adamw, sgd or rmsprop"),
    ] = fixed("adam")
    learning_rate: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1e30)], ...],
        Axis("learning rate"),
        Field(description="numbers above 0, at most 1e30, as 0.01,0.025"),
    ] = fixed(0.025)
    beta1: Annotated[
        tuple[Annotated[float, Field(ge=0, lt=1)], ...],
        Axis("decay of Adam's first moment"),
        Field(description=_SHARE),
    ] = fixed(0.9)
    beta2: Annotated[
        tuple[Annotated[float, Field(ge=0, lt=1)], ...],
        Axis("decay of Adam's second moment"),
        Field(description=_SHARE),
    ] = fixed(0.999)
    epsilon: Annotated[
        tuple[Annotated[float, Field(ge=1e-16, le=1)], ...],
        Axis("what Adam adds to the root of the second moment"),
        Field(description="numbers from 1e-16 to 1"),
    ] = fixed(1e-8)
    momentum: Annotated[
        tuple[Annotated[float, Field(ge=0, lt=1)], ...],
        Axis("momentum of gradient descent"),
        Field(description=_SHARE),
    ] = fixed(0.0)
    weight_decay: Annotated[
        tuple[Annotated[float, Field(ge=0, le=1e6)], ...] | None,
        Axis("decay of weights"),
        LATER,
        Field(description="none, or numbers from 0 to 1e6, as 0,0.01"),
    ] = None
    nesterov: Annotated[
        tuple[bool, ...] | None,
        Axis("whether the momentum is Nesterov's", None),
        LATER,
        Field(description="none, false or true"),
    ] = None
    alpha: Annotated[
        tuple[Annotated[float, Field(ge=0, lt=1)], ...] | None,
        Axis("decay of the mean of squares of RMSprop"),
        LATER,
        Field(description=f"none, or {_SHARE}"),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str | list | tuple) else value


class Schedule(BaseModel):
    """What the learning rate is multiplied by, from epoch to epoch.

    Attributes
    ----------
    kind : tuple of {'constant', 'step', 'cosine', 'plateau'}
        Nothing; `factor` less every so many epochs; down to `floor` along a cosine; `factor` less where the
        training loss stays. See `relusweep.tasks.training.Schedule`.
    warmup : tuple of int
        Epochs of a linear rise before that.
    every : tuple of int, optional
        Of `step`, which needs it, the epochs from one to the next; of `cosine` those on the way down, by
        default all after the rise.
    factor : tuple of float
        Of `step` and `plateau`.
    patience : tuple of int
        Of `plateau`: epochs in a row without a lower loss that change nothing yet.
    threshold : tuple of float
        Of `plateau`: by which share a loss has to be lower than the lowest.
    floor : tuple of float
        Of `cosine` and `plateau`: the least factor.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Annotated[
        tuple[Literal["constant", "step", "cosine", "plateau"], ...],
        Axis("how the learning rate changes", None, dim="schedule"),
        Field(description="constant, step, cosine or plateau"),
    ] = fixed("constant")
    warmup: Annotated[
        tuple[Annotated[int, Field(ge=0, le=10_000_000)], ...],
        Axis("epochs of a linear rise of the learning rate"),
        Field(description=_EPOCHS),
    ] = fixed(0)
    every: Annotated[
        tuple[Annotated[int, Field(ge=1, le=10_000_000)], ...] | None,
        Axis("epochs of a step or of the cosine of the learning rate", dim="schedule_every"),
        Field(description="none, or whole numbers of at least 1, as 100"),
    ] = None
    factor: Annotated[
        tuple[Annotated[float, Field(gt=0, lt=1)], ...],
        Axis("what the learning rate is reduced by", dim="schedule_factor"),
        Field(description="numbers above 0, below 1"),
    ] = fixed(0.1)
    patience: Annotated[
        tuple[Annotated[int, Field(ge=0, le=10_000_000)], ...],
        Axis("epochs without a lower loss that the learning rate is kept for", dim="schedule_patience"),
        Field(description=_EPOCHS),
    ] = fixed(10)
    threshold: Annotated[
        tuple[Annotated[float, Field(ge=0, lt=1)], ...],
        Axis("share by which a loss is lower, for the learning rate", dim="schedule_threshold"),
        Field(description=_SHARE),
    ] = fixed(1e-4)
    floor: Annotated[
        tuple[Annotated[float, Field(ge=0, le=1)], ...],
        Axis("least part of the learning rate", dim="schedule_floor"),
        Field(description="numbers from 0 to 1"),
    ] = fixed(0.0)

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str | list | tuple) else value
