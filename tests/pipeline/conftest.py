from __future__ import annotations

from collections.abc import Iterator

import pytest

from relusweep.cluster import Address, Local, connect
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep

# Few kernels to compile, few epochs to train; every axis has more than one label.
SMALL = ("trials=4", "width=2,4", "depth=1", "epochs=60")


@pytest.fixture(scope="session")
def workers() -> Iterator[Address]:
    """Two workers that all runs of the session share."""
    with connect(Local(workers=2)) as connection:
        yield Address(address=connection.backend.address)


@pytest.fixture
def small() -> TrainingSweep:
    return override(find_sweep("npn2"), SMALL)
