"""Large variables of probes are written by the workers; what is not whole chunks of the store travels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from relusweep.cluster import Address
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.training import schedule

FIELDS = ("width=2", "depth=1", "leak=0", "epochs=5", "probes=parameters,predictions")


def test_large_variables_are_the_same_written_by_workers_and_sent(
    workers: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = override(find_sweep("npn2"), (*FIELDS, "trials=5"))
    assert not whole.schedule.written_by_workers
    run(whole, str(tmp_path / "sent"), workers)
    monkeypatch.setattr(schedule, "_LARGE", 0)
    some = override(find_sweep("npn2"), (*FIELDS, "trials=2", "problems=0,6"))
    assert some.schedule.written_by_workers == {"predictions"}
    store = str(tmp_path / "written")
    grown = [
        override(find_sweep("npn2"), (*FIELDS, f"trials={trials}", f"problems={problems}"))
        for trials, problems in ((3, "0,6"), (5, "all"))  # within a chunk, then with problems between
    ]
    for sweep in (some, *grown):
        assert not run(sweep, store, workers).failed
    sent, found = (open_results(tmp_path / place, "boolean/npn2").load() for place in ("sent", "written"))
    assert found["done"].all()
    np.testing.assert_array_equal(found["predictions"], sent["predictions"])
    np.testing.assert_array_equal(found["parameters"], sent["parameters"])
