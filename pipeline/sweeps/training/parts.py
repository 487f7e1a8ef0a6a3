"""What a training sweep says of its networks and of how they are trained: every field is an axis."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from relusweep.pipeline.sweeps.training.optimizers import Optimizer, Schedule
from relusweep.tasks import activations, initialisations
from relusweep.tasks.axes import LATER, Axis, WithAxes, fixed
from relusweep.tasks.given import Starts
from relusweep.tasks.training.protocol import Loss, Stop

__all__ = ["Network", "Pretraining", "Protocol", "Restarts"]

_POSITIVE = "whole numbers of at least 1, as 5 or 2,3 or 2..10"
_RATE = "numbers above 0, at most 1e30, as 0.01,0.025"
_STRENGTH = "numbers from 0 to 1e6, as 0,0.01"
_SHARE = "numbers from 0, below 1"
_EPOCHS = "whole numbers from 0, as 10"
_LOSS = "none, or numbers from 0, as 0.01"


def _activation(name: str) -> str:
    activations.load(name)
    return name


def _init(name: str) -> str:
    initialisations.load(name)
    return name


class Network(WithAxes):
    """The networks.

    Attributes
    ----------
    activation : tuple of str
        Of hidden units; see `relusweep.tasks.activations`.
    leak : tuple of float
        Slope of a relu unit below zero.
    width, depth : tuple of int
        Units of each hidden layer, hidden layers. A width of 0, written ``auto``, is the problem's own.
    widths : tuple of str
        Units of every hidden layer where they differ, as ``8-4-2``, instead of `width` and `depth`.
    init : tuple of str
        How weights start; see `relusweep.tasks.initialisations`.
    bias : tuple of {'uniform', 'zero'}
        How biases start.
    starts : Starts, optional
        A file of starts, trial by trial, in place of `init` and `bias`.
    group : tuple of int, optional
        Sums of a unit, for activations of groups of sums; others do not use it.
    skip : tuple of {'none', 'input', 'residual'}, optional
        Skip connections: every layer above the first also takes the inputs, or each hidden layer above the
        first adds what it takes to its activation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    activation: Annotated[
        tuple[Annotated[str, AfterValidator(_activation)], ...],
        Axis("activation of hidden units", None),
        Field(
            description=f"{', '.join(activations.names())}; one for each hidden layer, as relu-tanh; "
            "or a function of a tensor of your own, as module:name"
        ),
    ] = fixed("relu")
    leak: Annotated[
        tuple[Annotated[float, Field(ge=0, le=1), AfterValidator(abs)], ...],  # -0.0 is 0.0
        Axis("slope below zero"),
        Field(description="numbers from 0 to 1, as 0,0.1"),
    ] = fixed(0.0)
    width: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...],
        Axis("units of each hidden layer", words=(("auto", 0),)),
        Field(description=f"{_POSITIVE}, or auto"),
    ] = fixed(0)
    depth: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...], Axis("hidden layers"), Field(description=_POSITIVE)
    ] = fixed(0)
    widths: Annotated[
        tuple[Annotated[str, Field(pattern=r"^([1-9]\d*(-[1-9]\d*)*)?$")], ...],
        Axis("units of every hidden layer", None, comment="empty: width units in each of depth layers"),
        Field(description="units of every layer, as 8-4-2 or 8-4-2,6-6"),
    ] = fixed("")
    init: Annotated[
        tuple[Annotated[str, AfterValidator(_init)], ...],
        Axis("how weights start", None),
        Field(description=", ".join(initialisations.names())),
    ] = fixed("he_normal")
    bias: Annotated[
        tuple[Literal["uniform", "zero"], ...],
        Axis("how biases start", None),
        Field(description="uniform or zero"),
    ] = fixed("uniform")
    starts: Annotated[
        Starts | None, Field(description="none, or a file of numpy.save: row t is the start of trial t")
    ] = None
    group: Annotated[
        tuple[Annotated[int, Field(ge=2)], ...] | None,
        Axis("sums of a hidden unit"),
        LATER,
        Field(description="none, or whole numbers of at least 2"),
    ] = None
    skip: Annotated[
        tuple[Literal["none", "input", "residual"], ...] | None,
        Axis("skip connections", None),
        LATER,
        Field(description="none, input or residual"),
    ] = None


class Restarts(BaseModel):
    """When to start again from fresh weights, and how long to go on with the try that is kept.

    Attributes
    ----------
    bar : tuple of float
        A try whose loss after its epochs is above this, or not finite, is given up.
    most : tuple of int
        Most restarts; the last try is kept whatever its loss.
    further_epochs : tuple of int
        Epochs of the try that is kept after those of a try.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bar: Annotated[
        tuple[Annotated[float, Field(allow_inf_nan=False)], ...],
        Axis("loss at which a try is kept"),
        Field(description="finite numbers; none without restarts"),
    ]
    most: Annotated[
        tuple[Annotated[int, Field(ge=0, le=1_000_000)], ...],
        Axis("most restarts", dim="most_restarts"),
        Field(description="0 to 1 000 000"),
    ]
    further_epochs: Annotated[
        tuple[Annotated[int, Field(ge=0, le=5_000_000)], ...],
        Axis("epochs after those of the try that is kept"),
        Field(description="0 to 5 000 000"),
    ]


class Pretraining(BaseModel):
    """Training of a composition's peaks, before all weights are trained; networks start as compositional.

    Attributes
    ----------
    kind : tuple of {'none', 'scales', 'peaks'}
        Nothing, peaks and free scales, or peaks with the scales that they tie.
    epochs : tuple of int
        Passes over the rows, each of one update.
    learning_rate : tuple of float
    budget : tuple of {'more', 'in_all'}
        Whether all weights are then trained for the epochs of the protocol, or for what is left of these.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Annotated[
        tuple[Literal["none", "scales", "peaks"], ...],
        Axis("what of a composition is trained before all weights", None, dim="pretraining"),
        Field(description="none, scales or peaks"),
    ]
    epochs: Annotated[
        tuple[Annotated[int, Field(ge=0, le=10_000_000)], ...],
        Axis("epochs of pretraining", dim="pretraining_epochs"),
        Field(description="0 to 10 000 000"),
    ] = fixed(1000)
    learning_rate: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1e30)], ...],
        Axis("learning rate of pretraining", dim="pretraining_rate"),
        Field(description=_RATE),
    ] = fixed(0.01)
    budget: Annotated[
        tuple[Literal["more", "in_all"], ...],
        Axis("whether epochs of pretraining come in addition", None, dim="pretraining_budget"),
        Field(description="more or in_all"),
    ] = fixed("more")

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str | list | tuple) else value


class Protocol(WithAxes):
    """How networks are trained.

    Attributes
    ----------
    loss : tuple of {'bce', 'mse', 'huber', 'hinge', 'cross_entropy'}
        Binary cross-entropy on the logit, squared error, Huber's loss, hinge loss, or the cross-entropy of
        classes with an output each; see `relusweep.tasks.training.Protocol`.
    optimizer : Optimizer
        By its name alone, or in a mapping ``{kind: adam, learning_rate: …}``.
    batch : tuple of int
        Rows of an update; 0, written ``all``, is all of them. The last batch of an epoch has what is left.
    epochs : tuple of int
        Passes over the rows, at most.
    stop : tuple of {'first_success', 'last_epoch', 'plateau', 'target_loss', 'divergence'}
        When training ends; see `relusweep.tasks.training.Protocol`.
    success : tuple of float
        Share of right rows that is a success.
    restarts : Restarts, optional
        When to start again from fresh weights; by default never.
    scalars : tuple of {'backpropagation', 'rules', 'rules_but_sharpness'}, optional
        What biases and scalars of decomposed neurons follow; others do not use it. By `rules_but_sharpness`
        the sharpness of a bend follows backpropagation, and bias and turn follow their rules.
    kink_rate, slope_rate : tuple of float, optional
        Rates of the rules: of biases, and of scalars.
    pretraining : Pretraining, optional
        Of compositions; by default none.
    pull : tuple of float, optional
        Strength of the pull of hidden activations to two deviations from their mean.
    orthogonality : tuple of float, optional
        Strength of the penalty on rows of weights that are not orthogonal.
    huber_delta : tuple of float, optional
        Error from which on Huber's loss grows linearly; by default 1.
    l1 : tuple of float, optional
        Strength of the penalty on absolute values of all parameters, biases included.
    clip_norm : tuple of float, optional
        Longest gradient of a network: longer ones are shortened, before any weight decay.
    schedule : Schedule, optional
        Of the learning rate, by its name alone or in a mapping ``{kind: step, every: 100, …}``; by default
        the rate is constant.
    patience : tuple of int, optional
        Of ``stop: plateau``: epochs in a row without a lower loss that do not end the training yet.
    min_improvement : tuple of float, optional
        Of ``stop: plateau``: by which share a loss has to be lower than the lowest; by default 0.
    target_loss, most_loss : tuple of float, optional
        Losses that end the training: the first and all lower ones, of ``stop: target_loss``; all above the
        second, of ``stop: divergence``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _constants_beside_the_optimizer(cls, fields: Any) -> Any:
        """Take ``learning_rate`` and the like that stand beside the optimiser."""
        if not isinstance(fields, dict):
            return fields
        beside = Optimizer.model_fields.keys() & fields.keys()
        if not beside:
            return fields
        kind = fields.get("optimizer", {})
        within = dict(kind) if isinstance(kind, dict) else {"kind": kind}
        if twice := beside & within.keys():
            raise ValueError(f"{', '.join(sorted(twice))}: given within optimizer and beside it; leave one")
        rest = {name: value for name, value in fields.items() if name not in beside}
        return {**rest, "optimizer": {**within, **{name: fields[name] for name in beside}}}

    loss: Annotated[
        tuple[Loss, ...],
        Axis("loss", None),
        Field(description="bce, mse, huber, hinge, cross_entropy, or several of them"),
    ] = fixed("bce")
    optimizer: Optimizer = Optimizer()
    batch: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...],
        Axis("rows of an update", comment="0: all rows", words=(("all", 0),)),
        Field(description="numbers of rows, as 10,100, or all, which is stored as 0"),
    ] = fixed(0)
    epochs: Annotated[
        tuple[Annotated[int, Field(ge=1, le=10_000_000)], ...],
        Axis("most passes over the rows"),
        Field(description="1 to 10 000 000"),
    ] = fixed(4000)
    stop: Annotated[
        tuple[Stop, ...],
        Axis("when training ends", None),
        Field(description="first_success, last_epoch, plateau, target_loss or divergence"),
    ] = fixed("first_success")
    success: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1)], ...],
        Axis("share of right rows that is a success"),
        Field(description="above 0, at most 1"),
    ] = fixed(1.0)
    restarts: Restarts | None = None
    scalars: Annotated[
        tuple[Literal["backpropagation", "rules", "rules_but_sharpness"], ...] | None,
        Axis("what biases and scalars of decomposed neurons follow", None),
        LATER,
        Field(description="none, backpropagation, rules or rules_but_sharpness"),
    ] = None
    kink_rate: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1e30)], ...] | None,
        Axis("rate of the rule of biases"),
        LATER,
        Field(description=f"none, or {_RATE}"),
    ] = None
    slope_rate: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1e30)], ...] | None,
        Axis("rate of the rules of scalars"),
        LATER,
        Field(description=f"none, or {_RATE}"),
    ] = None
    pretraining: Annotated[Pretraining | None, LATER] = None
    pull: Annotated[
        tuple[Annotated[float, Field(ge=0, le=1e6)], ...] | None,
        Axis("strength of the pull of hidden activations to two deviations from their mean"),
        LATER,
        Field(description=f"none, or {_STRENGTH}"),
    ] = None
    orthogonality: Annotated[
        tuple[Annotated[float, Field(ge=0, le=1e6)], ...] | None,
        Axis("strength of the penalty on rows of weights that are not orthogonal"),
        LATER,
        Field(description=f"none, or {_STRENGTH}"),
    ] = None
    huber_delta: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1e30)], ...] | None,
        Axis("error from which on Huber's loss grows linearly"),
        LATER,
        Field(description=f"none, or {_RATE}"),
    ] = None
    l1: Annotated[
        tuple[Annotated[float, Field(ge=0, le=1e6)], ...] | None,
        Axis("strength of the penalty on absolute values of parameters"),
        LATER,
        Field(description=f"none, or {_STRENGTH}"),
    ] = None
    clip_norm: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1e30)], ...] | None,
        Axis("longest gradient"),
        LATER,
        Field(description=f"none, or {_RATE}"),
    ] = None
    schedule: Annotated[Schedule | None, LATER] = None
    patience: Annotated[
        tuple[Annotated[int, Field(ge=0, le=10_000_000)], ...] | None,
        Axis("epochs without a lower loss that do not end the training"),
        LATER,
        Field(description=f"none, or {_EPOCHS}"),
    ] = None
    min_improvement: Annotated[
        tuple[Annotated[float, Field(ge=0, lt=1)], ...] | None,
        Axis("share by which a loss is lower"),
        LATER,
        Field(description=f"none, or {_SHARE}"),
    ] = None
    target_loss: Annotated[
        tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] | None,
        Axis("loss at which training ends"),
        LATER,
        Field(description=_LOSS),
    ] = None
    most_loss: Annotated[
        tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] | None,
        Axis("loss above which training ends"),
        LATER,
        Field(description=_LOSS),
    ] = None
