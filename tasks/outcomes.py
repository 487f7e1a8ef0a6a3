"""What may become of a network that is pruned."""

from enum import IntEnum

__all__ = ["Outcome"]


class Outcome(IntEnum):
    """What became of a network at a step of its pruning; after all but the first there is no further step."""

    REACHES_THRESHOLD = 0
    BELOW_THRESHOLD = 1
    LAYER_EMPTIED = 2  # a hidden layer would have no channel: there is no network
    NOT_FINITE = 3
