"""`reconcile` is called while the client is in use, and not afterwards."""

from __future__ import annotations

import logging
import threading

import pytest

from relusweep.cluster.reconcile import reconciling


class Played:
    """A backend that counts the calls, and fails at the first."""

    def __init__(self) -> None:
        self.calls = 0
        self.third = threading.Event()

    def reconcile(self) -> None:
        self.calls += 1
        if self.calls == 1:
            raise ConnectionError("passing")
        if self.calls == 3:
            self.third.set()


def test_a_call_that_fails_is_followed_by_another(caplog: pytest.LogCaptureFixture) -> None:
    backend = Played()
    with caplog.at_level(logging.ERROR, "relusweep.cluster"), reconciling(backend, every=0.01):  # type: ignore[arg-type]
        assert backend.third.wait(30)
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_nothing_is_called_after_the_end() -> None:
    backend, before = Played(), set(threading.enumerate())
    with reconciling(backend, every=0.01):  # type: ignore[arg-type]
        assert backend.third.wait(30)
    calls = backend.calls
    assert "relusweep-reconcile" not in {thread.name for thread in set(threading.enumerate()) - before}
    assert backend.calls == calls
