"""What computes the kernels of the text: a GPU by CUDA or, in tests, the processor by OpenCL."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Argument", "DeviceMemoryError", "Machine", "NoDeviceError", "Scratch", "Written"]


class NoDeviceError(RuntimeError):
    """There is no GPU that can be used, or not what it takes to use it."""


class DeviceMemoryError(MemoryError):
    """Arrays do not fit into what is free of a GPU's memory."""


class Written(NamedTuple):
    """An array that a kernel reads and writes."""

    array: NDArray[np.generic]


class Scratch(NamedTuple):
    """Memory of a kernel's own, whose contents nobody has set."""

    nbytes: int


Argument = NDArray[np.generic] | Written | Scratch | np.int32 | np.float32
"""Of a kernel: arrays, C-contiguous, that it reads; those that it writes too; memory of its own; a number."""


class Machine(Protocol):
    """Where kernels run."""

    @property
    def shared(self) -> int:
        """Bytes that the moments of a block may fill of its memory."""

    def threads(self, team: int) -> int:
        """Give the threads of a block, of which so many train a network together."""

    def free(self) -> int:
        """Give the bytes of memory that are free."""

    def places(self, program: str, kernel: str, threads: int) -> int:
        """Give how many threads of a kernel run at a time, in blocks of so many."""

    def run(
        self, program: str, kernel: str, places: int, threads: int, arguments: Sequence[Argument]
    ) -> None:
        """Run a kernel of a text with so many threads, in blocks; arrays get what it writes into them.

        Raises
        ------
        DeviceMemoryError
            Nothing has been written.
        """
