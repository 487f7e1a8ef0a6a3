"""Rectangular ReLU networks: their shape, the order of their parameters, and their starts."""

import math
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from relusweep.tasks import elementary, streams
from relusweep.tasks.compiled import compiled
from relusweep.tasks.streams import Stream, box_muller, uniform

__all__ = ["Network", "initial_parameters"]


def _without_sign(leak: float) -> float:
    return leak + 0.0  # -0.0 is another name of 0.0, and names draw the starts


class Network(BaseModel):
    """A network of `depth` hidden layers of `width` leaky-ReLU units each, and one linear output.

    Its parameters are one row of numbers: layer after layer, unit after unit, each unit's weights in the
    order of its inputs and then its bias. A layer is so a matrix of shape (fan_out, fan_in + 1).

    Parameters
    ----------
    n_inputs : int
        Number of inputs, at least 1.
    width : int
        Units of each hidden layer, at least 1.
    depth : int
        Number of hidden layers, at least 1.
    leak : float
        Slope of a unit below zero, from 0 (ReLU) to 1 (linear).
    bias : {'uniform', 'zero'}
        How biases start: uniform within ±1/sqrt(fan_in), PyTorch's default for ``nn.Linear``, or at zero.

    Examples
    --------
    >>> Network(n_inputs=4, width=10, depth=5).n_parameters
    501
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_inputs: Annotated[int, Field(ge=1)]
    width: Annotated[int, Field(ge=1)]
    depth: Annotated[int, Field(ge=1)]
    leak: Annotated[float, Field(ge=0, le=1), AfterValidator(_without_sign)] = 0.0
    bias: Literal["uniform", "zero"] = "uniform"

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Shapes (fan_out, fan_in) of the layers, from the inputs to the output."""
        sizes = [self.n_inputs, *[self.width] * self.depth, 1]
        return [(fan_out, fan_in) for fan_in, fan_out in pairwise(sizes)]

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return sum(fan_out * (fan_in + 1) for fan_out, fan_in in self.layers)


def initial_parameters(network: Network, stream: Stream, trials: range) -> NDArray[np.float32]:
    """Draw the starts of some trials: weights He normal with deviation sqrt(2 / fan_in), biases as asked.

    Each trial reads its own part of the stream, first the weights of all layers and then the biases, so
    no trial's start depends on which others are drawn.

    Parameters
    ----------
    network : Network
    stream : Stream
        The stream of this network's starts.
    trials : range
        Consecutive trial numbers.

    Returns
    -------
    ndarray of shape (len(trials), network.n_parameters), dtype float32

    Notes
    -----
    He et al., *Delving Deep into Rectifiers* (2015), with the gain of ReLU for every leak.
    """
    n_biases = sum(fan_out for fan_out, _ in network.layers)
    n_weights = network.n_parameters - n_biases
    words = stream.words(trials, n_weights + n_weights % 2 + n_biases)
    parameters = np.empty((len(trials), network.n_parameters), np.float32)
    _draw(words, np.array(network.layers), float(network.bias == "uniform"), parameters)
    return parameters


@compiled(elementary, streams)
def _draw(words, layers, bias_scale, parameters):  # type: ignore[no-untyped-def]
    normal = np.empty(words.shape[1] - layers[:, 0].sum(), np.float32)
    for trial in range(words.shape[0]):
        row = words[trial]
        box_muller(row[: normal.size], normal)
        place = weight = 0
        bias = normal.size
        for layer in range(layers.shape[0]):
            fan_out, fan_in = layers[layer]
            scale = np.float32(math.sqrt(2.0 / fan_in))
            bound = bias_scale / math.sqrt(fan_in)
            for _ in range(fan_out):
                for i in range(fan_in):
                    parameters[trial, place + i] = scale * normal[weight + i]
                parameters[trial, place + fan_in] = bound * (2.0 * uniform(row[bias]) - 1.0)
                place, weight, bias = place + fan_in + 1, weight + fan_in, bias + 1
