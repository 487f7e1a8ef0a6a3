"""Kernels of OpenCL on the processor, called with arrays of NumPy."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pyopencl as cl

from relusweep.tasks.training.device.source import text


@cache
def queue():
    """One processor."""
    (device,) = cl.get_platforms()[0].get_devices(cl.device_type.CPU)
    return cl.CommandQueue(cl.Context([device]))


def compiled(kernels):
    """Give kernels behind the operations as functions of the count of threads, numbers and arrays.

    Arrays are written where the kernels write them.
    """
    program = cl.Program(queue().context, text("portable", "operations") + kernels).build(OPTIONS)
    return SimpleNamespace(**{kernel.function_name: _caller(kernel) for kernel in program.all_kernels()})


OPTIONS = ["-cl-fp32-correctly-rounded-divide-sqrt"]


def _caller(kernel):
    def call(count, *arguments):
        flags = cl.mem_flags.READ_WRITE | cl.mem_flags.USE_HOST_PTR
        arrays = [a for a in arguments if isinstance(a, np.ndarray)]
        buffers = {id(a): cl.Buffer(queue().context, flags, hostbuf=a) for a in arrays}
        kernel(queue(), (count,), None, *(buffers.get(id(a), a) for a in arguments))
        for array in arrays:
            cl.enqueue_copy(queue(), array, buffers[id(array)])
        queue().finish()

    return call
