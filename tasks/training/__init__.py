"""How many small networks are trained: one protocol, two engines behind one function."""

from tasks.networks import Network, initial_parameters
from tasks.training.engine import Engine, train
from tasks.training.protocol import Adam, Protocol, StopReason, TrainingResult

__all__ = [
    "Adam",
    "Engine",
    "Network",
    "Protocol",
    "StopReason",
    "TrainingResult",
    "initial_parameters",
    "train",
]
