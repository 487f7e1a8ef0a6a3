"""Whole trainings by the text for devices, compiled as OpenCL for the processor: the bits of the lanes."""

from dataclasses import replace

import numpy as np
import pytest

from relusweep.tasks.networks import places_of
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import Network, Schedule, Sgd, engine, initial_parameters, train
from relusweep.tasks.training.device import cuda, training
from relusweep.tasks.training.device.machine import DeviceMemoryError, NoDeviceError
from relusweep.tasks.training.device.opencl import OpenCl
from relusweep.tasks.training.device.source import team_of
from relusweep.tasks.training.engine import chosen_engine
from relusweep.tasks.training.protocol import Rows
from relusweep.tasks.training_block import train_block
from tests.tasks.blocks import digest
from tests.tasks.training.examples import GENERAL, balls, boolean, equal_bits, general
from tests.tasks.training.test_bits import BATCHES, FROZEN, UNIT_BATCHES, functions


@pytest.fixture(autouse=True)
def on_the_processor(monkeypatch):
    monkeypatch.setattr(training, "device", OpenCl)


def some(cases, *cheap):
    """Cases, of which those that are not cheap are slow tests: to compile each takes most of a second."""
    return [case if case in cheap else pytest.param(case, marks=pytest.mark.slow) for case in cases]


@pytest.mark.parametrize("setting", some(FROZEN, "first success", "nesterov", "rmsprop", "adamw", "rules"))
def test_the_frozen_bits_of_batches(setting):
    arguments = balls(30, **(BATCHES | UNIT_BATCHES)[setting])
    result = train(**arguments, engine="cuda", keep_parameters=True)
    assert digest(array for array in result if array is not None) == FROZEN[setting]


def test_arrays_may_lie_anywhere():
    of = balls(30, **BATCHES["nesterov"])
    of["orders"], of["initial"] = np.repeat(of["orders"], 2)[::2], np.asfortranarray(of["initial"])
    result = train(**of, engine="cuda", keep_parameters=True)
    assert digest(array for array in result if array is not None) == FROZEN["nesterov"]


def test_the_frozen_bits_of_a_block():
    arrays = train_block(replace(functions(), engine="cuda")).arrays
    assert digest(arrays[name] for name in sorted(arrays)) == "0bf66ca873d8b930"


@pytest.mark.parametrize(
    "case",
    some(
        GENERAL,
        "classes, short batches, weights",
        "residual, other units",
        "unequal widths by layer",
    ),
)
def test_all_kinds_of_networks_and_losses(case):
    options = {"keep_parameters": True, "snapshots": (0, 2, 5)}
    of = general(case, epochs=8)
    assert equal_bits(train(**of, engine="cuda", **options), train(**of, engine="lanes", **options))


WHOLE = {
    "success, rate by plateau": {"schedule": Schedule(kind="plateau", patience=2, factor=0.5, warmup=3)},
    "plateau": {"stop": "plateau", "patience": 3, "min_improvement": 0.01, "loss": "mse"},
    "penalties": {"pull": 0.02, "orthogonality": 0.03, "stop": "last_epoch"},
    "penalties of maxima, in batches": {
        "units": "maximum",
        "pull": 0.05,
        "orthogonality": 0.05,
        "batch": 16,
        "stop": "last_epoch",
    },
}


@pytest.mark.parametrize("case", some(WHOLE, "plateau", "penalties"))
def test_watched_losses_and_penalties(case):
    of = balls(40, epochs=25, **WHOLE[case])
    assert equal_bits(train(**of, engine="cuda", keep_parameters=True), train(**of, keep_parameters=True))


def test_the_pull_goes_on_through_residual_layers():
    of = general("residual", n_networks=3, epochs=3, pull=0.05)
    found, expected = (train(**of, engine=engine, keep_parameters=True) for engine in ("cuda", "lanes"))
    assert equal_bits(found, expected)


@pytest.mark.parametrize("size", some([(10, 2), (12, 3), (20, 1), (33, 2)], (10, 2)))
def test_networks_of_a_team_of_threads(size):
    width, depth = size
    protocol, x, y, initial = boolean(4, width, depth, 20, leak=0.1 * (depth % 2), epochs=150)
    assert team_of(protocol, Rows(x, y)) > 1
    initial[5, 0] = np.nan
    found, expected = (
        train(protocol, x, y, initial, engine=engine, keep_parameters=True) for engine in ("cuda", "lanes")
    )
    assert len(set(expected.epochs.tolist())) > 5
    found.parameters[5], found.loss[5] = expected.parameters[5], expected.loss[5]  # NaN has many bits
    assert equal_bits(found, expected)


UNEQUAL = {
    "ReLU": ((3, 6, 2), {"leak": 0.1}, {"batch": 20, "clip_norm": 1e30}),
    "a team": ((10, 7, 12), {"leak": 0.1}, {"loss": "mse"}),
    "maxima": ((2, 4), {"activation": "maximum", "group": 2}, {"batch": 20}),
    "rules": ((2, 4), {"activation": "decomposed_softplus"}, {"batch": 20}),
}


@pytest.mark.parametrize("case", some(UNEQUAL, "ReLU", "a team"))
def test_units_of_zeros_stay_so_where_networks_diverge(case):
    widths, of_network, of_protocol = UNEQUAL[case]
    network = Network(n_inputs=2, width=max(widths), depth=len(widths), widths=widths, **of_network)
    of = balls(30, n_rows=48, **of_protocol, optimizer=Sgd(learning_rate=1e6, momentum=0.9), epochs=9)
    of["protocol"] = of["protocol"].model_copy(update={"network": network, "stop": "last_epoch"})
    starts = initial_parameters(network, Stream(("diverging",)), range(30))
    of["initial"] = starts * np.float32(np.repeat([1, 1e8, 1e30], 10))[:, None]
    found, expected = (
        train(**of, engine=engine, keep_parameters=True, snapshots=(1,)) for engine in ("cuda", "lanes")
    )
    there = places_of(network)
    assert (~np.isfinite(expected.parameters[:, there])).any(axis=1).sum() > 5
    assert not np.delete(found.parameters, there, axis=1).any()
    assert all(training._same(*two) for two in zip(found, expected, strict=True) if two[1] is not None)


def test_moments_that_fit_nowhere_else_lie_in_the_memory_of_the_device():
    protocol, *of = boolean(4, 10, 2, 20, epochs=30, clip_norm=0.5)
    assert protocol.network.n_parameters * 8 * OpenCl().threads(1) > OpenCl.shared
    found, expected = (
        train(protocol, *of, engine=engine, keep_parameters=True) for engine in ("cuda", "lanes")
    )
    assert equal_bits(found, expected)


def test_another_result_than_the_lanes_is_told(monkeypatch):
    class Other(OpenCl):
        def run(self, program, kernel, places, threads, arguments):
            super().run(program, kernel, places, threads, arguments)
            if kernel == "train":
                arguments[-3].array[0, 0] += 1e-6

    monkeypatch.setattr(training, "device", Other)
    of = balls(3, **BATCHES["nesterov"] | {"epochs": 9})
    training._held.clear()
    with pytest.raises(training.OtherBitsError, match=r"another loss than the lanes .* use engine=lanes"):
        train(**of, engine="cuda")


def test_auto_takes_the_gpu_that_a_process_was_given_for_many_networks(monkeypatch):
    protocol = balls(1)["protocol"]
    monkeypatch.setattr(cuda, "device", OpenCl)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert chosen_engine("auto", protocol, 10_000) == "lanes"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert chosen_engine("auto", protocol, 10_000) == "cuda"
    assert chosen_engine("auto", protocol, 10) == chosen_engine("lanes", protocol, 10_000) == "lanes"
    large = protocol.model_copy(update={"network": Network(n_inputs=2, width=100, depth=2)})
    assert chosen_engine("auto", large, 10_000) == "lanes"
    with pytest.raises(
        ValueError, match=r"cuda does not have networks of 10,501 parameters: allowed .* 4,096"
    ):
        chosen_engine("cuda", large)


def test_auto_is_lanes_where_the_gpu_cannot_be_used(monkeypatch):
    def lacking():
        raise NoDeviceError("no driver")

    monkeypatch.setattr(cuda, "device", lacking)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert chosen_engine("auto", balls(1)["protocol"], 10_000) == "lanes"


def test_auto_falls_back_to_the_lanes_where_the_gpu_has_no_room(monkeypatch):
    def full():
        raise DeviceMemoryError("the memory of the GPU is full")

    monkeypatch.setattr(training, "device", full)
    choose = engine.chosen_engine
    monkeypatch.setattr(
        engine, "chosen_engine", lambda asked, *of: "cuda" if asked == "auto" else choose(asked, *of)
    )
    of = balls(3, **BATCHES["nesterov"])
    assert equal_bits(train(**of), train(**of, engine="lanes"))
    with pytest.raises(DeviceMemoryError):
        train(**of, engine="cuda")
