"""What a block of training fills in memory is about what is said of it."""

from __future__ import annotations

import tracemalloc

import pytest

from relusweep.tasks.probes.outcome import Outcome
from relusweep.tasks.problems.boolean import Boolean
from relusweep.tasks.training.memory import bytes_of_block, labels_at_once
from relusweep.tasks.training_block import train_block
from tests.tasks.blocks import block

LABELS = (27030, 1785, 6120, 5994)


@pytest.mark.parametrize(("width", "labels", "trials"), [(100, LABELS[:1], 16), (60, LABELS, 40)])
def test_what_a_block_fills_is_as_estimated(width: int, labels: tuple[int, ...], trials: int) -> None:
    of = block(
        Boolean(n_inputs=4, problems="all"),
        labels,
        range(trials),
        width=width,
        depth=3,
        epochs=1,
        probes=(Outcome(),),
    )
    train_block(of)  # compiles
    tracemalloc.start()
    train_block(of)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    estimate = bytes_of_block(of.protocol.network.n_parameters, len(labels), trials)
    assert 2 / 3 < most / estimate < 3 / 2


def test_at_least_one_label_is_trained_at_a_time() -> None:
    assert labels_at_once(10**12, 100) == 1
    assert labels_at_once(500, 100) == 335  # of 4 bytes, two arrays of 100 rows of 500
    assert labels_at_once(500, 100, n_snapshots=98) == 6
    assert bytes_of_block(500, 10_000, 100) == bytes_of_block(500, 335, 100)
