"""The processor, by OpenCL: where machines without a GPU test what the engine `cuda` computes.

It needs ``pyopencl[pocl]``, of the extra `dev`, and is no engine: the lanes are faster.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from relusweep.tasks.training.device.machine import Argument, Scratch, Written

__all__ = ["OpenCl"]

# Division and roots as IEEE 754 has them; no warnings; what takes longest, for tests, is to compile.
_OPTIONS = ["-cl-std=CL1.2", "-cl-fp32-correctly-rounded-divide-sqrt", "-w", "-cl-opt-disable"]


class OpenCl:
    """The first processor that OpenCL has."""

    shared = 4096

    def threads(self, team: int) -> int:
        """Give the threads of a block: several, or one team."""
        return team if team > 1 else 4

    def free(self) -> int:
        """Give the bytes of memory that are free: as tests need them."""
        return 2**30

    def places(self, program: str, kernel: str, threads: int) -> int:
        """Give how many threads run at a time: two blocks."""
        return 2 * threads

    def run(
        self, program: str, kernel: str, places: int, threads: int, arguments: Sequence[Argument]
    ) -> None:
        """Run a kernel of a text."""
        import pyopencl as cl

        flags = cl.mem_flags.READ_WRITE
        given: list[Any] = []
        written: list[tuple[Any, Any]] = []
        for argument in arguments:
            if isinstance(argument, np.generic):
                given.append(argument)
                continue
            array = argument.array if isinstance(argument, Written) else argument
            if isinstance(array, Scratch) or not array.nbytes:
                given.append(cl.Buffer(_queue().context, flags, max(array.nbytes, 16)))
                continue
            given.append(cl.Buffer(_queue().context, flags | cl.mem_flags.COPY_HOST_PTR, hostbuf=array))
            if isinstance(argument, Written):
                written.append((array, given[-1]))
        _compiled(program)[kernel](_queue(), (places,), (threads,), *given)
        for array, buffer in written:
            cl.enqueue_copy(_queue(), array, buffer)


@cache
def _queue() -> Any:
    import pyopencl as cl

    for platform in cl.get_platforms():
        for device in platform.get_devices(cl.device_type.CPU):
            return cl.CommandQueue(cl.Context([device]))
    raise RuntimeError("OpenCL has no processor; install pyopencl[pocl], of the extra dev")


@cache
def _compiled(program: str) -> dict[str, Any]:
    import pyopencl as cl

    kernels = cl.Program(_queue().context, program).build(_OPTIONS).all_kernels()
    return {kernel.function_name: kernel for kernel in kernels}
