from __future__ import annotations

import pytest
import xarray as xr

from benchmarks.sites.machines import LONG, results
from relusweep.cluster import Local
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep


@pytest.fixture(scope="session")
def sweep() -> TrainingSweep:
    return override(find_sweep("npn3"), LONG)


@pytest.fixture(scope="session")
def undisturbed(sweep: TrainingSweep, tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    store = tmp_path_factory.mktemp("undisturbed") / "store"
    run(sweep, str(store), Local(workers=2))
    return results(store, sweep)
