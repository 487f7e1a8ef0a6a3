"""Sweeps of the approximation studies are planned, resumed, extended, verified and compared as any other.

Each is run once, small: stopped after its first block, resumed, and grown. The contract
(tests/pipeline/planning/test_contract.py) holds their blocks, bits and specifications.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import xarray as xr

from relusweep.cluster import Address
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, Event
from relusweep.pipeline.nightly.verify import verify
from relusweep.pipeline.planning.plan import plans
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import changed, override
from relusweep.pipeline.versions.compare import compare
from relusweep.storage import history
from tests.pipeline.planning.test_contract import SMALL

NAMES = [
    name
    for name in ("compositional", "one_neuron", "decomposed", "alignment", "growth")
    if name in SWEEPS and SMALL[name][1]
]


class Ran(NamedTuple):
    """A sweep and the same grown, the cells that came of three runs, and their last versions."""

    store: str
    small: Sweep
    grown: Sweep
    cells: list[int]
    planned: list[int]
    versions: list[str]


def cells_of(events: list[Event]) -> int:
    return sum(event.block.cells for event in events if isinstance(event, BlockDone))


def interrupt(event: Event) -> None:
    if isinstance(event, BlockDone):
        os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module", params=NAMES)
def ran(request: Any, workers: Address, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    settings, growing = SMALL[request.param]
    store = str(tmp_path_factory.mktemp(request.param) / "store")
    small = override(SWEEPS[request.param], settings)
    grown = changed(small, growing.items())
    cells, planned, versions = [], [], []
    for sweep, listeners in ((small, [interrupt]), (small, []), (grown, [])):
        events: list[Event] = []
        planned.append(sum(plan.cells for plan in plans(sweep, store)))
        finished = run(sweep, store, workers, listeners=[events.append, *listeners])
        assert not finished.failed
        cells.append(cells_of(events))
        versions.append(history(store)[0].id)
    return Ran(store, small, grown, cells, planned, versions)


def opened(ran: Ran) -> xr.Dataset:
    return open_results(Path(ran.store), ran.small.group, mask_and_scale=False).load()


def test_a_plan_counts_what_is_asked_for_and_nothing_once_it_is_there(ran: Ran) -> None:
    assert ran.planned[0] == ran.small.n_wanted
    assert [plan.cells for plan in plans(ran.grown, ran.store)] == [0]


def test_a_run_that_was_stopped_goes_on(ran: Ran) -> None:
    assert 0 < ran.cells[0] <= ran.small.n_wanted
    assert ran.planned[1] == ran.cells[1] == ran.small.n_wanted - ran.cells[0]


def test_axes_grow_without_touching_what_is_there(ran: Ran, workers: Address, tmp_path: Path) -> None:
    assert ran.planned[2] == ran.cells[2] == ran.grown.n_wanted - ran.small.n_wanted > 0
    run(ran.grown, str(tmp_path / "whole"), workers)
    whole = open_results(tmp_path / "whole", ran.small.group, mask_and_scale=False).load()
    xr.testing.assert_identical(opened(ran).drop_attrs(), whole.drop_attrs())


def test_a_night_computes_the_same_bits_again(ran: Ran, workers: Address) -> None:
    report = verify(ran.grown, ran.store, workers, seed="s", share=0.0, blocks=2)
    assert (report.drifted, report.failed) == (0, [])
    assert report.cells > 0


def test_versions_differ_in_what_was_added_alone(ran: Ran) -> None:
    found = compare(ran.store, ran.versions[1], ran.versions[2], ran.small.group).attrs
    counts = [found[f"n_{name}_cells"] for name in ("same", "changed", "added", "removed")]
    assert counts == [ran.small.n_wanted, 0, ran.cells[2], 0]
