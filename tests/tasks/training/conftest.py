"""With ``LANES_ON=opencl`` in the environment, the text for devices trains in place of the lanes here."""

import os
from functools import partial

import pytest

from relusweep.tasks.training import lanes
from relusweep.tasks.training.device.opencl import OpenCl
from relusweep.tasks.training.device.training import train_on


@pytest.fixture(autouse=True, scope="session")
def lanes_elsewhere():
    with pytest.MonkeyPatch.context() as patch:
        if os.environ.get("LANES_ON") == "opencl":
            patch.setattr(lanes, "train_lanes", partial(train_on, OpenCl()))
        yield
