"""The orders in which mini-batches go through the rows: a new one for each network and epoch."""

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks.compiled import compiled

__all__ = ["following_order", "philox_blocks", "shuffle"]


@compiled()
def philox_blocks(key, epoch, words):  # type: ignore[no-untyped-def]
    """Fill with the words of a Philox4x32-10 stream: those of block i have the counter (i, epoch, 0, 0).

    Parameters
    ----------
    key : uint64
    epoch : int
        Below 2**32.
    words : ndarray of shape (4, n_blocks), dtype uint32
        Written.

    Notes
    -----
    Salmon et al., *Parallel Random Numbers: As Easy as 1, 2, 3* (2011).
    """
    m0, m1, mask = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57), np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    for i in range(words.shape[1]):
        k0, k1 = np.uint64(key) & mask, np.uint64(key) >> half
        c0, c1, c2, c3 = np.uint64(i), np.uint64(epoch), np.uint64(0), np.uint64(0)
        for _ in range(10):
            p0, p1 = m0 * c0, m1 * c2
            c0, c1, c2, c3 = (p1 >> half) ^ c1 ^ k0, p1 & mask, (p0 >> half) ^ c3 ^ k1, p0 & mask
            k0, k1 = (k0 + np.uint64(0x9E3779B9)) & mask, (k1 + np.uint64(0xBB67AE85)) & mask
        words[0, i], words[1, i], words[2, i], words[3, i] = c0, c1, c2, c3


@compiled()
def shuffle(key, epoch, words, order):  # type: ignore[no-untyped-def]
    """Shuffle the order of the last epoch into that of the next, in place (Fisher and Yates, 1938).

    Parameters
    ----------
    key : uint64
        Names the network's stream of orders; see :meth:`relusweep.tasks.streams.Stream.keys`.
    epoch : int
        Number of the epoch, from 0.
    words : ndarray of shape (4, n_blocks), dtype uint32
        Room for at least ``n_rows`` words.
    order : ndarray of shape (n_rows,), of any integers
        Place i is exchanged with one of the places not yet filled, each with the same chance up to
        ``n_rows / 2**32``.
    """
    philox_blocks(key, epoch, words)
    flat = words.reshape(-1)
    for i in range(order.size):
        j = np.uint64(i) + ((np.uint64(flat[i]) * np.uint64(order.size - i)) >> np.uint64(32))
        order[i], order[j] = order[j], order[i]


def following_order(key: int, epoch: int, order: NDArray[np.int64]) -> None:
    """Shuffle the order of the last epoch into that of the next, in place.

    Parameters
    ----------
    key : int
        Names the network's stream of orders.
    epoch : int
        Number of the epoch, from 0.
    order : ndarray of shape (n_rows,), dtype int64
        Before the first epoch, the rows in their own order.
    """
    shuffle(np.uint64(key), epoch, np.empty((4, -(-order.size // 4)), np.uint32), order)
