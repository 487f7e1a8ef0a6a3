"""How many small networks are trained: one protocol, two engines behind one function."""

from tasks.networks import Network, initial_parameters
from tasks.training.engine import Engine, Rows, train
from tasks.training.protocol import Adam, Protocol, Sgd, StopReason, TrainingResult
from tasks.training.restarts import Restarts, RestartsResult, train_with_restarts

__all__ = [
    "Adam",
    "Engine",
    "Network",
    "Protocol",
    "Restarts",
    "RestartsResult",
    "Rows",
    "Sgd",
    "StopReason",
    "TrainingResult",
    "initial_parameters",
    "train",
    "train_with_restarts",
]
