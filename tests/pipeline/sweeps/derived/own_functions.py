"""Functions of a user's own, that tests name by their import path."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from relusweep.tasks.declared import numbers
from relusweep.tasks.own_probe import declares
from relusweep.tasks.probes import Probe


@declares({"norm": numbers("float64", "norm of all parameters")})
def norms(trained, scale=1.0, broken=""):
    if broken and Path(broken).exists() and trained.protocol.network.width == 4:
        raise RuntimeError("out of order")
    return {"norm": scale * np.linalg.norm(trained.parameters.astype(float), axis=1)}


@declares({"norm": numbers("float32", "norm of all parameters")})
def too_long(trained):
    return {"norm": trained.parameters}


@declares({"apart": numbers("float32", "largest difference of parameters")}, pairs=True)
def apart(one, other):
    return {"apart": np.abs(one.parameters[:, None] - other.parameters).max(axis=2)}


def undeclared(trained):
    return {}


class Doubled(Probe):
    """A class of the user's own, with a field and a dimension."""

    times: int = 2

    def variables(self, extent):
        return {"doubled": numbers("float32", "first parameters, times a number", ("first",))}

    def inner(self, extent):
        return {"first": (np.arange(3), {})}

    def measure(self, trained, extent):
        return {"doubled": self.times * trained.parameters[:, :3]}
