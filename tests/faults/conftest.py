from __future__ import annotations

import pytest
import xarray as xr
from disturbed import LONG, results

from cluster import Local
from pipeline.overrides import find_sweep, override
from pipeline.run import run
from pipeline.sweep import BooleanSweep


@pytest.fixture(scope="session")
def sweep() -> BooleanSweep:
    return override(find_sweep("npn3"), LONG)


@pytest.fixture(scope="session")
def undisturbed(sweep: BooleanSweep, tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    store = tmp_path_factory.mktemp("undisturbed") / "store"
    run(sweep, str(store), Local(workers=2))
    return results(store, sweep)
