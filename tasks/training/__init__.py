"""How many small networks are trained: one protocol, two engines behind one function."""

from relusweep.tasks.networks import Network, initial_parameters
from relusweep.tasks.training.engine import Engine, train
from relusweep.tasks.training.optimizers import Adam, AdamW, RmsProp, Schedule, Sgd
from relusweep.tasks.training.protocol import Protocol, Rows, Rules, StopReason, TrainingResult
from relusweep.tasks.training.restarts import Restarts, RestartsResult, train_with_restarts

__all__ = [
    "Adam",
    "AdamW",
    "Engine",
    "Network",
    "Protocol",
    "Restarts",
    "RestartsResult",
    "RmsProp",
    "Rows",
    "Rules",
    "Schedule",
    "Sgd",
    "StopReason",
    "TrainingResult",
    "initial_parameters",
    "train",
    "train_with_restarts",
]
