"""How the training of peaks and scales may end."""

from enum import IntEnum

__all__ = ["PretrainingEnd"]


class PretrainingEnd(IntEnum):
    """How pretraining ended.

    Attributes
    ----------
    EPOCHS
        With its last epoch.
    PEAK_AT_END
        A peak is nearer to 0 or 1 than float32 tells apart, 2**-24.
    SCALE_OUT_OF_RANGE
        A scale is 0 in float32, or too large for it.
    NOT_FINITE
        A peak, a scale or the loss is not a number.
    """

    EPOCHS = 0
    PEAK_AT_END = 1
    SCALE_OUT_OF_RANGE = 2
    NOT_FINITE = 3
