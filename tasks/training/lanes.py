"""The engine `lanes`: sixteen networks side by side in the lanes of a vector, in one compiled call.

Forward pass, backward pass, Adam and the test of success of sixteen networks stay in the processor's cache. A
network that ends gives its lane to the next one. Each lane computes what a scalar program would, in IEEE
operations of a fixed order, so a network's bits do not depend on its lane, its neighbours or the processor.
"""

from functools import cache
from time import thread_time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks import elementary
from tasks.compiled import compiled
from tasks.training import _kernel, protocol, simd, tiles
from tasks.training.engine import Rows
from tasks.training.protocol import Adam, Protocol, TrainingResult
from tasks.training.reference import train_reference
from tasks.training.simd import LANES, bank

__all__ = ["prepare", "train_lanes"]


def train_lanes(
    protocol: Protocol,
    rows: Rows,
    initial: NDArray[np.float32],
    orders: NDArray[np.uint64] | None = None,
    test: Rows | None = None,
    *,
    keep_parameters: bool = False,
) -> TrainingResult:
    """Train networks; see :func:`tasks.training.train` for the arguments, which are trusted here."""
    if (
        rows.inputs.ndim == 3
        or orders is not None
        or test is not None
        or protocol.loss != "bce"
        or not isinstance(protocol.optimizer, Adam)
        or protocol.stop != "first_success"
        or protocol.success != 1
    ):
        return train_reference(protocol, rows, initial, orders, test, keep_parameters=keep_parameters)
    network = protocol.network
    result = TrainingResult.empty(len(initial), network.n_parameters if keep_parameters else None)
    kept = np.empty((0, network.n_parameters), np.float32) if result.parameters is None else result.parameters
    adam = protocol.optimizer
    _compiled(network.n_inputs, network.width, rows.n_rows)(
        rows.targets,
        initial,
        network.depth,
        network.leak,
        (adam.beta1, adam.beta2),
        _schedule(adam, protocol.epochs),
        _memory(rows.inputs, network.width, network.depth),
        result[:5],
        kept,
    )
    return result


def prepare(protocol: Protocol, n_rows: int) -> float:
    """Compile the kernel of a shape, or load it from the cache on disk, by training no network with it.

    Parameters
    ----------
    protocol : Protocol
    n_rows : int
        Rows of the data.

    Returns
    -------
    float
        CPU seconds it took; next to nothing where this process has the kernel already.
    """
    network = protocol.network
    start = thread_time()
    train_lanes(
        protocol,
        Rows(np.zeros((n_rows, network.n_inputs), np.float32), np.zeros((0, n_rows), np.float32)),
        np.zeros((0, network.n_parameters), np.float32),
    )
    return thread_time() - start


def _schedule(adam: Adam, epochs: int) -> NDArray[np.float32]:
    """Adam's bias correction folded into a step size and an epsilon for each update: shape (epochs + 1, 2).

    ``step * m / (sqrt(v) + epsilon)`` with these equals ``rate * m̂ / (sqrt(v̂) + epsilon)``. Powers come from
    products, whose bits do not depend on a library.
    """
    powers = np.cumprod(np.broadcast_to([[adam.beta1, adam.beta2]], (epochs + 1, 2)), axis=0)
    root = np.sqrt(1 - powers[:, 1])
    return np.stack([adam.learning_rate * root / (1 - powers[:, 0]), adam.epsilon * root], axis=1).astype(
        np.float32
    )


class _Memory(NamedTuple):
    """The vectors that sixteen networks work on."""

    weights: NDArray[np.float32]
    first_moment: NDArray[np.float32]
    second_moment: NDArray[np.float32]
    gradient: NDArray[np.float32]
    activations: NDArray[np.float32]  # inputs, then each hidden layer; every row ends with a 1 for the bias
    errors: NDArray[np.float32]  # derivatives of the loss: at the output, then of two hidden layers
    margins: NDArray[np.float32]  # target times logit, a row each
    targets: NDArray[np.float32]
    rates: NDArray[np.float32]  # step and epsilon
    network: NDArray[np.int64]  # which network each lane holds
    epoch: NDArray[np.int64]  # updates that it has had


def _memory(inputs: NDArray[np.float32], width: int, depth: int) -> _Memory:
    rows, n_inputs = inputs.shape
    n_parameters = width * (n_inputs + 1) + (depth - 1) * width * (width + 1) + width + 1
    activations = bank(rows * (n_inputs + 1 + depth * (width + 1)))
    activations[:] = 1
    activations[: rows * (n_inputs + 1) * LANES].reshape(rows, -1, LANES)[:, :n_inputs] = inputs[:, :, None]
    return _Memory(
        weights=bank(n_parameters),
        first_moment=bank(n_parameters),
        second_moment=bank(n_parameters),
        gradient=bank(n_parameters),
        activations=activations,
        errors=bank(rows * (1 + 2 * width)),
        margins=bank(rows),
        targets=bank(rows),
        rates=bank(2),
        network=np.zeros(LANES, np.int64),
        epoch=np.zeros(LANES, np.int64),
    )


@cache
def _compiled(n_inputs: int, width: int, rows: int) -> Any:
    run = _kernel.build(n_inputs, width, rows)
    run.__qualname__ = f"run_{n_inputs}_{width}_{rows}"  # so that processes compile shapes side by side
    return compiled(elementary, protocol, simd, tiles)(run)
