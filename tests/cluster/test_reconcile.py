"""A place is looked after while its client is in use, and not one moment longer."""

from __future__ import annotations

import logging
import threading

import pytest

from relusweep.cluster.reconcile import reconciling


class Played:
    """A place that counts the looks, and fails at some."""

    def __init__(self) -> None:
        self.looks = 0
        self.third = threading.Event()

    def reconcile(self) -> None:
        self.looks += 1
        if self.looks == 1:
            raise ConnectionError("passing")
        if self.looks == 3:
            self.third.set()


def test_a_look_that_fails_is_followed_by_another(caplog: pytest.LogCaptureFixture) -> None:
    place = Played()
    with caplog.at_level(logging.ERROR, "relusweep.cluster"), reconciling(place, every=0.01):  # type: ignore[arg-type]
        assert place.third.wait(30)
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_nobody_looks_after_the_end() -> None:
    place, before = Played(), set(threading.enumerate())
    with reconciling(place, every=0.01):  # type: ignore[arg-type]
        assert place.third.wait(30)
    looks = place.looks
    assert "relusweep-reconcile" not in {thread.name for thread in set(threading.enumerate()) - before}
    assert place.looks == looks
