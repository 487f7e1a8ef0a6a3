"""What stores hold stays theirs: fingerprints of all stages, and what networks start and draw from.

Those of images were written down when their results changed and the schema's number became 2, those of
training sweeps when these became one, and those with shapes, pieces or curves when what these say of networks
that diverged changed (30 November 2026).
"""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest

from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.pipeline.sweeps.images.sums import Sums
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import override
from relusweep.tasks.comparison.clustering import draws
from relusweep.tasks.images.training import trained_parameters

STAGES = json.loads(Path(__file__).with_name("fingerprints.json").read_text())

SETTINGS = {
    "default": [],
    "patterns": ["form=patterns"],
    "float16": ["precision=float16"],
    "bits": ["precision=10"],
    "scaled": ["input=scaled"],
    "clusters": ["clusters=2,3,7", "n_init=2"],
    "replicates": ["replicates=20", "cutoff=0.01"],
    "pretrained": [
        "pretrained.tiny.factory=pictures:tiny",
        "pretrained.tiny.side=8",
        "networks=linear-sgd-0,tiny-sgd-0",
    ],
    "small": [
        *("name=small", "networks=dense-adamw-0,linear-sgd-0", "epochs=1", "seed=3", "components=5"),
        *("sgd.momentum=0", "device=cuda", "rows_in_memory=1000", "max_iterations=20", "batch=8"),
    ],
}


def _stages(sweep: Sweep) -> dict[str, str]:
    found: dict[str, str] = {}
    for required in sweep.requires:
        found |= _stages(required)
    return {**found, sweep.group.rpartition("/")[2]: f"{sweep.fingerprint:016x}"}


@pytest.mark.parametrize("settings", SETTINGS)
def test_of_all_stages_of_images(settings: str) -> None:
    assert _stages(override(SWEEPS["images"], SETTINGS[settings])) == STAGES[settings]


def test_of_all_stages_of_pruned_images() -> None:
    (root,) = SWEEPS["prune_images"].roots
    assert _stages(root) == STAGES["prune_images"]


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [
        ("npn2", "6e03337d143c6083"),
        ("npn3", "f435dd685499b7ad"),
        ("npn4", "4b72ac0f2f8c9d29"),
        ("npn5", "50b71927f61c0d30"),
        ("frontier3", "6e8b5428ab6a712a"),
        ("frontier4", "a4ec618010d88440"),
        ("parity10", "cf65a13b8685bf95"),
        ("boolean10", "c8c5bcaea84fe431"),
        ("dimensions", "c6d2b29509c9e078"),
        ("annulus", "69ecae8800efcc4b"),
        ("hypersphere", "861c35e2f9d3b880"),
        ("plane_circle", "9c15bbcb959f65f4"),
        ("plane_xor_circles", "dc9c0109c6ed9fc9"),
        ("plane_xor", "d07b2aba26091699"),
        ("sine", "7cd1a3eb0a21e4f9"),
        ("compositional", "e1315c2bd9fb6343"),
        ("compositional_depth", "66b7863004555d9f"),
        ("prune_wide", "e78b80f03a6ab781"),
        ("prune_deep", "590b92b2ed48641c"),
        ("prune_masks", "5716ccfb8c957fff"),
        ("alignment", "2c1840c3d1e5168c"),
        ("one_neuron", "dadc471f7e435982"),
        ("decomposed", "9fdf19d49e4cedd3"),
        ("landscape2", "cbf05db50bcb1185"),
        ("landscape3", "b24de31865b49d9e"),
        ("growth", "2aed01b77f92426b"),
    ],
)
def test_of_named_sweeps(name: str, fingerprint: str) -> None:
    assert f"{SWEEPS[name].fingerprint:016x}" == fingerprint


def test_of_measures_and_what_the_store_keeps_of_them() -> None:
    (measures,) = SWEEPS["npn5"].requires
    assert (measures.group, f"{measures.fingerprint:016x}") == ("boolean/measures5", "2f8cf0b165489f89")
    assert json.loads(measures.specification) == {"name": "measures5", "n_inputs": 5, "problems": "all"}


def test_a_copy_with_other_fields_has_a_fingerprint_of_its_own() -> None:
    sweep = SWEEPS["npn2"]
    for deep in (False, True):
        other = sweep.model_copy(update={"seed": 1}, deep=deep)
        assert other.fingerprint == override(sweep, ["seed=1"]).fingerprint != sweep.fingerprint


def _digest(*arrays: np.ndarray) -> str:
    digest = blake2b(digest_size=8)
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize(
    ("label", "parameters", "orders", "centres"),
    [
        ("linear-sgd-0", "01359ab3a50c5463", "ae2889ae27c7237c", "e20f44bd10e91e09"),
        ("dense-adamw-1", "70bca976d16508e5", "f7786da6cf199938", "ebc6adc20a795c6b"),
        ("simple-sgd-1", "c6870d7e750e22f4", "587f7dfa1836a8d1", "c0bdebbe94c1e014"),
        ("complex-adamw-0", "4cb638dbf124411b", "ebbd3755392a5fd3", "69687a19ada6412c"),
    ],
)
def test_networks_start_and_draw_as_ever(label: str, parameters: str, orders: str, centres: str) -> None:
    networks = override(SWEEPS["images"], ["seed=3"]).spec.image_networks
    initial = trained_parameters(networks.build(label)).values()
    assert _digest(*(weights.detach().numpy() for weights in initial)) == parameters
    assert _digest(networks.orders(label).words(range(3), 100)) == orders
    assert _digest(draws(3, label, 5).words(range(3), 8)) == centres


def test_halves_of_the_test_images_are_drawn_as_ever() -> None:
    stage = Sums(override(SWEEPS["images"], ["seed=3", "replicates=4"]).spec)
    labels = (("network_from", ("linear-sgd-0",)), ("output", (0,)), ("network_to", ("linear-sgd-0",)))
    _, block = stage.task(Block("images", 0, labels), "")
    assert _digest(block.halves) == "09bc4e37cc072bd3"
