"""Small networks: their shape, the order of their parameters, and their starts."""

import math
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from relusweep._yaml import Real, Whole
from relusweep.tasks import activations, initialisations
from relusweep.tasks.layers import Layer, Learned, layer_views
from relusweep.tasks.streams import Stream

__all__ = [
    "Layer",
    "Network",
    "initial_parameters",
    "initial_words",
    "layer_views",
    "places_of",
    "scalar_views",
]


def _without_sign(leak: float) -> float:
    return leak + 0.0  # -0.0 is another name of 0.0, and names draw the starts


def _known_activation(name: str) -> str:
    activations.load(name)
    return name


def _known_init(name: str) -> str:
    initialisations.load(name)
    return name


class Network(BaseModel):
    """A network of `depth` hidden layers of `width` units each, and linear outputs.

    Its parameters are one row of numbers: layer after layer, unit after unit, each unit's weights in the
    order of its inputs and then its bias. A layer is so a matrix of shape (fan_out, fan_in + 1). Scalars of
    the units, where the activation has some, follow all layers: layer after layer, unit after unit.

    Parameters
    ----------
    n_inputs : int
        Number of inputs, at least 1.
    width : int
        Units of each hidden layer, at least 1.
    depth : int
        Number of hidden layers, at least 1.
    leak : float
        Slope of a unit below zero, from 0 (ReLU) to 1 (linear); 0 for activations without a leak.
    bias : {'uniform', 'zero'}
        How biases start: uniform within ±1/sqrt(fan_in), PyTorch's default for ``nn.Linear``, or at zero.
    init : str
        How weights start: a module of :mod:`relusweep.tasks.initialisations`.
    activation : str
        Of hidden units: a module of :mod:`relusweep.tasks.activations`.
    widths : tuple of int, optional
        Units of each hidden layer where they differ, the largest being `width`. Each layer is filled up to
        `width` with units of zeros, at its end: their incoming weights, biases and outgoing weights are zero,
        and stay so in training. Equal widths are kept as None.
    group : int
        Sums of a hidden unit, whose layer has so many rows of weights a unit; above 1 for activations of
        groups of sums, and for these alone.
    n_outputs : int
        Linear outputs.
    skip : {'none', 'input', 'residual'}
        Every layer above the first also takes the inputs, behind the units below and before the bias; or each
        hidden layer above the first adds what it takes to its activation. For equal widths.

    Examples
    --------
    >>> Network(n_inputs=4, width=10, depth=5).n_parameters
    501
    >>> Network(n_inputs=4, width=8, depth=2, widths=(8, 3)).true_layers
    [(8, 4), (3, 8), (1, 3)]
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_inputs: Annotated[Whole, Field(ge=1)]
    width: Annotated[Whole, Field(ge=1)]
    depth: Annotated[Whole, Field(ge=1)]
    leak: Annotated[Real, Field(ge=0, le=1), AfterValidator(_without_sign)] = 0.0
    bias: Literal["uniform", "zero"] = "uniform"
    init: Annotated[str, AfterValidator(_known_init)] = "he_normal"
    activation: Annotated[str, AfterValidator(_known_activation)] = "relu"
    widths: tuple[Annotated[Whole, Field(ge=1)], ...] | None = None
    group: Annotated[Whole, Field(ge=1)] = 1
    n_outputs: Annotated[Whole, Field(ge=1)] = 1
    skip: Literal["none", "input", "residual"] = "none"

    @model_validator(mode="before")
    @classmethod
    def _equal_widths_are_a_width(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and fields.get("widths") is not None:
            widths = list(fields["widths"])
            if widths == [fields.get("width")] * len(widths) and len(widths) == fields.get("depth"):
                return {**fields, "widths": None}
        return fields

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        activation = activations.load(self.activation)
        if activation.layers and len(activation.layers) != self.depth:
            raise ValueError(
                f"activation = {self.activation} is of {len(activation.layers)} layers; allowed is one for "
                f"each of depth = {self.depth} hidden layers"
            )
        if self.skip != "none" and self.widths is not None:
            raise ValueError(f"skip = {self.skip} is for equal widths; got widths = {self.widths}")
        if self.leak and not activation.uses_leak:
            raise ValueError(
                f"activation {self.activation} has no leak; got leak = {self.leak}, allowed is 0"
            )
        if activation.grouped != (self.group > 1):
            allowed = "2 or more" if activation.grouped else "1"
            raise ValueError(
                f"activation {self.activation} has group = {self.group} sums of a unit; allowed is {allowed}"
            )
        if whole := initialisations.load(self.init).whole:
            whole.count(self)
        if self.widths is None:
            return self
        if len(self.widths) != self.depth or max(self.widths) != self.width:
            raise ValueError(
                f"widths are {self.widths}; allowed is one for each of depth = {self.depth} hidden layers, "
                f"the largest being width = {self.width}"
            )
        return self

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Shapes (fan_out, fan_in) of the layers, from the inputs to the output, units of zeros included."""
        return self._shapes((self.width,) * self.depth)

    @property
    def true_layers(self) -> list[tuple[int, int]]:
        """Shapes (fan_out, fan_in) of the layers without units of zeros."""
        return self.layers if self.widths is None else self._shapes(self.widths)

    @property
    def plain(self) -> bool:
        """Whether each layer takes the one below alone, and the last one is a single output."""
        return self.n_outputs == 1 and self.skip == "none"

    @property
    def n_weights(self) -> int:
        """Number of weights and biases, with those of units of zeros."""
        return sum(fan_out * (fan_in + 1) for fan_out, fan_in in self.layers)

    @property
    def n_scalars(self) -> int:
        """Number of scalars of each hidden unit."""
        return len(activations.load(self.activation).scalars)

    @property
    def n_parameters(self) -> int:
        """Number of weights, biases and scalars, with those of units of zeros."""
        return self.n_weights + self.depth * self.width * self.n_scalars

    def _shapes(self, widths: tuple[int, ...]) -> list[tuple[int, int]]:
        more = self.n_inputs if self.skip == "input" else 0
        below = [self.n_inputs, *(units + more for units in widths)]
        hidden = [(self.group * units, fan_in) for units, fan_in in zip(widths, below, strict=False)]
        return [*hidden, (self.n_outputs, below[-1])]


def scalar_views(network: Network, parameters: NDArray[Any]) -> list[NDArray[Any]]:
    """View the scalars of each hidden layer of rows of parameters, without units of zeros.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_rows, network.n_parameters)

    Returns
    -------
    list of ndarray of shape (n_rows, n_units, network.n_scalars)
    """
    shape = (len(parameters), network.depth, network.width, network.n_scalars)
    scalars = parameters[:, network.n_weights :].reshape(shape)
    units = network.widths or (network.width,) * network.depth
    return [scalars[:, layer, :count] for layer, count in enumerate(units)]


def places_of(network: Network) -> NDArray[np.int64]:
    """Give the places of parameters that are not of units of zeros, ascending.

    Parameters
    ----------
    network : Network

    Returns
    -------
    ndarray of shape (count,), dtype int64
        Among the ``network.n_parameters``.
    """
    if network.widths is None:
        return np.arange(network.n_parameters)
    there = np.zeros((1, network.n_parameters), np.bool_)
    for layer in layer_views(network, there):
        layer.weights[:] = layer.biases[:] = True
    for scalars in scalar_views(network, there):
        scalars[:] = True
    return np.flatnonzero(there)


def initial_parameters(
    network: Network, stream: Stream, trials: range, rows: Learned | None = None
) -> NDArray[np.float32]:
    """Draw the starts of some trials.

    Each trial reads its own part of the stream, first the weights of all layers and then the biases, so
    no trial's start depends on which others are drawn. Units of zeros draw nothing. Scalars of units have a
    stream of their own.

    Parameters
    ----------
    network : Network
    stream : Stream
        The stream of the starts of networks of this size. Initialisations and widths, where they are not He
        normal and equal, add their names to its own.
    trials : range
        Consecutive trial numbers.
    rows : pair of ndarray, optional
        Inputs and targets that the trials learn, for initialisations whose starts depend on
        them.

    Returns
    -------
    ndarray of shape (len(trials), network.n_parameters), dtype float32

    Raises
    ------
    ValueError
        Starts depend on rows, and there are none, or they are not for such rows.
    """
    parameters = np.zeros((len(trials), network.n_parameters), np.float32)
    if whole := initialisations.load(network.init).whole:
        if whole.needs_rows and rows is None:
            raise ValueError(f"starts of init = {network.init} depend on what is learned; give rows")
        words = initial_words(network, stream, trials)
        parameters[:, : network.n_weights] = whole.parameters(words, network, rows)
    else:
        _start_layers(network, stream, trials, parameters)
    if network.n_scalars:
        _start_scalars(network, stream, trials, parameters)
    return parameters


def initial_words(network: Network, stream: Stream, trials: range) -> NDArray[np.uint32]:
    """Draw what whole networks start from: words of shape (len(trials), count), of those of `Whole`."""
    whole = initialisations.load(network.init).whole
    assert whole is not None  # of these alone it is asked
    return _own(network, stream).words(trials, whole.count(network))


def _start_layers(network: Network, stream: Stream, trials: range, parameters: NDArray[np.float32]) -> None:
    init, shapes = initialisations.load(network.init), network.true_layers
    assert init.weights is not None  # those of whole networks are not asked
    n_weights, n_biases = sum(m * n for m, n in shapes), sum(m for m, _ in shapes)
    first_bias = n_weights + n_weights % 2  # normal numbers are drawn in pairs
    words = _own(network, stream).words(trials, first_bias + n_biases)
    numbers = init.draw(words[:, :first_bias])
    biases = float(network.bias == "uniform") * initialisations.uniform_around_zero(words[:, first_bias:])
    weight = bias = 0
    for layer, (fan_out, fan_in) in zip(layer_views(network, parameters), shapes, strict=True):
        some = numbers[:, weight : weight + fan_out * fan_in].reshape(-1, fan_out, fan_in)
        layer.weights[:] = init.weights(some, fan_in, fan_out)
        layer.biases[:] = 1 / math.sqrt(fan_in) * biases[:, bias : bias + fan_out]
        weight, bias = weight + fan_out * fan_in, bias + fan_out


def _start_scalars(network: Network, stream: Stream, trials: range, parameters: NDArray[np.float32]) -> None:
    scalars, views = activations.load(network.activation).scalars, scalar_views(network, parameters)
    own = Stream((*_own(network, stream).name, network.activation))
    words = own.words(trials, sum(view.shape[1] for view in views) * len(scalars))
    numbers = initialisations.uniform_around_zero(words)
    place = 0
    for view in views:
        for i, scalar in enumerate(scalars):
            view[:, :, i] = scalar.start(numbers[:, place : place + view.shape[1]])
            place += view.shape[1]


def _own(network: Network, stream: Stream) -> Stream:
    """Streams that draw other counts, or the same for another purpose, need names of their own."""
    init = () if network.init == "he_normal" else (network.init,)
    group = () if network.group == 1 else ("group", network.group)
    outputs = () if network.n_outputs == 1 else ("outputs", network.n_outputs)
    skip = () if network.skip == "none" else (network.skip,)
    return Stream((*stream.name, *init, *(network.widths or ()), *group, *outputs, *skip))
