"""Training: what no arrangement may change, neighbours, blocks, vectors nor processes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relusweep.tasks.probes.outcome import Outcome
from relusweep.tasks.problems.boolean import Boolean
from relusweep.tasks.training import AdamW, RmsProp, Rules, Schedule, Sgd, lanes, train
from relusweep.tasks.training_block import train_block
from tests.tasks.blocks import block, digest
from tests.tasks.training.examples import UNITS, balls, boolean, equal_bits, some


@settings(max_examples=15)
@given(st.permutations(range(40)), st.lists(st.integers(0, 40), max_size=4))
def test_order_and_partition_change_no_bit(order, cuts):
    protocol, x, y, initial = boolean(4, 3, 2, 40, epochs=150)
    initial[5, 0] = np.nan
    whole = train(protocol, x, y, initial, keep_parameters=True)
    parts = np.split(np.array(order), sorted(cuts))
    results = [train(protocol, x, y[p], initial[p], keep_parameters=True) for p in parts]
    joined = [np.concatenate(a) for a in zip(*results, strict=True) if a[0] is not None]
    assert equal_bits([a[order] for a in whole if a is not None], joined)


BATCHES = {
    "first success": {"batch": 20, "success": 0.7, "epochs": 30},
    "last epoch": {"batch": 12, "loss": "mse", "stop": "last_epoch", "epochs": 6, "own": False},
    "nesterov": {
        "optimizer": Sgd(learning_rate=0.5, momentum=0.99, nesterov=True, weight_decay=0.01),
        "l1": 0.01,
        "schedule": Schedule(kind="step", every=2, factor=0.7, warmup=1),
        "stop": "divergence",
        "most_loss": 2.0,
    },
    "rmsprop": {
        "optimizer": RmsProp(learning_rate=0.1, alpha=0.9),
        "clip_norm": 0.1,
        "schedule": Schedule(kind="plateau", patience=0, factor=0.5, threshold=0.1),
        "stop": "plateau",
        "patience": 1,
        "min_improvement": 0.05,
    },
    "adamw": {
        "optimizer": AdamW(learning_rate=0.05, weight_decay=0.1),
        "schedule": Schedule(kind="cosine", every=8, floor=0.1),
        "stop": "target_loss",
        "target_loss": 0.24,
    },
}
for _setting in ("nesterov", "rmsprop", "adamw"):
    BATCHES[_setting] |= {"loss": "mse", "batch": 30, "epochs": 10}
UNIT_BATCHES = {units: {"units": units, "batch": 30, "success": 0.7, "epochs": 20} for units in UNITS}
UNIT_BATCHES["rules"] = UNIT_BATCHES["decomposed_softplus"] | {"rules": Rules(kink_rate=0.3, slope_rate=0.2)}


@settings(max_examples=8)
@given(st.permutations(range(40)), st.lists(st.integers(0, 40), max_size=3))
@pytest.mark.parametrize("setting", BATCHES | UNIT_BATCHES)
def test_order_and_partition_change_no_bit_of_batches(setting, order, cuts):
    arguments = balls(40, **(BATCHES | UNIT_BATCHES)[setting])
    arguments["initial"][5, 0] = np.nan
    whole = train(**arguments, keep_parameters=True)
    parts = np.split(np.array(order), sorted(cuts))
    results = [train(**some(arguments, p), keep_parameters=True) for p in parts]
    joined = [np.concatenate(a) for a in zip(*results, strict=True) if a[0] is not None]
    assert equal_bits([a[order] for a in whole if a is not None], joined)


def test_a_network_does_not_know_whether_its_rows_are_its_own():
    arguments = balls(20, own=False, batch=20, epochs=10, success=0.7)
    copies = np.repeat(arguments["inputs"][None], 20, axis=0)
    shared, own = (train(**arguments | {"inputs": x}) for x in (arguments["inputs"], copies))
    assert equal_bits(shared, own)


def functions():
    """Two functions of four inputs, 27 trials of each."""
    problem = Boolean(n_inputs=4, problems=(1785, 27030))
    fields = {"width": 3, "depth": 2, "leak": 0.1, "epochs": 300, "stop": "first_success"}
    return block(problem, (27030, 1785), range(3, 30), probes=(Outcome(),), **fields)


def every_kind():
    """Results of every kind of training, by name."""
    arrays = train_block(functions()).arrays
    for setting, fields in (BATCHES | UNIT_BATCHES).items():
        result = train(**balls(30, **fields), keep_parameters=True)
        found = {name: array for name, array in result._asdict().items() if array is not None}
        arrays |= {f"{setting} {name}": array for name, array in found.items()}
    return arrays


SCRIPT = """
import sys, numpy as np
from tests.tasks.training import test_bits
np.savez(sys.argv[1], **test_bits.every_kind())
"""


def run_elsewhere(folder: Path, **environment: str) -> dict[str, np.ndarray]:
    out = folder / "arrays.npz"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache")} | environment
    run = [sys.executable, "-c", SCRIPT, str(out)]
    subprocess.run(run, env=environment, cwd=Path(__file__).parents[3], check=True)
    with np.load(out) as arrays:
        return dict(arrays)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="names processors of the x86-64 family")
@pytest.mark.slow
@pytest.mark.parametrize("processor", ["x86-64", "haswell"])
def test_the_width_of_the_vectors_changes_no_bit(tmp_path, processor):
    here = every_kind()
    there = run_elsewhere(
        tmp_path, NUMBA_CPU_NAME=processor, NUMBA_CPU_FEATURES="+fma" if processor == "haswell" else ""
    )
    assert len(here) == 4 + (len(BATCHES) + len(UNIT_BATCHES)) * 8
    assert all(here[name].tobytes() == there[name].tobytes() for name in here)


def test_the_bits_of_results_are_frozen():
    """A change here is a change of results: it calls for a new result-schema version."""
    arrays = train_block(functions()).arrays
    assert digest(arrays[name] for name in sorted(arrays)) == "0bf66ca873d8b930"


FROZEN = {
    "first success": "23cd6b3c7540c48a",
    "last epoch": "54748047fe979843",
    "nesterov": "5c0553a461969089",
    "rmsprop": "12a4cc5985f3c1c5",
    "adamw": "ef95ec1830643a7a",
    "softplus": "9cb7b8178e83c3cc",
    "silu": "002384945660f395",
    "vrelu": "3875b169b4693109",
    "maximum": "a02dc022e0364a24",
    "decomposed_relu": "cca8d4423abee229",
    "decomposed_softplus": "c6196ecb5b86fec7",
    "rules": "165477fd4de32752",
    "abs": "eab4db7fa5d8beb5",
    "hard_tanh": "7bbc766f1493705a",
    "gelu": "9b1aea02cdbf2cb9",
    "tanh": "dff6c09a4eeec73b",
    "sigmoid": "cb6bc7774181985f",
    "identity": "32466cf193300da2",
}


@pytest.mark.parametrize(("setting", "frozen"), FROZEN.items())
def test_the_bits_of_batches_are_frozen(setting, frozen):
    result = train(**balls(30, **(BATCHES | UNIT_BATCHES)[setting]), keep_parameters=True)
    assert digest(array for array in result if array is not None) == frozen


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "others"), [("relu", "_OF_UNITS"), ("softplus", "_OF_RELU")])
def test_kernels_are_cached_across_processes(tmp_path, activation, others):
    script = (
        "from relusweep.tasks.training import Network, Protocol, engine, lanes\n"
        f"network = Network(n_inputs=2, width=2, depth=1, activation='{activation}')\n"
        "engine.prepare(Protocol(network=network), 4)\n"
        f"for kernels in (lanes._kernels(network), lanes.{others}):\n"
        "    stats = kernels.train.dispatcher.stats\n"
        "    print(len(stats.cache_hits), len(stats.cache_misses))"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    runs = [
        subprocess.run(
            [sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True
        )
        for _ in range(2)
    ]
    assert [run.stdout.split() for run in runs] == [["0", "1", "0", "0"], ["1", "0", "0", "0"]]


def test_sizes_and_arrays_of_any_layout_use_the_same_kernel():
    arguments = balls(20, batch=20, epochs=3, stop="last_epoch")
    expected = train(**arguments, keep_parameters=True)
    kernel = lanes._OF_RELU.train.dispatcher
    compiled = len(kernel.signatures)
    train(**balls(20, batch=10, epochs=3, width=4, stop="last_epoch"))
    for name in ("inputs", "targets", "initial", "orders"):
        array = np.repeat(arguments[name], 2, axis=0)[::2]
        array.flags.writeable = False
        arguments[name] = array
    assert equal_bits(train(**arguments, keep_parameters=True), expected)
    assert len(kernel.signatures) == compiled
