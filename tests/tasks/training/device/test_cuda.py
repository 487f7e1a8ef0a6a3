"""The driver of a GPU, by a stand-in for it: what is compiled, copied, launched and given back."""

import numpy as np
import pytest

from relusweep.tasks.training import lanes
from relusweep.tasks.training.device import training
from relusweep.tasks.training.device.cuda import Cuda, device, threads_of
from relusweep.tasks.training.device.machine import DeviceMemoryError, NoDeviceError
from relusweep.tasks.training.device.opencl import OpenCl
from relusweep.tasks.training.protocol import Rows
from tests.tasks.training.device.driver import FULL, OK, Driver
from tests.tasks.training.examples import balls, equal_bits


def arguments(n_networks=300):
    """Networks that learn in batches, of one program."""
    of = balls(n_networks, n_rows=20, loss="mse", batch=8, epochs=3, stop="last_epoch")
    rows = Rows(np.float32(of["inputs"]), np.float32(of["targets"]))
    test = Rows(*(np.float32(array) for array in of["test"]))
    return of["protocol"], rows, of["initial"], of["orders"], test


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def trained(driver, n_networks=300):
    machine = Cuda(driver, driver.compiler)
    return training.train_on(machine, *arguments(n_networks), keep_parameters=True, snapshots=(0, 2))


@pytest.fixture(scope="module")
def expected():
    return lanes.train_lanes(*arguments(), keep_parameters=True, snapshots=(0, 2))


def test_networks_have_the_bits_of_the_lanes_and_memory_is_given_back(expected):
    driver = Driver()
    assert equal_bits(trained(driver), expected)
    assert driver.launches == [(kernel, 2, threads_of(1)) for kernel in ("train", "look", "look")]
    assert not driver.held


def test_what_was_compiled_once_is_kept(monkeypatch):
    first, second = Driver(), Driver()
    expected = trained(first, 4)
    second.compiler.program = first.compiler.program
    monkeypatch.setattr(type(second.compiler), "nvrtcCreateProgram", None)
    assert equal_bits(trained(second, 4), expected)


def test_where_memory_is_short_fewer_networks_are_trained_at_a_time(expected):
    driver = Driver(memory=60_000)
    assert equal_bits(trained(driver), expected)
    assert len(driver.launches) > 6


def test_where_others_take_the_memory_launches_become_smaller(expected):
    class Taken(Driver):
        def cuMemGetInfo(self):  # noqa: N802
            return super().cuMemGetInfo()[0], 2**30, 2**30

    driver = Taken(memory=60_000)
    assert equal_bits(trained(driver), expected)
    with pytest.raises(DeviceMemoryError, match="the memory of the GPU is full"):
        trained(Taken(memory=1000))


def test_what_is_kept_for_later_is_given_back_where_a_kernel_lacks_it(expected):
    class Kept(Driver):
        reserved = 0

        def cuMemFreeAsync(self, memory, stream):  # noqa: N802
            self.reserved = max(self.reserved, self.filled)
            return super().cuMemFreeAsync(memory, stream)

        def cuMemPoolTrimTo(self, pool, nbytes):  # noqa: N802
            self.reserved = self.filled
            return (OK,)

        def cuLaunchKernel(self, *arguments):  # noqa: N802
            full = max(self.reserved, self.filled) > 60_000  # of its own it has the rest
            return (FULL,) if full else super().cuLaunchKernel(*arguments)

    driver = Kept()
    assert equal_bits(trained(driver), expected)
    assert not driver.held


def test_threads_have_room_for_their_orders_where_not_all_of_them_have_it():
    launches = []

    class Small(OpenCl):
        def free(self):
            return 2**17

        def places(self, program, kernel, threads):
            return 2**16

        def run(self, program, kernel, places, threads, arguments):
            launches.append(places)
            super().run(program, kernel, places, threads, arguments)

    training.train_on(Small(), *arguments(100)[:4])
    assert len(launches) < 10


def test_a_kernel_is_waited_for_before_what_it_writes_is_copied():
    class Listening(Driver):
        calls = ()

        def __getattr__(self, name):
            self.calls = (*self.calls, name)
            return super().__getattr__(name)

        def cuLaunchKernel(self, *arguments):  # noqa: N802
            self.calls = (*self.calls, "launch")
            return super().cuLaunchKernel(*arguments)

        def cuMemcpyDtoHAsync(self, *arguments):  # noqa: N802
            self.calls = (*self.calls, "copy")
            return super().cuMemcpyDtoHAsync(*arguments)

    driver = Listening()
    trained(driver, 4)
    between = driver.calls[
        driver.calls.index("launch") : driver.calls.index("copy", driver.calls.index("launch"))
    ]
    assert "cuEventSynchronize" in between


def test_an_old_driver_is_refused():
    with pytest.raises(
        NoDeviceError, match=r"driver is of CUDA 11.*pip install \"cuda-bindings==11.* nvidia-cuda-nvrtc-cu11"
    ):
        Cuda(Driver(version=11080), Driver().compiler)


def test_an_old_gpu_is_refused():
    with pytest.raises(NoDeviceError, match="stand-in, of sm_52, is too old"):
        trained(Driver(arch=(5, 2)))


def test_a_gpu_newer_than_the_compiler_gets_what_its_driver_compiles():
    assert trained(Driver(arch=(99, 0)), 4).epochs.tolist() == [3] * 4


def test_without_a_driver_the_extra_is_named():
    if not device.cache_info().currsize:
        with pytest.raises(NoDeviceError, match=r"needs an NVIDIA GPU, its driver, and relusweep\[cuda\]"):
            device()
