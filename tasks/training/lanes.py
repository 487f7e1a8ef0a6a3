"""The engine `lanes`: sixteen networks side by side in the lanes of a vector, in one compiled call.

Forward pass, backward pass, optimiser and the test of success of sixteen networks stay in the processor's
cache. A network that ends gives its lane to the next one. Each lane computes what a scalar program would, in
IEEE operations of a fixed order, so a network's bits do not depend on its lane, its neighbours or the
processor.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks import elementary
from relusweep.tasks.compiled import LANES, compiled
from relusweep.tasks.networks import Network
from relusweep.tasks.training import (
    _decomposed,
    _kernel,
    _losses,
    _penalties,
    _steps,
    _units,
    _updates,
    _watch,
    functions,
    gather,
    simd,
    tiles,
)
from relusweep.tasks.training import orders as _orders
from relusweep.tasks.training.optimizers import Adam, AdamW, Optimizer, RmsProp, Schedule, Sgd, rate_factors
from relusweep.tasks.training.protocol import Protocol, Rows, StopReason, TrainingResult
from relusweep.tasks.training.simd import bank

__all__ = [
    "Look",
    "Rule",
    "codes_of",
    "constants_of",
    "curves",
    "look",
    "outputs",
    "passes_of_relu",
    "prepare",
    "record",
    "rule_of",
    "schedule_of",
    "targets_of",
    "train_lanes",
]

_PIECE = 20


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
    batch = n_rows if orders is None else protocol.batch_of(n_rows)
    _kernels(protocol).train(
        _data(rows, initial, orders, snapshots, result.snapshots),
        rule_of(protocol, rows, batch),
        schedule_of(protocol.optimizer, protocol.epochs * -(-n_rows // batch)),
        rate_factors(protocol.schedule or Schedule(), protocol.epochs),
        _memory(protocol, rows, n_rows, batch, shuffled=batch < n_rows),
        parameters,
        result.epochs,
        watched := np.zeros(len(initial), np.bool_),
    )
    record(protocol, rows, test, parameters, watched, result)
    return result


Look = Callable[
    [Protocol, Rows, NDArray[np.float32]], tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.bool_]]
]
"""What looks at all networks, as :func:`look` does."""


def record(
    protocol: Protocol,
    rows: Rows,
    test: Rows | None,
    parameters: NDArray[np.float32],
    watched: NDArray[np.bool_],
    result: TrainingResult,
    by: Look | None = None,
) -> None:
    """Look at networks at the end of their training, and fill in what is recorded beside the epochs.

    Parameters
    ----------
    protocol, rows, test
        As for :func:`train_lanes`.
    parameters : ndarray of shape (n_networks, n_parameters), dtype float32
    watched : ndarray of shape (n_networks,), dtype bool
        Whether the watched loss ended the training.
    result : TrainingResult
        With the epochs; written.
    by : callable, optional
        What looks, by default :func:`look`.
    """
    look_at = by or look
    right, loss, finite = look_at(protocol, rows, parameters)
    success = finite & (right >= protocol.rows_for_success(rows.n_rows))
    met = success if protocol.stop == "first_success" else watched
    reason = np.where(met, protocol.reason, StopReason.EPOCHS)
    result.rows_right[:], result.loss[:] = right, loss
    result.success_epoch[success] = result.epochs[success]
    result.stop_reason[:] = np.where(finite, reason, StopReason.NOT_FINITE)
    if test is not None and result.test_rows_right is not None and result.test_loss is not None:
        result.test_rows_right[:], result.test_loss[:], _ = look_at(protocol, test, parameters)


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
    ndarray of shape (n_networks, n_rows, n_outputs)
    """
    protocol, n_rows = Protocol(network=network, loss="mse"), inputs.shape[-2]
    found = np.empty((len(parameters), n_rows, network.n_outputs), np.float32)
    rows = Rows(inputs, np.zeros((1, n_rows, network.n_outputs), np.float32))
    _look(protocol, rows, parameters[:, None], gradient=False, outputs=found)
    return found


def _look(
    protocol: Protocol,
    rows: Rows,
    parameters: NDArray[np.float32],
    *,
    gradient: bool,
    outputs: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64]]:
    shape, n_rows = parameters.shape[:2], rows.n_rows
    plain = protocol.model_copy(update={"pull": 0.0, "orthogonality": 0.0})
    right, total, finite = np.zeros(shape, np.int32), np.zeros(shape), np.ones(shape, bool)
    squares = np.zeros(shape if gradient else (0, 0))
    _kernels(plain).look(
        _data(rows, parameters[:, 0], None),
        rule_of(plain, rows, n_rows),
        _memory(plain, rows, _PIECE, n_rows),
        np.require(parameters, requirements=("C", "W")),
        right,
        total,
        finite,
        squares,
        np.zeros((0, 0, 0), np.float32) if outputs is None else outputs,
    )
    with np.errstate(over="ignore"):  # of losses beyond float32, infinite is what is recorded
        return right, (total / n_rows).astype(np.float32), finite, squares


class _Data(NamedTuple):
    """What is each network's own."""

    inputs: NDArray[np.float32]  # (n_networks or 1, n_rows, n_inputs)
    targets: NDArray[
        np.float32
    ]  # (n_networks, n_rows, numbers): targets and, of rows that have one, a weight
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
        np.require(targets_of(rows), requirements=("C", "W")),
        np.require(initial, requirements=("C", "W")),
        np.require(keys, requirements=("C", "W")),
        np.array(points, np.int64),
        np.zeros((0, 0, 0), np.float32) if snapshots is None else snapshots,
    )


def targets_of(rows: Rows) -> NDArray[np.float32]:
    """Give what follows the inputs of rows, a weight last if they have one: (n_networks, n_rows, numbers)."""
    targets = rows.targets if rows.targets.ndim == 3 else rows.targets[..., None]
    return targets if rows.weights is None else np.concatenate([targets, rows.weights[..., None]], axis=2)


class Rule(NamedTuple):
    """What is the same for all networks."""

    n_inputs: int
    n_outputs: int
    n_targets: int
    weighted: bool  # whether rows have weights
    single: bool  # whether they have one target and no weight
    size: int  # numbers of a row, with a one for the bias
    width: int
    depth: int
    apart: int  # what a layer takes of a hidden one, with a one for the bias
    residual: bool
    irregular: bool  # whether there are units of zeros, or something skips layers
    group: int  # sums of a unit
    n_weights: int  # parameters before the scalars of units
    n_scalars: int  # of a unit
    activation: int  # of `_units.CODES`; of a list that of the first layer
    leak: float
    batch: int  # rows of an update, but for the last one of an epoch
    piece: int  # of which so many at a time
    loss: int  # of `_losses.CODES`
    delta: float  # of Huber's loss
    threshold: float
    early: bool  # whether success ends the training
    wrong: float  # that many and a half of the rows may be on the wrong side
    epochs: int
    kink_rate: float  # of rules of biases and scalars; 0 where they follow the optimiser
    slope_rate: float
    sharp_by_rule: bool
    pull: float
    orthogonality: float
    optimizer: int  # of `_updates`
    beta1: float  # or the momentum
    beta2: float  # or alpha
    regularised: bool  # whether there is something of the next four
    l1: float
    clip_norm: float
    decay: float  # of weights, by the gradient,
    shrink: float  # or of an update of the full rate
    scheduled: bool  # whether the rate changes with the epochs
    watched: bool  # whether the losses of epochs matter
    watch: "_Watch"


class _Watch(NamedTuple):
    """What losses of epochs do; what is not asked for never happens."""

    ends: bool  # whether they end the training, where they
    target_loss: float  # are at most this,
    most_loss: float  # above this,
    patience: int  # or not lower for more epochs than these, if they are not negative,
    min_improvement: float  # by such a share
    reduce_patience: int  # and where they reduce the rate
    reduce_threshold: float
    reduce_by: float
    reduce_floor: float
    warmup: int


def rule_of(protocol: Protocol, rows: Rows, batch: int) -> Rule:
    """Give what is the same for all networks, with batches of so many rows."""
    network, optimizer, rules = protocol.network, protocol.optimizer, protocol.rules
    wrong = rows.n_rows - protocol.rows_for_success(rows.n_rows)
    code, beta1, beta2 = constants_of(optimizer)
    l1, longest, decay, shrink = _regularisation(protocol)
    watch = _watching(protocol)
    return Rule(
        network.n_inputs,
        network.n_outputs,
        protocol.n_targets,
        rows.weights is not None,
        network.n_outputs == 1 and rows.weights is None,
        _size(protocol, rows),
        network.width,
        network.depth,
        _apart(network),
        network.skip == "residual",
        network.skip != "none" or network.widths is not None,
        network.group,
        network.n_weights,
        network.n_scalars,
        codes_of(network)[0],
        network.leak,
        batch,
        min(_PIECE, batch),
        _losses.CODES[protocol.loss],
        protocol.huber_delta,
        protocol.threshold,
        protocol.stop == "first_success",
        wrong + 0.5,
        protocol.epochs,
        *((rules.kink_rate, rules.slope_rate, rules.sharpness == "rule") if rules else (0.0, 0.0, False)),
        protocol.pull,
        protocol.orthogonality,
        code,
        beta1,
        beta2,
        any((l1, longest, decay, shrink)),
        l1,
        longest,
        decay,
        shrink,
        protocol.schedule is not None,
        watch.ends or watch.reduce_patience >= 0,
        watch,
    )


def _size(protocol: Protocol, rows: Rows) -> int:
    """Count the numbers of a row: inputs, a one for the bias, targets, and its weight if it has one."""
    return protocol.network.n_inputs + 1 + protocol.n_targets + (rows.weights is not None)


def _apart(network: Network) -> int:
    """Count what a layer takes of a hidden one, with the inputs that skip it and a one for the bias."""
    return network.layers[-1][1] + 1


def codes_of(network: Network) -> list[int]:
    """Give the code of each hidden layer's activation."""
    names = network.activation.split("-")
    return [_units.CODES[name] for name in (names if len(names) > 1 else names * network.depth)]


def constants_of(optimizer: Optimizer) -> tuple[int, float, float]:
    """Give the code of an optimiser, and how its moments decay."""
    if isinstance(optimizer, Adam):
        return _updates.ADAM, optimizer.beta1, optimizer.beta2
    if isinstance(optimizer, RmsProp):
        return _updates.RMSPROP, 0.0, optimizer.alpha
    return _updates.NESTEROV if optimizer.nesterov else _updates.DESCENT, optimizer.momentum, 0.0


def _regularisation(protocol: Protocol) -> tuple[float, float, float, float]:
    """Give the strength of L1, the longest gradient, and how weights decay: by it, or apart from it."""
    optimizer, decay = protocol.optimizer, protocol.optimizer.weight_decay
    shrink = optimizer.learning_rate * decay if isinstance(optimizer, AdamW) else 0.0
    return protocol.l1, protocol.clip_norm or 0.0, 0.0 if shrink else decay, shrink


def _watching(protocol: Protocol) -> _Watch:
    stop, schedule = protocol.stop, protocol.schedule or Schedule()
    ends, reduces = stop in ("plateau", "target_loss", "divergence"), schedule.kind == "plateau"
    target, most, patience = protocol.target_loss, protocol.most_loss, protocol.patience
    return _Watch(
        ends,
        target if stop == "target_loss" and target is not None else -1.0,
        most if stop == "divergence" and most is not None else math.inf,
        patience if stop == "plateau" and patience is not None else -1,
        protocol.min_improvement,
        schedule.patience if reduces else -1,
        schedule.threshold,
        schedule.factor,
        schedule.floor,
        schedule.warmup,
    )


def schedule_of(optimizer: Optimizer, updates: int) -> NDArray[np.float32]:
    """Step size and epsilon of each update: shape (n, 2), of which the last goes on.

    Adam's bias correction is folded into them: ``step * m / (sqrt(v) + epsilon)`` equals
    ``rate * m̂ / (sqrt(v̂) + epsilon)``. Powers come from products, whose bits do not depend on a library;
    those below 2**-54 change nothing.
    """
    if isinstance(optimizer, Sgd):
        return np.array([[optimizer.learning_rate, 0]], np.float32)
    if isinstance(optimizer, RmsProp):
        return np.array([[optimizer.learning_rate, optimizer.epsilon]], np.float32)
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
    rows: NDArray[np.float32]  # all, or a piece of a batch: inputs, a one for the bias, targets, weight
    hidden: NDArray[np.float32]  # activations of each hidden layer; every row ends with a 1 for the bias
    sums: NDArray[np.float32]  # of activations other than ReLU: sums of each hidden layer, then their errors
    sides: NDArray[np.float32]  # of decomposed units: what `_decomposed` says
    running: NDArray[np.float32]  # of pulled units: what `_penalties` says
    inverse_lengths: NDArray[np.float32]  # of rows of a layer's weights that are to be orthogonal
    outputs: NDArray[np.float32]
    slopes: NDArray[np.float32]  # derivatives of the loss by the outputs,
    errors: NDArray[np.float32]  # and by the activations of two hidden layers
    codes: NDArray[np.int64]  # of each hidden layer, of `_units.CODES`
    units: NDArray[np.int64]  # of each hidden layer, without units of zeros
    seen: NDArray[np.float32]  # how many rows are wrong; zero, or NaN where outputs are not finite
    rates: NDArray[np.float32]  # step, epsilon, and what a schedule multiplies the step by
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
    lowest: NDArray[np.float64]  # where losses are watched: the lowest so far, of `stop` and of the schedule,
    waited: NDArray[np.int64]  # epochs since then,
    reduced: NDArray[np.float64]  # and what the schedule has come to multiply the rate by


def _memory(protocol: Protocol, of: Rows, n_rows: int, batch: int, *, shuffled: bool = False) -> _Memory:
    """Allocate for batches of so many rows, in their own order or shuffled."""
    network, piece, size = protocol.network, min(_PIECE, batch), _size(protocol, of)
    rows, hidden = bank((piece if shuffled else n_rows) * size), bank(piece * network.depth * _apart(network))
    rates = bank(3)
    rows[:], hidden[:], rates[2 * LANES :] = 1, 1, 1
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
        outputs=bank(piece * network.n_outputs),
        slopes=bank(piece * network.n_outputs),
        errors=bank(piece * 2 * network.width),
        codes=np.array(codes_of(network), np.int64),
        units=np.array(network.widths or (network.width,) * network.depth, np.int64),
        seen=bank(2),
        rates=rates,
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
        lowest=np.zeros(2 * LANES),
        waited=np.zeros(2 * LANES, np.int64),
        reduced=np.ones(LANES),
    )


_parts = (
    elementary,
    _steps,
    _losses,
    _updates,
    _watch,
    _units,
    _decomposed,
    _penalties,
    functions,
    gather,
    _orders,
    simd,
    tiles,
)
_imports = compiled(*_parts, counted=False)


class _Kernels(NamedTuple):
    """The two kernels of an activation."""

    train: Any
    look: Any


_OF_RELU = _Kernels(_imports(_kernel.train_networks), _imports(_kernel.look_at_networks))
_OF_UNITS = _Kernels(_imports(_kernel.train_units), _imports(_kernel.look_at_units))


def passes_of_relu(protocol: Protocol) -> bool:
    """Tell whether the passes are those of `_steps`, else of `_units`."""
    plain = not (protocol.pull or protocol.orthogonality) and protocol.network.skip == "none"
    return plain and protocol.network.activation == "relu"


def _kernels(protocol: Protocol) -> _Kernels:
    return _OF_RELU if passes_of_relu(protocol) else _OF_UNITS
