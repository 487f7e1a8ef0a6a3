"""Named streams of random numbers: a draw depends on a name and a place, never on an order of events."""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relusweep.tasks import elementary
from relusweep.tasks.compiled import compiled
from relusweep.tasks.elementary import cos_sin_turn, log

__all__ = ["Stream", "box_muller", "uniform"]

_WORDS_PER_BLOCK = 8  # one step of Philox4x64 gives four 64-bit numbers, which are eight words


@dataclass(frozen=True)
class Stream:
    """A Philox4x64-10 generator keyed by a name, cut into one part for each trial.

    Parameters
    ----------
    name : tuple of str, int or float
        What is drawn, for what, and the seed: ``("starts", seed, "boolean", 4, 27030, ...)``.

    Notes
    -----
    Salmon et al., *Parallel Random Numbers: As Easy as 1, 2, 3* (2011). The key is a BLAKE2b hash of the
    name.
    """

    name: tuple[str | int | float, ...]

    def words(self, trials: range, count: int) -> NDArray[np.uint32]:
        """Give the first `count` 32-bit words of the parts of some consecutive trials.

        Parts are as long as `count` needs, so streams that draw different counts need different names.

        Parameters
        ----------
        trials : range
            Consecutive trial numbers from 0.
        count : int
            Words a trial.

        Returns
        -------
        ndarray of shape (len(trials), count), dtype uint32

        Raises
        ------
        ValueError
            If the trials are not consecutive, or begin below 0.
        """
        if trials.step != 1 or trials.start < 0:
            raise ValueError(f"trials are consecutive from 0 on, as range(10, 20); got {trials}")
        digest = hashlib.blake2b(repr(self.name).encode(), digest_size=16).digest()
        blocks = -(-count // _WORDS_PER_BLOCK)
        generator = np.random.Philox(key=int.from_bytes(digest, "little"))
        generator.advance(trials.start * blocks)
        raw = generator.random_raw(len(trials) * blocks * _WORDS_PER_BLOCK // 2).astype("<u8", copy=False)
        return raw.view("<u4").reshape(len(trials), blocks * _WORDS_PER_BLOCK)[:, :count]

    def keys(self, trials: range) -> NDArray[np.uint64]:
        """Draw a number for each trial that names a stream of its own, as that of its batch orders.

        Parameters
        ----------
        trials : range
            Consecutive trial numbers from 0.

        Returns
        -------
        ndarray of shape (len(trials),), dtype uint64

        Raises
        ------
        ValueError
            If the trials are not consecutive, or begin below 0.
        """
        low, high = self.words(trials, 2).astype(np.uint64).T
        return np.asarray(low | high << np.uint64(32))


@compiled()
def uniform(word):  # type: ignore[no-untyped-def]
    """Map a 32-bit word to the middle of its step of the unit interval: above 0 and below 1, float64."""
    return (np.float64(word) + 0.5) * 2.0**-32


@compiled(elementary)
def box_muller(words, normal):  # type: ignore[no-untyped-def]
    """Turn an even number of 32-bit words into as many independent standard normal numbers.

    Parameters
    ----------
    words : ndarray of shape (n,), dtype uint32
        The first half gives the radii, the second the angles.
    normal : ndarray of shape (n,), dtype float32
        Written: at most 6.8 in magnitude.

    Notes
    -----
    Box and Muller (1958), in float64 and with :mod:`relusweep.tasks.elementary`, so that bits agree
    everywhere.
    """
    half = words.size // 2
    for i in range(half):
        radius = math.sqrt(-2.0 * log(uniform(words[i])))
        c, s = cos_sin_turn(uniform(words[half + i]))
        normal[i] = radius * c
        normal[half + i] = radius * s
