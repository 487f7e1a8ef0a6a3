"""Nights of a sweep in which each setting has as many trials as it takes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from relusweep.cluster import Address
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, Event
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from tests.pipeline.nightly.test_execute import GROUP, SMALL, Nights, damage, interrupt, values

pytestmark = pytest.mark.slow

# XOR of two inputs takes two units: with one, all trials are asked for.
PART = (*SMALL, "width=1,2", "trials={most: 40, until: first_success}")


def _again(nights: Nights, mode: str, **fields: int | float) -> None:
    if nights.ledger.schedules():
        nights.ledger.remove("mine")
    nights.add(settings=PART, mode=mode, **fields)


def _interrupted_and_resumed(nights: Nights) -> int:
    """Stop a night after its first block, let the next tick end it; how many networks were trained in all."""
    done: list[Event] = []

    def stop(event: Event) -> None:
        done.append(event)
        interrupt(event)

    assert nights.execute(stop).state == "interrupted"
    assert nights.execute(done.append, later=timedelta(0)).state == "well"
    return sum(event.block.cells for event in done if isinstance(event, BlockDone))


def test_nights_keep_what_each_setting_was_asked_for(tmp_path: Path, workers: Address) -> None:
    nights = Nights(tmp_path, workers)
    sweep = override(find_sweep("npn2"), PART)
    run(sweep, nights.store, workers)
    asked = values(nights)["trials_asked"].values
    assert (asked.min(), asked.max()) == (16, 40)

    _again(nights, "extend", by=25)
    longer = int((asked == 40).sum())
    assert _interrupted_and_resumed(nights) == 25 * longer
    after = values(nights)
    np.testing.assert_array_equal(after["trials_asked"], np.where(asked < 40, asked, 65))
    whole = str(tmp_path / "whole")
    run(override(sweep, ["trials.most=65"]), whole, workers)
    nights.store, mine = whole, nights.store
    xr.testing.assert_identical(after.drop_attrs(), values(nights).drop_attrs())
    nights.store = mine

    _again(nights, "refresh")
    assert _interrupted_and_resumed(nights) == after["trials_asked"].sum()
    xr.testing.assert_identical(values(nights).drop_attrs(), after.drop_attrs())

    _again(nights, "verify", share=1.0)
    ended = nights.execute()
    assert ended.state == "well"
    assert f"{after['trials_asked'].sum().item()} networks of {GROUP} computed again" in ended.message
    damage(nights, sweep)
    assert nights.execute().state == "drifted"
