"""Hidden layers compared: against the formula on whole arrays, and through a store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from relusweep.cluster import Address
from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.planning.plan import make_plan
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.pipeline.sweeps.images.activations import Activations
from relusweep.pipeline.sweeps.images.specification import ImageSpecification
from relusweep.tasks.comparison import activations as comparing
from relusweep.tasks.comparison.activations import LayerBlock, compare_layers
from relusweep.tasks.images.activations import activations
from relusweep.tasks.images.parameters import row_of
from relusweep.tasks.images.training import trained_parameters
from tests.pipeline.sweeps.images.pictures import stored, sweep_of, write_images
from tests.tasks.array_reader import ArrayReader

NETWORKS = ("linear-sgd-0", "dense-sgd-0", "simple-sgd-0", "complex-adamw-1")
LAYERS = (0, 1, 2, 3)


def aligned(x: NDArray[Any], y: NDArray[Any]) -> float:
    x, y = (of_layer - of_layer.mean(axis=0) for of_layer in (x.astype(float), y.astype(float)))
    k, m = x @ x.T, y @ y.T
    return float((k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum()))


def block_of(
    stage: Activations, rows: list[NDArray[np.float32]], sources: tuple[str, ...], targets: tuple[str, ...]
) -> LayerBlock:
    """Give what a worker compares, of parameters in memory."""
    _, block = stage.task(Block("", 0, (("network_from", sources), ("network_to", targets))), "")
    parameters = (("network", "parameter"), np.stack(rows))
    assert isinstance(block, LayerBlock)
    return replace(block, reader=ArrayReader({"training": {"parameters": parameters}}, {"network": NETWORKS}))


def test_layers_are_compared_by_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "_AT_ONCE", 25)  # tiles of 25 and 10 images
    stage = Activations(ImageSpecification(name="images", networks=NETWORKS, samples=60))
    built = [stage.spec.image_networks.build(label) for label in NETWORKS]
    length = stage.spec.most_parameters
    rows = [row_of((p.detach().numpy() for p in trained_parameters(n).values()), length) for n in built]
    found = compare_layers(block_of(stage, rows, NETWORKS[1:], NETWORKS)).arrays["cka"]
    of_networks = [activations(network, stage.data.images("test")) for network in built]
    assert tuple(map(len, of_networks)) == LAYERS
    assert [layer.shape[1] for layer in of_networks[3]] == [32 * 16 * 16, 32 * 8 * 8, 32 * 4 * 4]
    expected = np.full((3, 4, 3, 3), np.nan)
    for i, source in enumerate(of_networks[1:]):
        for j, target in enumerate(of_networks):
            for a, x in enumerate(source):
                for b, y in enumerate(target):
                    expected[i, j, a, b] = aligned(x, y)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert found[2, 3, 0, 0] == pytest.approx(1)
    assert found[2, 3, 0, 2] < 0.99
    rows[1][:] = np.inf  # a network that diverged spoils no other, and bits are those of a pair
    spoilt = compare_layers(block_of(stage, rows, NETWORKS[3:], NETWORKS[1:3])).arrays["cka"][0]
    assert np.isnan(spoilt[0]).all()
    np.testing.assert_array_equal(spoilt[1], found[2, 2])


def test_they_are_stored_beside_linear_maps(workers: Address, tmp_path: Path) -> None:
    images = write_images(tmp_path / "toy")
    stage = Activations(sweep_of(images, "dense-sgd-0", epochs=1).spec)
    run(stage, str(tmp_path / "store"), workers)
    more = Activations(sweep_of(images, "dense-sgd-0", "simple-sgd-0", epochs=1).spec)
    run(more, str(tmp_path / "store"), workers)
    cka = stored(tmp_path / "store", more)["cka"]
    assert dict(cka.sizes) == {"network_from": 2, "network_to": 2, "layer_from": 2, "layer_to": 2}
    dense = cka.sel(network_from="dense-sgd-0", network_to="dense-sgd-0")
    assert dense.sel(layer_from=1, layer_to=1) == pytest.approx(1)
    assert dense.notnull().sum() == 1
    np.testing.assert_array_equal(cka, cka.transpose("network_to", "network_from", "layer_to", "layer_from"))


def test_what_has_no_hidden_layers_is_refused(tmp_path: Path) -> None:
    few = sweep_of(write_images(tmp_path / "toy", 1), "dense-sgd-0").spec
    with pytest.raises(InvalidSweep, match="at least 2 test images, and there is 1"):
        make_plan(Activations(few), None)
    with pytest.raises(InvalidSweep, match="no hidden layers in linear-sgd-0; give others"):
        make_plan(Activations(ImageSpecification(name="images", networks=("linear-sgd-0",))), None)
