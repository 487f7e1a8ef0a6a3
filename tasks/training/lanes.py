"""The engine `lanes`: sixteen networks side by side in the lanes of a vector, in one compiled call.

Forward pass, backward pass, optimiser and the test of success of sixteen networks stay in the processor's
cache. A network that ends gives its lane to the next one. Each lane computes what a scalar program would, in
IEEE operations of a fixed order, so a network's bits do not depend on its lane, its neighbours or the
processor.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks import elementary
from relusweep.tasks.compiled import LANES, compiled
from relusweep.tasks.networks import Network
from relusweep.tasks.training import (
    _decomposed,
    _kernel,
    _penalties,
    _steps,
    _units,
    functions,
    gather,
    simd,
    tiles,
)
from relusweep.tasks.training import orders as _orders
from relusweep.tasks.training.protocol import Adam, Protocol, Rows, Sgd, StopReason, TrainingResult
from relusweep.tasks.training.simd import bank

__all__ = ["curves", "look", "outputs", "prepare", "schedule_of", "train_lanes"]

_PIECE = 20
_MOST_ROWS = 2**16  # numbers of rows that lie in memory at once, for each of the networks side by side


def train_lanes(
    protocol: Protocol,
    rows: Rows,
    initial: NDArray[np.float32],
    orders: NDArray[np.uint64] | None = None,
    test: Rows | None = None,
    *,
    keep_parameters: bool = False,
    snapshots: Sequence[int] = (),
) -> TrainingResult:
    """Train networks; see :func:`.train` for the arguments, which are trusted here."""
    network, n_rows = protocol.network, rows.n_rows
    result = TrainingResult.empty(
        len(initial),
        network.n_parameters,
        parameters=keep_parameters,
        test=test is not None,
        snapshots=len(snapshots),
    )
    parameters = np.empty_like(initial) if result.parameters is None else result.parameters
    batch = n_rows if orders is None or protocol.batch is None else protocol.batch
    _kernels(protocol).train(
        _data(rows, initial, orders, snapshots, result.snapshots),
        _rule(protocol, n_rows, batch),
        schedule_of(protocol.optimizer, protocol.epochs * (n_rows // batch)),
        _memory(protocol, n_rows, batch, shuffled=batch < n_rows),
        parameters,
        result.epochs,
    )
    right, loss, finite = look(protocol, rows, parameters)
    success = finite & (right >= protocol.rows_for_success(n_rows))
    early = success & (protocol.stop == "first_success")
    reason = np.where(early, StopReason.SUCCESS, StopReason.EPOCHS)
    result.rows_right[:], result.loss[:] = right, loss
    result.success_epoch[success] = result.epochs[success]
    result.stop_reason[:] = np.where(finite, reason, StopReason.NOT_FINITE)
    if test is not None and result.test_rows_right is not None and result.test_loss is not None:
        result.test_rows_right[:], result.test_loss[:], _ = look(protocol, test, parameters)
    return result


def prepare(protocol: Protocol, rows: Rows, orders: NDArray[np.uint64] | None) -> None:
    """Compile the kernels, or load them, by training no network; first the one that nobody compiles."""
    nothing = np.zeros((0, protocol.network.n_parameters), np.float32)
    if _kernels(protocol).train.compiled_elsewhere:
        look(protocol, rows, nothing)
    train_lanes(protocol, rows, nothing, orders)


def look(
    protocol: Protocol, rows: Rows, parameters: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.bool_]]:
    """Give right rows, mean losses, and whether all outputs are finite, of all networks."""
    right, loss, finite, _ = _look(protocol, rows, parameters[:, None], gradient=False)
    return right[:, 0], loss[:, 0], finite[:, 0]


def curves(
    protocol: Protocol, rows: Rows, parameters: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64]]:
    """Give what `look` does and norms of the gradient, of several parameters of each network."""
    right, loss, finite, squares = _look(protocol, rows, parameters, gradient=True)
    return right, loss, finite, np.sqrt(squares)


def outputs(
    network: Network, parameters: NDArray[np.float32], inputs: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Give what networks make of inputs: to the last bit what they do in training.

    Parameters
    ----------
    network : Network
    parameters : ndarray of shape (n_networks, network.n_parameters)
    inputs : ndarray of shape (n_rows, n_inputs) or (n_networks, n_rows, n_inputs)

    Returns
    -------
    ndarray of shape (n_networks, n_rows)
    """
    protocol, x = Protocol(network=network, loss="mse"), inputs if inputs.ndim == 3 else inputs[None]
    n_rows = x.shape[1]
    found = np.empty((len(parameters), n_rows), np.float32)
    most = max(_PIECE, _MOST_ROWS // (network.n_inputs + 2))
    for start in range(0, n_rows, most):
        some = x[:, start : start + most]
        rows = Rows(some, np.zeros((1, some.shape[1]), np.float32))
        part = np.empty((len(parameters), rows.n_rows), np.float32)
        _kernels(protocol).outputs(
            _data(rows, parameters, None),
            _rule(protocol, n_rows, n_rows),
            _memory(protocol, rows.n_rows, n_rows),
            part,
        )
        found[:, start : start + most] = part
    return found


def _look(
    protocol: Protocol, rows: Rows, parameters: NDArray[np.float32], *, gradient: bool
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64]]:
    shape, n_rows = parameters.shape[:2], rows.n_rows
    plain = protocol.model_copy(update={"pull": 0.0, "orthogonality": 0.0})
    right, total, finite = np.zeros(shape, np.int32), np.zeros(shape), np.ones(shape, bool)
    squares = np.zeros(shape if gradient else (0, 0))
    _kernels(plain).look(
        _data(rows, parameters[:, 0], None),
        _rule(plain, n_rows, n_rows),
        _memory(plain, _PIECE, n_rows),
        np.require(parameters, requirements=("C", "W")),
        right,
        total,
        finite,
        squares,
    )
    with np.errstate(over="ignore"):  # of losses beyond float32, infinite is what is recorded
        return right, (total / n_rows).astype(np.float32), finite, squares


class _Data(NamedTuple):
    """What is each network's own."""

    inputs: NDArray[np.float32]  # (n_networks or 1, n_rows, n_inputs)
    targets: NDArray[np.float32]
    initial: NDArray[np.float32]
    keys: NDArray[np.uint64]
    points: NDArray[np.int64]  # epochs after which snapshots are taken
    snapshots: NDArray[np.float32]  # (n_networks, n_points, n_parameters), written


def _data(
    rows: Rows,
    initial: NDArray[np.float32],
    orders: NDArray[np.uint64] | None,
    points: Sequence[int] = (),
    snapshots: NDArray[np.float32] | None = None,
) -> _Data:
    inputs = rows.inputs if rows.inputs.ndim == 3 else rows.inputs[None]
    keys = np.zeros(0, np.uint64) if orders is None else orders
    # Numba would compile anew for arrays that lie otherwise or are read-only.
    return _Data(
        np.require(inputs, requirements=("C", "W")),
        np.require(rows.targets, requirements=("C", "W")),
        np.require(initial, requirements=("C", "W")),
        np.require(keys, requirements=("C", "W")),
        np.array(points, np.int64),
        np.zeros((0, 0, 0), np.float32) if snapshots is None else snapshots,
    )


class _Rule(NamedTuple):
    """What is the same for all networks."""

    n_inputs: int
    width: int
    depth: int
    group: int  # sums of a unit
    n_weights: int  # parameters before the scalars of units
    n_scalars: int  # of a unit
    activation: int  # of `_units.CODES`
    leak: float
    batch: int  # rows of an update
    piece: int  # of which so many at a time
    bce: bool
    threshold: float
    early: bool  # whether success ends the training
    wrong: float  # that many and a half of the rows may be on the wrong side
    epochs: int
    kink_rate: float  # of rules of biases and scalars; 0 where they follow the optimiser
    slope_rate: float
    sharp_by_rule: bool
    pull: float
    orthogonality: float
    adam: bool
    beta1: float  # or the momentum
    beta2: float


def _rule(protocol: Protocol, n_rows: int, batch: int) -> _Rule:
    network, optimizer, rules = protocol.network, protocol.optimizer, protocol.rules
    wrong = n_rows - protocol.rows_for_success(n_rows)
    betas = (optimizer.beta1, optimizer.beta2) if isinstance(optimizer, Adam) else (optimizer.momentum, 0.0)
    return _Rule(
        network.n_inputs,
        network.width,
        network.depth,
        network.group,
        network.n_weights,
        network.n_scalars,
        _units.CODES[network.activation],
        network.leak,
        batch,
        min(_PIECE, batch),
        protocol.loss == "bce",
        protocol.threshold,
        protocol.stop == "first_success",
        wrong + 0.5,
        protocol.epochs,
        *((rules.kink_rate, rules.slope_rate, rules.sharpness == "rule") if rules else (0.0, 0.0, False)),
        protocol.pull,
        protocol.orthogonality,
        isinstance(optimizer, Adam),
        *betas,
    )


def schedule_of(optimizer: Adam | Sgd, updates: int) -> NDArray[np.float32]:
    """Step size and epsilon of each update: shape (n, 2), of which the last goes on.

    Adam's bias correction is folded into them: ``step * m / (sqrt(v) + epsilon)`` equals
    ``rate * m̂ / (sqrt(v̂) + epsilon)``. Powers come from products, whose bits do not depend on a library;
    those below 2**-54 change nothing.
    """
    if isinstance(optimizer, Sgd):
        return np.array([[optimizer.learning_rate, 0]], np.float32)
    betas = [optimizer.beta1, optimizer.beta2]
    slowest = max(*betas, 2.0**-60)
    lasting = math.ceil(-60 * math.log(2) / math.log(slowest))
    powers = np.cumprod(np.broadcast_to(betas, (min(updates, lasting) + 1, 2)), axis=0)
    root = np.sqrt(1 - powers[:, 1])
    return np.stack(
        [optimizer.learning_rate * root / (1 - powers[:, 0]), optimizer.epsilon * root], axis=1
    ).astype(np.float32)


class _Memory(NamedTuple):
    """The vectors that sixteen networks work on."""

    weights: NDArray[np.float32]
    first_moment: NDArray[np.float32]
    second_moment: NDArray[np.float32]
    gradient: NDArray[np.float32]
    rows: NDArray[np.float32]  # all, or a piece of a batch: inputs, a one for the bias, and target
    hidden: NDArray[np.float32]  # activations of each hidden layer; every row ends with a 1 for the bias
    sums: NDArray[np.float32]  # of activations other than ReLU: sums of each hidden layer, then their errors
    sides: NDArray[np.float32]  # of decomposed units: what `_decomposed` says
    running: NDArray[np.float32]  # of pulled units: what `_penalties` says
    inverse_lengths: NDArray[np.float32]  # of rows of a layer's weights that are to be orthogonal
    outputs: NDArray[np.float32]
    errors: NDArray[np.float32]  # derivatives of the loss: at the output, then of two hidden layers
    seen: NDArray[np.float32]  # how many rows are wrong; zero, or NaN where outputs are not finite
    rates: NDArray[np.float32]  # step and epsilon
    network: NDArray[np.int64]  # which network each lane holds
    epoch: NDArray[np.int64]  # epochs that it has had
    point: NDArray[np.int64]  # snapshots that it has had
    due: NDArray[np.int64]  # epochs before the next one, or -1
    data: NDArray[np.float32]  # for mini-batches, each lane's rows, without the ones; (LANES, n_rows, pitch)
    order: NDArray[np.unsignedinteger[Any]]  # and their order, (LANES, n_rows)
    words: NDArray[np.uint32]  # what the next order is drawn from
    right: NDArray[np.int64]  # what is seen when training is over: right rows,
    total: NDArray[np.float64]  # the sum of their losses,
    finite: NDArray[np.bool_]  # whether all outputs are finite,
    squares: NDArray[np.float64]  # and the sum of the squares of the gradient


def _memory(protocol: Protocol, n_rows: int, batch: int, *, shuffled: bool = False) -> _Memory:
    """Allocate for batches of the rows, in their own order or shuffled."""
    network, piece = protocol.network, min(_PIECE, batch)
    size, width_1 = network.n_inputs + 2, network.width + 1
    rows, hidden = bank((piece if shuffled else n_rows) * size), bank(piece * network.depth * width_1)
    rows[:], hidden[:] = 1, 1
    n_units, n_rows_of_weights = network.depth * network.width, network.width * network.group
    n_sums = 0 if _kernels(protocol) is _OF_RELU else piece * n_units * network.group
    decomposed = network.activation.startswith("decomposed")
    drawn, apart = n_rows if shuffled else 0, gather.pitch(size - 1)
    return _Memory(
        weights=bank(network.n_parameters),
        first_moment=bank(network.n_parameters),
        second_moment=bank(network.n_parameters),
        gradient=bank(network.n_parameters),
        rows=rows,
        hidden=hidden,
        sums=bank(n_sums),
        sides=bank(n_units * _decomposed.SUMS if decomposed else 0),
        running=bank(1 + 4 * n_units if protocol.pull else 0),
        inverse_lengths=bank(n_rows_of_weights if protocol.orthogonality else 0),
        outputs=bank(piece),
        errors=bank(piece * (1 + 2 * network.width)),
        seen=bank(2),
        rates=bank(2),
        network=np.zeros(LANES, np.int64),
        epoch=np.zeros(LANES, np.int64),
        point=np.zeros(LANES, np.int64),
        due=np.zeros(LANES, np.int64),
        data=bank(drawn * apart).reshape(LANES, drawn, apart),
        order=np.zeros((LANES, drawn), np.uint16 if drawn <= 2**16 else np.uint32),
        words=np.zeros((4, -(-drawn // 4)), np.uint32),
        right=np.zeros(LANES, np.int64),
        total=np.zeros(LANES),
        finite=np.zeros(LANES, bool),
        squares=np.zeros(LANES),
    )


_parts = (elementary, _steps, _units, _decomposed, _penalties, functions, gather, _orders, simd, tiles)
_imports = compiled(*_parts, counted=False)


class _Kernels(NamedTuple):
    """The kernels of an activation."""

    train: Any
    look: Any
    outputs: Any


_OF_RELU = _Kernels(
    *map(_imports, (_kernel.train_networks, _kernel.look_at_networks, _kernel.outputs_of_networks))
)
_OF_UNITS = _Kernels(*map(_imports, (_kernel.train_units, _kernel.look_at_units, _kernel.outputs_of_units)))


def _kernels(protocol: Protocol) -> _Kernels:
    plain = not (protocol.pull or protocol.orthogonality)
    return _OF_RELU if plain and protocol.network.activation == "relu" else _OF_UNITS
