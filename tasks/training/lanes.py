"""The engine `lanes`: sixteen networks side by side in the lanes of a vector, in one compiled call.

Forward pass, backward pass, optimiser and the test of success of sixteen networks stay in the processor's
cache. A network that ends gives its lane to the next one. Each lane computes what a scalar program would, in
IEEE operations of a fixed order, so a network's bits do not depend on its lane, its neighbours or the
processor.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks import elementary
from relusweep.tasks.compiled import compiled
from relusweep.tasks.networks import Network
from relusweep.tasks.training import (
    _decomposed,
    _kernel,
    _layers,
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
from relusweep.tasks.training._arguments import PIECE, data_of, is_plain, memory_of, rule_of, schedule_of
from relusweep.tasks.training.optimizers import Schedule, rate_factors
from relusweep.tasks.training.protocol import Protocol, Rows, StopReason, TrainingResult

__all__ = ["curves", "look", "outputs", "prepare", "train_lanes"]


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
    data = data_of(rows, initial, orders, snapshots, result.snapshots)
    _kernels(protocol).train(
        data,
        rule_of(protocol, data, batch),
        schedule_of(protocol.optimizer, protocol.epochs * -(-n_rows // batch)),
        rate_factors(protocol.schedule or Schedule(), protocol.epochs),
        memory_of(protocol, data, n_rows, batch, shuffled=batch < n_rows),
        parameters,
        result.epochs,
        watched := np.zeros(len(initial), np.bool_),
    )
    right, loss, finite = look(protocol, rows, parameters)
    success = finite & (right >= protocol.rows_for_success(n_rows))
    met = success if protocol.stop == "first_success" else watched
    reason = np.where(met, protocol.reason, StopReason.EPOCHS)
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
    data = data_of(rows, parameters[:, 0])
    _kernels(plain).look(
        data,
        rule_of(plain, data, n_rows),
        memory_of(plain, data, PIECE, n_rows),
        np.require(parameters, requirements=("C", "W")),
        right,
        total,
        finite,
        squares,
        np.zeros((0, 0, 0), np.float32) if outputs is None else outputs,
    )
    with np.errstate(over="ignore"):  # of losses beyond float32, infinite is what is recorded
        return right, (total / n_rows).astype(np.float32), finite, squares


_parts = (
    elementary,
    _layers,
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


def _kernels(protocol: Protocol) -> _Kernels:
    return _OF_RELU if is_plain(protocol) else _OF_UNITS
