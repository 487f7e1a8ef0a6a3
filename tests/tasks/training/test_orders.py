"""Orders of mini-batches: the published generator, fair shuffles, the same wherever they are drawn."""

import numpy as np
import pytest
from scipy.stats import chisquare

from relusweep.tasks.streams import Stream
from relusweep.tasks.training.orders import following_order, philox_blocks

# Of Random123's kat_vectors: counter, key, and what comes of them.
KNOWN = [
    ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def philox(counter, key):
    """Philox4x32-10 with Python's integers."""
    c, k = list(counter), list(key)
    for _ in range(10):
        (h0, l0), (h1, l1) = divmod(0xD2511F53 * c[0], 2**32), divmod(0xCD9E8D57 * c[2], 2**32)
        c = [h1 ^ c[1] ^ k[0], l1, h0 ^ c[3] ^ k[1], l0]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return tuple(c)


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_the_generator_of_this_test_gives_the_published_numbers(counter, key, expected):
    assert philox(counter, key) == expected


@pytest.mark.parametrize("key", [0, 2**64 - 1, 0x299F31D0A4093822])
@pytest.mark.parametrize("epoch", [0, 999, 2**32 - 1])
def test_words_are_philox(key, epoch):
    words = np.empty((4, 21), np.uint32)
    philox_blocks(np.uint64(key), epoch, words)
    for i in range(21):
        assert tuple(words[:, i]) == philox((i, epoch, 0, 0), (key % 2**32, key >> 32))


def orders(key, n_rows, epochs, dtype=np.int64):
    order, drawn = np.arange(n_rows, dtype=dtype), []
    for epoch in range(epochs):
        following_order(key, epoch, order)
        drawn.append(order.copy())
    return np.array(drawn)


@pytest.mark.parametrize("n_rows", [1, 2, 7, 100])
def test_every_order_is_a_permutation(n_rows):
    assert (np.sort(orders(5, n_rows, 20)) == np.arange(n_rows)).all()


def test_orders_differ_between_epochs_and_between_networks():
    drawn = [tuple(order) for key in Stream(("orders",)).keys(range(3)) for order in orders(key, 50, 4)]
    assert len(set(drawn)) == 12


def test_orders_do_not_depend_on_the_width_of_their_integers():
    assert (orders(9, 1000, 3, np.uint16) == orders(9, 1000, 3)).all()


def test_exchanges_are_those_of_fisher_and_yates():
    words = [philox((i, 4, 0, 0), (3, 0)) for i in range(3)]
    expected = list(range(10))
    for i, word in enumerate(np.transpose(words).ravel()[:10]):
        j = i + (int(word) * (10 - i) >> 32)
        expected[i], expected[j] = expected[j], expected[i]
    order = np.arange(10)
    following_order(3, 4, order)
    assert order.tolist() == expected


@pytest.mark.parametrize("epoch", [0, 1])
def test_every_row_is_as_likely_at_every_place(epoch):
    keys = Stream(("fair",)).keys(range(4000))
    drawn = np.array([orders(key, 7, epoch + 1)[-1] for key in keys])
    counts = np.array([np.bincount(place, minlength=7) for place in drawn.T])
    # Both sums of the table are fixed, so it has 6 × 6 degrees of freedom.
    assert chisquare(counts.ravel(), ddof=48 - 36).pvalue > 1e-3
    pairs = np.bincount(drawn[:, 0] * 7 + drawn[:, 1], minlength=49)
    pairs = pairs[pairs > 0]
    assert pairs.size == 42
    assert chisquare(pairs).pvalue > 1e-3
