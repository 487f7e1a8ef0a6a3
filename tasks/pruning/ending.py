"""Why a pruning ended."""

from enum import IntEnum

__all__ = ["Ending"]


class Ending(IntEnum):
    """Why a pruning ended.

    Attributes
    ----------
    NEEDED
        No network of one unit less succeeded after fine-tuning.
    EMPTIED
        A layer lost its last unit: the network is a constant, which is right on all rows.
    """

    NEEDED = 0
    EMPTIED = 1
