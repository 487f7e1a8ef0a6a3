"""Kernels of OpenCL on the processor, called with arrays of NumPy."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pyopencl as cl

from relusweep.tasks.compiled import LANES
from relusweep.tasks.training.device.source import definitions, text
from relusweep.tasks.training.protocol import Rows
from tests.tasks.training.examples import general


@cache
def queue():
    """One processor."""
    (device,) = cl.get_platforms()[0].get_devices(cl.device_type.CPU)
    return cl.CommandQueue(cl.Context([device]))


def compiled(kernels):
    """Give kernels behind the operations as functions of the count of threads, numbers and arrays.

    Arrays are written where the kernels write them.
    """
    before = text("portable", "functions", "losses", "units", "penalties", "updates", "orders")
    program = cl.Program(queue().context, definitions(*anything()) + before + kernels).build(OPTIONS)
    return SimpleNamespace(**{kernel.function_name: _caller(kernel) for kernel in program.all_kernels()})


def anything():
    """A protocol, for operations that do not depend on it, with rows and threads of a block."""
    arguments = general("huber")
    return arguments["protocol"], Rows(arguments["inputs"], arguments["targets"]), LANES


OPTIONS = ["-cl-fp32-correctly-rounded-divide-sqrt", "-w"]


def _caller(kernel):
    def call(count, *arguments):
        flags = cl.mem_flags.READ_WRITE | cl.mem_flags.USE_HOST_PTR
        arrays = [a for a in arguments if isinstance(a, np.ndarray)]
        buffers = {id(a): cl.Buffer(queue().context, flags, hostbuf=a) for a in arrays}
        kernel(queue(), (count,), (LANES,), *(buffers.get(id(a), a) for a in arguments))
        for array in arrays:
            cl.enqueue_copy(queue(), array, buffers[id(array)])
        queue().finish()

    return call
