"""The search for the fewest swaps, as Numba compiles it."""

from typing import Any

import numpy as np
from numba.extending import intrinsic

from relusweep.tasks.compiled import compiled

__all__ = ["search"]


def _count_bits(typing_context: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return word(word), generate


_popcount: Any = intrinsic(_count_bits)


@compiled()
def search(words, kept, moved, shift, table, best):  # type: ignore[no-untyped-def]
    """Write the symmetry (its step of the walk) and the ordering of fewest changes into ``best``."""
    for function in range(len(words)):
        word = words[function]
        fewest = np.uint32(64)
        for symmetry in range(len(kept)):
            word = (
                (word & kept[symmetry])
                | ((word & moved[symmetry]) << shift[symmetry])
                | ((word >> shift[symmetry]) & moved[symmetry])
            )
            a, b = table[0, word & 255], table[1, word >> 8 & 255]
            c, d = table[2, word >> 16 & 255], table[3, word >> 24 & 255]
            least = np.uint32(64)
            for ordering in range(len(a)):
                least = min(least, _popcount(a[ordering] ^ b[ordering] ^ c[ordering] ^ d[ordering]))
            if least < fewest:
                fewest = least
                ordering = 0
                while _popcount(a[ordering] ^ b[ordering] ^ c[ordering] ^ d[ordering]) != least:
                    ordering += 1
                best[function] = symmetry, ordering
