"""Random interleavings of run, kill, resume, extend, tag and expire on a real store.

What was acknowledged is never lost, `done` never lies, and a tag reads what it read when it was made.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
import xarray as xr
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.planning.plan import Plan
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.storage import Committer, StoreNotFound
from tests.faults import toys

WIDTHS = st.sets(st.integers(1, 5), min_size=1, max_size=3)
TRIALS = st.integers(1, 11)
Cells = frozenset[toys.Cell]


class StoreMachine(RuleBasedStateMachine):
    """A store, and beside it a set that says what must be in it."""

    kills: ClassVar[bool] = False  # real ones take a second each

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = str(self.folder / "store")
        self.committer: Committer | None = None
        self.plan: Plan | None = None
        self.todo: deque[Block] = deque()
        self.written: set[toys.Cell] = set()  # and not committed
        self.committed: set[toys.Cell] = set()
        self.tags: dict[str, Cells] = {}
        self.versions = 0

    def teardown(self) -> None:
        try:
            self.a_tag_reads_what_it_read()
        finally:
            if self.committer is not None:
                self.committer.close()
            shutil.rmtree(self.folder)

    # A run, in pieces.

    @rule(width=WIDTHS, trials=TRIALS)
    def begin_or_resume_or_extend(self, width: set[int], trials: int) -> None:
        """Another sweep may come while the run goes: stage after stage, in one committer."""
        if self.plan is not None:  # what is planned is what the store lacks
            self.commit()
        if self.committer is None:
            self.committer = Committer(self.store, create=True)
        self.plan = toys.begin(self.committer, toys.toy(width, trials), self.store)
        asked = {(w, t) for w in width for t in range(trials)}
        planned = [toys.cells(block) for block in self.plan.blocks]
        assert set().union(*planned) == asked - self.committed
        assert sum(map(len, planned)) == len(asked - self.committed)
        self.todo = deque(self.plan.blocks)

    @precondition(lambda self: self.todo)
    @rule(blocks=st.integers(1, 6))
    def compute(self, blocks: int) -> None:
        assert self.committer is not None
        assert self.plan is not None
        for _ in range(min(blocks, len(self.todo))):
            block = self.todo.popleft()
            toys.write(self.committer, self.plan, block)
            self.written |= toys.cells(block)

    @precondition(lambda self: self.plan is not None)
    @rule()
    def commit(self) -> None:
        assert self.committer is not None
        if self.committer.commit("some", {}) is not None:
            self.versions += 1
        self.committed |= self.written
        self.written = set()

    # What goes wrong.

    @precondition(lambda self: self.committer is not None)
    @rule()
    def kill(self) -> None:
        """Nothing is told to the committer: of a process that was killed, the lock alone is released."""
        assert self.committer is not None
        self.committer.close()
        self._forget()
        self.committer = None

    @precondition(lambda self: self.committer is not None)
    @rule()
    def fail_to_write_for_a_while(self) -> None:
        assert self.committer is not None
        self.committer.reopen()
        self._forget()

    def _forget(self) -> None:
        self.plan, self.written = None, set()
        self.todo.clear()

    @precondition(lambda self: self.kills and self.committer is None)
    @rule(width=WIDTHS, trials=TRIALS, every=st.integers(1, 3), lines=st.integers(0, 12))
    def really_kill(self, width: set[int], trials: int, every: int, lines: int) -> None:
        code = [sys.executable, toys.__file__, self.store, ",".join(map(str, width)), str(trials), str(every)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(code, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            said = [process.stdout.readline() for _ in range(lines)]
            process.kill()
            said += process.stdout
        written, announced = self.committed.copy(), self.committed.copy()
        for words in (line.split() for line in said if line.endswith("\n")):
            if words == ["committed"]:
                announced = written.copy()
            elif words:
                its_width, first, last = map(int, words[1:])
                written |= {(its_width, trial) for trial in range(first, last + 1)}
        now = set(self._stored())
        assert announced <= now <= written | {(w, t) for w in width for t in range(trials)}
        self.committed = now

    # What else is done to a store.

    @precondition(lambda self: self.committer is not None and self.versions)
    @rule()
    def tag(self) -> None:
        assert self.committer is not None
        name = f"night-{len(self.tags)}"
        self.committer.tag(name)
        self.tags[name] = frozenset(self.committed)

    @precondition(lambda self: self.committer is not None)
    @rule(days=st.integers(1, 3))
    def expire(self, days: int) -> None:
        assert self.committer is not None
        self.commit()
        self.committer.expire(timedelta(days=days))

    # What holds at every moment.

    def _stored(self, tag: str | None = None) -> set[toys.Cell]:
        try:
            data: xr.Dataset = open_results(self.store, "toy/toy", mask_and_scale=False, tag=tag).load()
        except StoreNotFound:
            return set()
        return set(toys.told(data))

    @invariant()
    def what_was_acknowledged_is_there_and_nothing_else(self) -> None:
        assert self._stored() == self.committed

    def a_tag_reads_what_it_read(self) -> None:
        for name, then in self.tags.items():
            assert self._stored(name) == then


QUICK = settings(
    max_examples=5,
    stateful_step_count=12,
    print_blob=True,  # what brings a failure back
    suppress_health_check=[HealthCheck.too_slow],
)


def test_no_acknowledged_block_is_lost_and_done_never_lies() -> None:
    run_state_machine_as_test(StoreMachine, settings=QUICK)


@pytest.mark.slow
@pytest.mark.timeout(3600)  # half an hour
def test_the_same_for_long_and_with_real_kills() -> None:
    class Killed(StoreMachine):
        kills = True

    run_state_machine_as_test(Killed, settings=settings(QUICK, max_examples=30, stateful_step_count=40))
