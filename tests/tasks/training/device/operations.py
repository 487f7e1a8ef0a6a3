"""Kernels of the operations alone, called with arrays of NumPy."""

from types import SimpleNamespace

import numpy as np

from relusweep.tasks.compiled import LANES
from relusweep.tasks.training.device.machine import Written
from relusweep.tasks.training.device.opencl import OpenCl
from relusweep.tasks.training.device.source import definitions, text
from relusweep.tasks.training.protocol import Rows
from tests.tasks.training.examples import general

OPERATIONS = ("portable", "functions", "losses", "units", "penalties", "updates", "orders")


def compiled(kernels, *names):
    """Give kernels behind the operations as functions of the count of threads, numbers and arrays.

    Arrays are written where the kernels write them.
    """
    arguments = general("huber")  # operations do not depend on the protocol
    rows = Rows(arguments["inputs"], arguments["targets"])
    program = definitions(arguments["protocol"], rows, LANES) + text(*OPERATIONS) + kernels
    return SimpleNamespace(**{name: _caller(program, name) for name in names})


def _caller(program, name):
    def call(count, *arguments):
        given = [Written(a) if isinstance(a, np.ndarray) else a for a in arguments]
        OpenCl().run(program, name, count, LANES, given)

    return call
