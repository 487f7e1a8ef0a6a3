"""Whole trainings of many networks on a machine, with the bits of the engine `lanes`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.networks import places_of
from relusweep.tasks.training._arguments import schedule_of, targets_of
from relusweep.tasks.training.device.cuda import device
from relusweep.tasks.training.device.machine import DeviceMemoryError, Machine, Scratch, Written
from relusweep.tasks.training.device.source import OUTSIDE, moments_of, program_of, team_of
from relusweep.tasks.training.lanes import record, train_lanes
from relusweep.tasks.training.optimizers import Schedule, rate_factors
from relusweep.tasks.training.protocol import Protocol, Rows, TrainingResult

__all__ = ["OtherBitsError", "bytes_of_network", "train_cuda", "train_on"]

_FEW, _SHORT = 64, 20
"""Networks and epochs by which a GPU is held against the lanes."""

_held: set[tuple[str, float]] = set()

_SHARE = 0.7
"""Of the free memory, that arrays may fill: others allocate too."""


class OtherBitsError(RuntimeError):
    """A GPU gives other bits than the lanes."""


def train_cuda(
    protocol: Protocol,
    rows: Rows,
    initial: NDArray[np.float32],
    orders: NDArray[np.uint64] | None = None,
    test: Rows | None = None,
    *,
    keep_parameters: bool = False,
    snapshots: Sequence[int] = (),
) -> TrainingResult:
    """Train networks on the GPU of this process, once it has given the bits of the lanes for a few of them.

    The arguments are those of :func:`relusweep.tasks.training.lanes.train_lanes`.

    Raises
    ------
    NoDeviceError
        There is no GPU that can be used.
    OtherBitsError
        It gives other bits than the lanes.
    """
    machine = device()
    hold(machine, protocol, rows, initial, orders)
    return train_on(
        machine,
        protocol,
        rows,
        initial,
        orders,
        test,
        keep_parameters=keep_parameters,
        snapshots=snapshots,
    )


def hold(
    machine: Machine,
    protocol: Protocol,
    rows: Rows,
    initial: NDArray[np.float32],
    orders: NDArray[np.uint64] | None,
) -> None:
    """Hold the first networks after a few epochs against the lanes, once for each program and leak."""
    program = program_of(protocol, rows, machine.threads(team_of(protocol, rows)), machine.shared)
    held = program, protocol.network.leak
    if held in _held or not len(initial):
        return
    few = slice(0, _FEW)
    short = protocol.model_copy(update={"epochs": min(protocol.epochs, _SHORT)})
    own = rows.inputs[few] if rows.inputs.ndim == 3 else rows.inputs
    of = Rows(own, rows.targets[few], None if rows.weights is None else rows.weights[few])
    arguments = short, of, initial[few], None if orders is None else orders[few]
    found, expected = (
        train(*arguments, keep_parameters=True) for train in (partial(train_on, machine), train_lanes)
    )
    for name, one, other in zip(TrainingResult._fields, found, expected, strict=True):
        if one is not None and other is not None and not _same(one, other):
            raise OtherBitsError(
                f"the GPU gives another {name} than the lanes for some of {len(initial[few])} networks after "
                f"{short.epochs} epochs, so nothing was trained on it; use engine=lanes, and please report "
                "the GPU and its driver"
            )
    _held.add(held)


def _same(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    """Tell whether two arrays have the same bits, but for those of NaN."""
    if one.dtype != np.float32:
        return np.array_equal(one, other)
    same = one.view(np.uint32) == other.view(np.uint32)
    return bool((same | (np.isnan(one) & np.isnan(other))).all())


def train_on(
    machine: Machine,
    protocol: Protocol,
    rows: Rows,
    initial: NDArray[np.float32],
    orders: NDArray[np.uint64] | None = None,
    test: Rows | None = None,
    *,
    keep_parameters: bool = False,
    snapshots: Sequence[int] = (),
) -> TrainingResult:
    """Train networks; see :func:`relusweep.tasks.training.train` for the arguments, which are trusted here.

    Parameters
    ----------
    machine : Machine
        It takes as many networks at a time as fit into its memory.
    protocol, rows, initial, orders, test, keep_parameters, snapshots
        As :func:`relusweep.tasks.training.lanes.train_lanes` takes them.

    Raises
    ------
    DeviceMemoryError
        Not one network fits.
    """
    result = TrainingResult.empty(
        len(initial),
        protocol.network.n_parameters,
        parameters=keep_parameters,
        test=test is not None,
        snapshots=len(snapshots),
    )
    parameters = np.empty_like(initial) if result.parameters is None else result.parameters
    watched = np.zeros(len(initial), np.bool_)
    of = _Kernels(machine, protocol, rows)
    of.train(initial, orders, snapshots, parameters, watched, result)
    record(protocol, rows, test, parameters, watched, result, of.look)
    for array in result:
        if array is not None and array.dtype == np.float32:
            array[np.isnan(array)] = np.nan  # whatever bits a GPU gives it
    return result


def bytes_of_network(
    protocol: Protocol, n_rows: int, n_points: int = 0, *, own_inputs: bool = True, weighted: bool = False
) -> int:
    """Count the bytes that a network fills on a GPU, without what its thread has.

    Parameters
    ----------
    protocol : Protocol
    n_rows : int
    n_points : int
        Snapshots.
    own_inputs : bool
        Whether each network has inputs of its own.
    weighted : bool
        Whether rows have weights.
    """
    numbers = protocol.n_targets + weighted + (protocol.network.n_inputs if own_inputs else 0)
    return 4 * (n_rows * numbers + (2 + n_points) * protocol.network.n_parameters) + 32


@dataclass(frozen=True)
class _Kernels:
    """The kernels of a protocol, and what they are called with."""

    machine: Machine
    protocol: Protocol
    rows: Rows

    def train(
        self,
        initial: NDArray[np.float32],
        orders: NDArray[np.uint64] | None,
        snapshots: Sequence[int],
        parameters: NDArray[np.float32],
        watched: NDArray[np.bool_],
        result: TrainingResult,
    ) -> None:
        protocol, rows, targets = self.protocol, self.rows, targets_of(self.rows)
        keys = np.zeros(len(initial), np.uint64) if orders is None else orders
        taken = np.zeros((len(initial), 0, 0), np.float32) if result.snapshots is None else result.snapshots
        updates = protocol.epochs * protocol.updates_of(rows.n_rows)
        schedule = np.ascontiguousarray(schedule_of(protocol.optimizer, updates))
        factors = rate_factors(protocol.schedule or Schedule(), protocol.epochs)

        def launch(some: slice) -> None:
            places = self._places("train", len(initial[some]))
            self.machine.run(
                self._program,
                "train",
                places,
                self._threads,
                [
                    _of(rows.inputs, some) if rows.inputs.ndim == 3 else _of(rows.inputs),
                    _of(targets, some),
                    _of(initial, some),
                    _of(keys, some),
                    np.array(snapshots, np.int64),
                    np.int32(len(snapshots)),
                    Written(taken[some]),
                    schedule,
                    np.int32(len(schedule)),
                    factors,
                    np.int32(len(factors)),
                    np.float32(protocol.network.leak),
                    np.int32(protocol.epochs),
                    np.int32(len(initial[some])),
                    Written(np.zeros(1, np.int32)),
                    *(Scratch(places * nbytes) for nbytes in self._scratch),
                    Written(parameters[some]),
                    Written(result.epochs[some]),
                    Written(watched[some]),
                ],
            )

        self._in_parts(len(initial), len(snapshots), launch)

    def look(
        self, protocol: Protocol, rows: Rows, parameters: NDArray[np.float32]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.bool_]]:
        n, targets = len(parameters), targets_of(rows)
        if self.rows.weights is not None and rows.weights is None:  # test rows count alike
            targets = np.concatenate([targets, np.ones_like(targets[..., :1])], axis=2)
        right, total, finite = np.zeros(n, np.int32), np.zeros(n), np.zeros(n, np.bool_)

        def launch(some: slice) -> None:
            self.machine.run(
                self._program,
                "look",
                self._places("look", len(parameters[some])),
                self._threads,
                [
                    _of(rows.inputs, some) if rows.inputs.ndim == 3 else _of(rows.inputs),
                    np.int32(rows.inputs.ndim == 2),
                    _of(targets, some),
                    np.int32(rows.n_rows),
                    _of(parameters, some),
                    np.float32(protocol.network.leak),
                    np.int32(len(parameters[some])),
                    Written(right[some]),
                    Written(total[some]),
                    Written(finite[some]),
                ],
            )

        self._in_parts(n, 0, launch)
        with np.errstate(over="ignore"):  # of losses beyond float32, infinite is what is recorded
            return right, (total / rows.n_rows).astype(np.float32), finite

    @cached_property
    def _team(self) -> int:
        return team_of(self.protocol, self.rows)

    @property
    def _threads(self) -> int:
        return self.machine.threads(self._team)

    @cached_property
    def _program(self) -> str:
        return program_of(self.protocol, self.rows, self._threads, self.machine.shared)

    @property
    def _scratch(self) -> tuple[int, int]:
        """Bytes of a thread's order of the rows, and of its moments."""
        order = self.rows.n_rows * (2 if self.rows.n_rows <= 2**16 else 4)
        shuffled = self.protocol.updates_of(self.rows.n_rows) > 1
        outside = self._team == 1 and moments_of(self.protocol, self._threads, self.machine.shared) == OUTSIDE
        return order * shuffled, 8 * places_of(self.protocol.network).size * outside

    def _places(self, kernel: str, n_networks: int) -> int:
        """Give how many threads a kernel has: as many as run at a time, if there are networks for them."""
        most = self.machine.places(self._program, kernel, self._threads)
        team = self._team if kernel == "train" else 1
        return min(most, -(-n_networks * team // self._threads) * self._threads)

    def _in_parts(self, n_networks: int, n_points: int, launch: Callable[[slice], None]) -> None:
        """Launch for as many networks at a time as fit, and for fewer where memory is short after all."""
        of_thread = sum(self._scratch)
        of_threads = self.machine.places(self._program, "train", self._threads) * of_thread
        own, weighted = self.rows.inputs.ndim == 3, self.rows.weights is not None
        of_one = bytes_of_network(
            self.protocol, self.rows.n_rows, n_points, own_inputs=own, weighted=weighted
        )
        room, start = self.machine.free() * _SHARE, 0
        at_once = max(1, int(max((room - of_threads) / of_one, room / (of_one + of_thread))))
        while start < n_networks:
            try:
                launch(slice(start, min(start + at_once, n_networks)))
            except DeviceMemoryError:
                at_once = min(at_once, n_networks - start) // 2
                if not at_once:
                    raise
            else:
                start += at_once


def _of(array: NDArray[np.generic], some: slice = slice(None)) -> NDArray[np.generic]:
    """Give some networks' part of an array, as kernels take it."""
    return np.ascontiguousarray(array[some])
