"""Training: what every engine must do, what the two must agree on, and what no arrangement may change."""

import hashlib
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.boolean.training import TrainingBlock, starts, train_block
from tasks.boolean.truth_tables import inputs, parity, truth_table
from tasks.training import Adam, Network, Protocol, Rows, StopReason, train
from tasks.training.reference import train_reference

ENGINES = ("lanes", "reference")
every_engine = pytest.mark.parametrize("engine", ENGINES)


def problem(n, width, depth, n_networks, leak=0.1, function=None, **protocol):
    """Arguments of `train` for one function of n inputs."""
    network = Network(n_inputs=n, width=width, depth=depth, leak=leak)
    function = parity(n) if function is None else function
    table = truth_table(np.array([function], np.uint64), n)
    targets = np.repeat(table, n_networks, axis=0)
    initial = starts(network, 0, function, range(n_networks))
    return Protocol(network=network, **protocol), inputs(n), targets, initial


def equal_bits(a, b):
    return all(
        (x is None and y is None) or (x.dtype == y.dtype and x.tobytes() == y.tobytes())
        for x, y in zip(a, b, strict=True)
    )


def logits(network, parameters, x):
    """A forward pass of one network in float64, written independently of both engines."""
    h, place = np.asarray(x, float), 0
    for i, (fan_out, fan_in) in enumerate(network.layers):
        layer = parameters[place : place + fan_out * (fan_in + 1)].reshape(fan_out, fan_in + 1)
        z = h @ layer[:, :fan_in].T + layer[:, fan_in]
        h = np.where(z > 0, z, network.leak * z) if i < network.depth else z
        place += layer.size
    return h[:, 0]


def loss(network, parameters, x, y):
    return np.logaddexp(0, -y * logits(network, parameters, x)).mean()


# What each engine must do


@every_engine
def test_what_is_recorded_is_what_the_final_parameters_do(engine):
    protocol, x, y, initial = problem(4, 5, 2, 100, epochs=200)
    result = train(protocol, x, y, initial, engine=engine, keep_parameters=True)
    for i, parameters in enumerate(result.parameters.astype(float)):
        margins = y[i] * logits(protocol.network, parameters, x)
        assert result.rows_right[i] == (margins > 0).sum()
        assert result.loss[i] == pytest.approx(np.logaddexp(0, -margins).mean(), rel=1e-5)
    success = result.stop_reason == StopReason.SUCCESS
    assert 0 < success.sum() < len(success)
    assert ((result.success_epoch >= 0) == success).all()
    assert (result.rows_right[success] == 16).all()
    assert (result.rows_right[~success] < 16).all()
    assert (result.epochs == np.where(success, result.success_epoch, 200)).all()


@every_engine
def test_training_stops_at_the_first_success(engine):
    protocol, x, y, initial = problem(3, 4, 1, 50, epochs=300)
    result = train(protocol, x, y, initial, engine=engine)
    i = int(np.argmax(result.success_epoch))
    epoch = int(result.success_epoch[i])
    assert epoch > 1
    for epochs, reason in ((epoch, StopReason.SUCCESS), (epoch - 1, StopReason.EPOCHS)):
        shorter = protocol.model_copy(update={"epochs": epochs})
        again = train(shorter, x, y[i : i + 1], initial[i : i + 1], engine=engine)
        assert again.stop_reason[0] == reason


@every_engine
def test_no_epochs_is_a_forward_pass(engine):
    protocol, x, y, initial = problem(2, 2, 1, 20, epochs=0)
    result = train(protocol, x, y, initial, engine=engine, keep_parameters=True)
    assert (result.parameters == initial).all()
    assert (result.epochs == 0).all()


@every_engine
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_start_that_is_not_finite_is_recorded_not_raised(engine, bad):
    protocol, x, y, initial = problem(4, 3, 2, 20, epochs=30)
    clean = train(protocol, x, y, initial, engine=engine)
    initial[7, -1] = bad  # the bias of the output
    result = train(protocol, x, y, initial, engine=engine)
    assert result.stop_reason[7] == StopReason.NOT_FINITE
    assert result.success_epoch[7] == -1
    others = np.arange(20) != 7
    assert (result.loss[others] == clean.loss[others]).all()


@every_engine
def test_a_rate_that_blows_up_is_recorded(engine):
    protocol, x, y, initial = problem(4, 4, 3, 20, epochs=50, optimizer=Adam(learning_rate=1e30))
    result = train(protocol, x, y, initial, engine=engine)
    assert (result.stop_reason == StopReason.NOT_FINITE).any()


@every_engine
@pytest.mark.parametrize("n_networks", [0, 1, 16, 17])
def test_any_number_of_networks(engine, n_networks):
    protocol, x, y, initial = problem(2, 3, 1, 17, epochs=40)
    everything = train(protocol, x, y, initial, engine=engine)
    some = train(protocol, x, y[:n_networks], initial[:n_networks], engine=engine)
    assert (some.success_epoch == everything.success_epoch[:n_networks]).all()


@every_engine
def test_a_leak_of_one_is_a_linear_network(engine):
    # Later the logits of XOR shrink to rounding noise, whose signs are right by chance now and then.
    protocol, x, y, initial = problem(2, 3, 2, 50, leak=1.0, epochs=100)
    assert not (train(protocol, x, y, initial, engine=engine).success_epoch >= 0).any()  # XOR
    both = problem(2, 3, 2, 50, leak=1.0, epochs=200, function=0b0001)
    assert (train(*both, engine=engine).success_epoch >= 0).all()  # AND


@every_engine
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((16, 3))}, r"inputs have shape \(16, 3\)"),
        ({"x": np.full((16, 4), np.nan)}, "64 inputs are not finite"),
        ({"x": np.full((16, 4), 1e300)}, "64 inputs are not finite"),
        ({"y": np.ones((5, 8))}, "targets have shape"),
        ({"y": np.zeros((5, 16))}, r"targets hold \[0.0\]"),
        ({"y": np.full((5, 16), 1.5)}, r"targets hold \[1.5\]"),
        ({"initial": np.zeros((4, 19))}, "initial parameters have shape"),
    ],
)
def test_bad_arguments_are_refused(engine, change, message):
    protocol, x, y, initial = problem(4, 2, 2, 5)
    arguments = {"x": x, "y": y, "initial": initial} | change
    with pytest.raises(ValueError, match=message):
        train(protocol, *arguments.values(), engine=engine)


def test_an_unknown_engine_is_refused():
    with pytest.raises(ValueError, match="unknown engine 'fast'; the engines are auto, lanes, reference"):
        train(*problem(2, 2, 1, 1), engine="fast")


@pytest.mark.parametrize(
    "wrong",
    [{"loss": "hinge"}, {"epochs": -1}, {"stop": "never"}, {"optimizer": {"beta1": 1.0}}, {"rate": 1}],
)
def test_an_unknown_protocol_is_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Protocol(network=Network(n_inputs=2, width=2, depth=1), **wrong)


# What the engines must agree on


@every_engine
@pytest.mark.parametrize(
    ("n", "width", "depth", "leak"), [(4, 3, 1, 0.1), (4, 5, 3, 0.0), (3, 7, 2, 0.3), (1, 2, 1, 0.1)]
)
def test_gradients_equal_finite_differences(engine, n, width, depth, leak):
    # Without memory and with epsilon 1, one step of rate 1 is g / (|g| + 1): the gradient can be read off.
    adam = Adam(learning_rate=1, beta1=0, beta2=0, epsilon=1)
    function = 0b0110_1000_1001_0110 & 2 ** (2**n) - 1 | 1
    protocol, x, y, initial = problem(n, width, depth, 20, leak, function, epochs=1, optimizer=adam)
    result = train(protocol, x, y, initial, engine=engine, keep_parameters=True)
    trained = result.epochs == 1
    assert trained.sum() > 5
    for i in np.flatnonzero(trained):
        step = initial[i].astype(float) - result.parameters[i]
        gradient = step / (1 - abs(step))
        numeric = [
            (
                loss(protocol.network, initial[i] + h, x, y[i])
                - loss(protocol.network, initial[i] - h, x, y[i])
            )
            / 2e-6
            for h in 1e-6 * np.eye(protocol.network.n_parameters)
        ]
        np.testing.assert_allclose(gradient, numeric, atol=2e-6)


@pytest.mark.parametrize("leak", [0.0, 0.1])
@pytest.mark.parametrize(("width", "depth"), [(2, 2), (5, 3), (10, 5)])
def test_parameters_follow_float64_as_closely_as_pytorch_does(width, depth, leak):
    """Kinks crossed early or late make errors grow with the epochs: compare their distributions."""
    for epochs, bound in ((1, 1e-7), (10, 1e-6), (50, 1e-5)):
        arguments = problem(4, width, depth, 200, leak, epochs=epochs)
        protocol, x, y, initial = arguments
        rows = Rows(x.astype(np.float32), y.astype(np.float32))
        exact = train_reference(protocol, rows, initial, keep_parameters=True, dtype=torch.float64)
        errors = {}
        for engine in ENGINES:
            result = train(*arguments, engine=engine, keep_parameters=True)
            alike = result.epochs == exact.epochs
            assert alike.mean() > 0.98
            error = np.abs(result.parameters - exact.parameters)[alike].max(axis=1)
            errors[engine] = np.quantile(error, [0.5, 0.9])
        assert errors["lanes"][0] < 10 * bound
        assert (errors["lanes"] < 3 * errors["reference"] + bound).all()


@pytest.mark.parametrize("leak", [0.0, 0.1])
@pytest.mark.parametrize(
    ("n", "width", "depth", "epochs"),
    [(3, 3, 1, 150), pytest.param(4, 4, 2, 600, marks=pytest.mark.slow)],
)
def test_success_rates_agree(n, width, depth, epochs, leak):
    arguments = problem(n, width, depth, 2000, leak, epochs=epochs)
    rates = [(train(*arguments, engine=engine).success_epoch >= 0).mean() for engine in ENGINES]
    deviation = math.sqrt(2 * rates[0] * (1 - rates[0]) / 2000)
    assert 0.05 < rates[0] < 0.95
    assert abs(rates[0] - rates[1]) < 4 * deviation


# What no arrangement may change


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(40)), st.lists(st.integers(0, 40), max_size=4))
def test_order_and_partition_change_no_bit(order, cuts):
    protocol, x, y, initial = problem(4, 3, 2, 40, epochs=150)
    initial[5, 0] = np.nan
    whole = train(protocol, x, y, initial, keep_parameters=True)
    parts = np.split(np.array(order), sorted(cuts))
    results = [train(protocol, x, y[p], initial[p], keep_parameters=True) for p in parts]
    joined = [np.concatenate(a) for a in zip(*results, strict=True) if a[0] is not None]
    assert equal_bits([a[order] for a in whole if a is not None], joined)


SCRIPT = """
import sys, numpy as np
from tasks.boolean.training import TrainingBlock, train_block
from tasks.training import Network, Protocol
protocol = Protocol(network=Network(n_inputs=4, width=3, depth=2, leak=0.1), epochs=300)
result = train_block(TrainingBlock(protocol, 0, (27030, 1785), 3, 30))
np.savez(sys.argv[1], **result.arrays)
"""


def run_elsewhere(folder: Path, **environment: str) -> dict[str, np.ndarray]:
    out = folder / "arrays.npz"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache")} | environment
    subprocess.run([sys.executable, "-c", SCRIPT, str(out)], env=environment, check=True)
    with np.load(out) as arrays:
        return dict(arrays)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="names processors of the x86-64 family")
@pytest.mark.parametrize("processor", ["x86-64", "haswell"])
def test_the_width_of_the_vectors_changes_no_bit(tmp_path, processor):
    protocol = Protocol(network=Network(n_inputs=4, width=3, depth=2, leak=0.1), epochs=300)
    here = train_block(TrainingBlock(protocol, 0, (27030, 1785), 3, 30)).arrays
    there = run_elsewhere(
        tmp_path, NUMBA_CPU_NAME=processor, NUMBA_CPU_FEATURES="+fma" if processor == "haswell" else ""
    )
    assert all(here[name].tobytes() == there[name].tobytes() for name in here)


def test_a_block_does_not_depend_on_how_trials_and_functions_are_cut():
    protocol = Protocol(network=Network(n_inputs=4, width=4, depth=1, leak=0.1), epochs=200)
    whole = train_block(TrainingBlock(protocol, 0, (27030, 6, 1785), 0, 12))
    parts = [train_block(TrainingBlock(protocol, 0, (1785, 27030), *t)) for t in ((0, 5), (5, 12))]
    for name, array in whole.arrays.items():
        joined = np.concatenate([part.arrays[name] for part in parts], axis=1)
        assert array[[2, 0]].tobytes() == joined.tobytes()
    assert whole.network_epochs > sum(part.network_epochs for part in parts)


def test_the_bits_of_results_are_frozen():
    """A change here is a change of results: it calls for a new result-schema version."""
    protocol = Protocol(network=Network(n_inputs=4, width=3, depth=2, leak=0.1), epochs=300)
    arrays = train_block(TrainingBlock(protocol, 0, (27030, 1785), 3, 30)).arrays
    little_endian = [arrays[name].astype(arrays[name].dtype.newbyteorder("<")) for name in sorted(arrays)]
    digest = hashlib.blake2b(b"".join(a.tobytes() for a in little_endian), digest_size=8).hexdigest()
    assert digest == "0bf66ca873d8b930"


def test_seeds_sizes_and_leaks_draw_different_starts():
    networks = [Network(n_inputs=4, width=2, depth=2, leak=leak) for leak in (0.0, 0.1)]
    drawn = {starts(net, seed, 27030, range(2)).tobytes() for net in networks for seed in (0, 1)}
    assert len(drawn) == 4


def test_kernels_are_cached_across_processes(tmp_path):
    script = (
        "from tasks.training import Network, Protocol, lanes\n"
        "lanes.prepare(Protocol(network=Network(n_inputs=2, width=2, depth=1)), 4)\n"
        "stats = lanes._training(2, 2, 4).stats\n"
        "print(len(stats.cache_hits), len(stats.cache_misses))"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    runs = [
        subprocess.run(
            [sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True
        )
        for _ in range(2)
    ]
    assert [run.stdout.split() for run in runs] == [["0", "1"], ["1", "0"]]


@pytest.mark.parametrize(("functions", "trials"), [((), 3), ((27030,), 0)])
def test_an_empty_block_gives_empty_arrays(functions, trials):
    protocol = Protocol(network=Network(n_inputs=4, width=3, depth=2))
    result = train_block(TrainingBlock(protocol, 0, functions, 5, 5 + trials))
    assert all(array.shape == (len(functions), trials) for array in result.arrays.values())
    assert result.network_epochs == 0
