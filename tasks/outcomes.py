"""What may become of a network that is pruned, and what it is compared with then."""

from enum import IntEnum
from typing import Final

__all__ = ["REFERENCES", "Outcome"]

REFERENCES: Final = ("original", "other_method")
"""The network before pruning, and the last that reaches the threshold when it is pruned the other way."""


class Outcome(IntEnum):
    """What became of a network at a step of its pruning; after all but the first there is no further step."""

    REACHES_THRESHOLD = 0
    BELOW_THRESHOLD = 1
    LAYER_EMPTIED = 2  # a hidden layer would have no channel: there is no network
    NOT_FINITE = 3
