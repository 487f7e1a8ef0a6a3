"""The stage that trains: whatever stops it, the bits are those of one run."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
import xarray as xr

from relusweep.cluster import Address, Local
from relusweep.pipeline.common.errors import InvalidSweep, SpecificationChanged
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.monitoring.events import BlockDone, Event
from relusweep.pipeline.planning.plan import plan_store, plans
from relusweep.pipeline.sweeps.images.summary import Summary
from relusweep.pipeline.sweeps.images.training import ImageTraining
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.tasks.images.architectures import Pretrained
from relusweep.tasks.images.errors import DataSetNotFound, MalformedDataSet
from relusweep.tasks.images.networks import PretrainedModel
from relusweep.tasks.images.training import HISTORY, outputs, train_images, trained_parameters
from tests.pipeline.sweeps.images.pictures import (
    N_TEST,
    N_TRAIN,
    Tiny,
    stored,
    sweep_of,
    trained_network,
    write_images,
)

MODELS = "tests.pipeline.sweeps.images.pictures"  # where workers import them from

BOTH = ("linear-sgd-0", "dense-adamw-1")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("images") / "toy")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """The order of sums shows in the bits, and workers use one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def training(folder: Path, *networks: str, **fields: Any) -> ImageTraining:
    return ImageTraining(sweep_of(folder, *networks, **fields).spec)


def done(events: list[Event]) -> list[tuple[str, int]]:
    blocks = [event.block for event in events if isinstance(event, BlockDone)]
    return [(block["network"][0], block["epoch"][0]) for block in blocks]


@pytest.mark.slow
def test_the_store_has_what_a_training_in_one_go_gives(
    images: Path, workers: Address, tmp_path: Path, one_thread: None
) -> None:
    sweep = training(images, *BOTH, epochs=3)
    run(sweep, str(tmp_path / "store"), workers)
    results = stored(tmp_path / "store", sweep)
    assert results["done"].all()
    assert results["epoch"].values.tolist() == [1, 2, 3]
    assert results["architecture"].values.tolist() == ["linear", "dense"]
    assert results["optimizer"].values.tolist() == ["sgd", "adamw"]
    assert results["instance"].values.tolist() == [0, 1]
    for label in BOTH:
        networks = sweep.spec.image_networks
        network = networks.build(label)
        protocol = sweep.spec.protocol(label, 3)
        *_, state = train_images(network, sweep.data, protocol, networks.orders(label))
        of_network = results.sel(network=label)
        for name in HISTORY:
            np.testing.assert_array_equal(of_network[name], state[name])
        again = trained_network(sweep, label, tmp_path / "store")
        for name, weights in trained_parameters(again).items():
            np.testing.assert_array_equal(weights.detach().numpy(), state[f"weights/{name}"])
        right = outputs(again, sweep.data, "test").argmax(1) == sweep.data.test_labels
        assert of_network["test_accuracy"][-1] == right.mean()
    n_linear = sweep.spec.image_networks.n_parameters("linear-sgd-0")
    for name in ("parameters", "moments"):  # rows as long as the longest, and nothing behind the others' own
        row = results[name].sel(network="linear-sgd-0")
        assert row[..., n_linear:].isnull().all()
        assert row.isel(moment=0, missing_dims="ignore")[..., :n_linear].notnull().all()
    assert results["moments"].sel(network="linear-sgd-0", moment="second").isnull().all()
    assert results["moments"].sel(network="dense-adamw-1").notnull().all()


def test_networks_differ_by_instance_and_optimizer_and_seed(images: Path) -> None:
    sweep = training(images, "linear-sgd-0", "linear-sgd-1", "linear-adamw-0")
    labels, networks = sweep.spec.networks, sweep.spec.image_networks
    starts = [networks.build(label).state_dict()["2.bias"].tolist() for label in labels]
    other = override(sweep, ["seed=1"]).spec.image_networks
    starts.append(other.build("linear-sgd-0").state_dict()["2.bias"].tolist())
    assert len({tuple(start) for start in starts}) == 4
    orders = [networks.orders(label).words(range(1), 4)[0].tolist() for label in labels]
    assert len({tuple(order) for order in orders}) == 3


@pytest.mark.parametrize("momentum", [0.5, 0])
def test_interrupted_and_gone_on_with_it_gives_the_bits_of_one_run(
    images: Path, workers: Address, tmp_path: Path, momentum: float
) -> None:
    sweep = training(images, *BOTH, epochs=4, sgd={"momentum": momentum})
    run(sweep, str(tmp_path / "whole"), workers)
    events: list[Event] = []

    def interrupt(event: Event) -> None:
        if isinstance(event, BlockDone):
            os.kill(os.getpid(), signal.SIGINT)

    for _ in range(3):  # in the middle of each chain, whatever its pace
        assert run(sweep, str(tmp_path / "cut"), workers, listeners=[interrupt, events.append]).interrupted
    stopped = stored(tmp_path / "cut", sweep)["done"]
    assert 0 < int(stopped.sum()) < stopped.size
    assert (stopped.values == np.minimum.accumulate(stopped.values, axis=1)).all()
    run(sweep, str(tmp_path / "cut"), workers, listeners=[events.append])
    assert sorted(done(events)) == sorted((label, epoch) for label in BOTH for epoch in range(1, 5))
    xr.testing.assert_identical(stored(tmp_path / "cut", sweep), stored(tmp_path / "whole", sweep))


@pytest.mark.cluster
def test_a_worker_killed_in_mid_training(images: Path, workers: Address, tmp_path: Path) -> None:
    sweep = training(images, *BOTH, epochs=4)
    run(sweep, str(tmp_path / "whole"), workers)
    ours = {child.pid for child in psutil.Process().children(recursive=True)}
    killed: list[int] = []
    events: list[Event] = []

    def kill(event: Event) -> None:
        if isinstance(event, BlockDone) and event.block["epoch"] == (2,) and not killed:
            children = psutil.Process().children(recursive=True)
            (new,) = [child for child in children if child.pid not in ours]
            new.kill()
            killed.append(new.pid)

    finished = run(sweep, str(tmp_path / "store"), Local(workers=1), listeners=[kill, events.append])
    assert killed
    assert not finished.failed
    came = done(events)
    for label in BOTH:  # each epoch once: none before the last that had come is made again
        assert [epoch for network, epoch in came if network == label] == [1, 2, 3, 4]
    xr.testing.assert_identical(stored(tmp_path / "store", sweep), stored(tmp_path / "whole", sweep))


@pytest.mark.slow
def test_a_network_added_later_trains_alone(images: Path, workers: Address, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first, both = training(images, "linear-sgd-0"), training(images, *BOTH)
    run(first, str(store), workers)
    before = stored(store, first)
    events: list[Event] = []
    run(training(images, "dense-adamw-1"), str(store), workers, listeners=[events.append])
    assert done(events) == [("dense-adamw-1", 1), ("dense-adamw-1", 2)]
    run(both, str(tmp_path / "whole"), workers)
    xr.testing.assert_identical(stored(store, both), stored(tmp_path / "whole", both))
    n = before.sizes["parameter"]
    for name in (*HISTORY, "parameters", "moments"):
        after = (
            stored(store, both)[name]
            .sel(network=["linear-sgd-0"])
            .isel(parameter=slice(n), missing_dims="ignore")
        )
        np.testing.assert_array_equal(after, before[name])


def test_other_settings_are_other_results_but_another_place_is_not(
    images: Path, workers: Address, tmp_path: Path
) -> None:
    store = str(tmp_path / "store")
    run(training(images), store, workers)
    with pytest.raises(SpecificationChanged, match=r"sgd\.momentum: 0\.5 in the store, 0\.9 asked"):
        plan_store(training(images, sgd={"momentum": 0.9}), store)
    moved = write_images(tmp_path / "moved")
    assert not plan_store(training(moved), store).blocks
    labels = moved / "t10k-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1] + b"\0")
    elsewhere = labels.parent.rename(tmp_path / "changed")  # a path is read once a process
    with pytest.raises(SpecificationChanged, match="data:"):
        plan_store(training(elsewhere), store)


# Pretrained


def test_features_are_computed_once_for_all_networks_and_workers(
    images: Path, workers: Address, tmp_path: Path
) -> None:
    (tmp_path / "log").mkdir()
    model = PretrainedModel(factory=f"{MODELS}:watched", side=8, weights=str(tmp_path / "log"))
    labels = ("tiny-sgd-0", "tiny-sgd-1", "tiny-adamw-0")
    sweep = training(images, *labels, pretrained={"tiny": model}, epochs=5)
    run(sweep, str(tmp_path / "store"), workers)
    logs = {file.name: file.read_text().split() for file in (tmp_path / "log").iterdir()}
    assert logs.pop(str(os.getpid())) == ["3", "1"] * 3  # at the plan, whether it mixes images
    assert sum(map(int, chain(*logs.values()))) == N_TRAIN + N_TEST
    results = stored(tmp_path / "store", sweep)
    assert results.sizes["parameter"] == 3 * 4 + 3  # of the last layer alone
    assert results["done"].all()
    assert (results["train_loss"][:, -1] < results["train_loss"][:, 0]).all()
    first, second = (trained_network(sweep, label, tmp_path / "store") for label in labels[:2])
    assert (first.extractor.convolution.weight == second.extractor.convolution.weight).all()
    assert (first.last.weight != second.last.weight).any()


def test_a_module_takes_its_weights_from_a_file(images: Path, workers: Address, tmp_path: Path) -> None:
    torch.manual_seed(5)
    module = Tiny()
    torch.save(module.state_dict(), tmp_path / "weights.pt")
    model = PretrainedModel(factory=f"{MODELS}:tiny", side=8, weights=str(tmp_path / "weights.pt"))
    sweep = training(images, "linear-sgd-0", "tiny-adamw-0", pretrained={"tiny": model}, epochs=2)
    run(sweep, str(tmp_path / "store"), workers)
    network = trained_network(sweep, "tiny-adamw-0", tmp_path / "store")
    assert isinstance(network, Pretrained)
    extractor = network.extractor
    np.testing.assert_array_equal(extractor.convolution.weight.numpy(), module.convolution.weight.detach())
    right = outputs(network, sweep.data, "test").argmax(1) == sweep.data.test_labels
    results = stored(tmp_path / "store", sweep).sel(network="tiny-adamw-0")
    assert results["test_accuracy"][-1] == right.mean()
    torch.save(Tiny().state_dict(), tmp_path / "weights.pt")
    with pytest.raises(SpecificationChanged, match=r"pretrained\.tiny\.digest"):
        plan_store(
            training(
                images,
                *sweep.spec.networks,
                pretrained={"tiny": model.model_dump(exclude={"digest"})},
                epochs=2,
            ),
            str(tmp_path / "store"),
        )


def test_a_module_from_the_working_folder(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "of_mine.py").write_text(f"from {MODELS} import tiny")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    model = PretrainedModel(factory="of_mine:tiny", side=8)
    sweep = training(images, "tiny-sgd-0", pretrained={"tiny": model}, epochs=1)
    assert not run(sweep, str(tmp_path / "store"), Local(workers=1)).failed
    assert stored(tmp_path / "store", sweep)["done"].all()


# What cannot be met


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ({"factory": "nowhere:module"}, "cannot import nowhere:module"),
        (
            {"factory": f"{MODELS}:nothing"},
            f"cannot import {MODELS}:nothing",
        ),
        (
            {"factory": f"{MODELS}:text"},
            "gives a str; allowed is a torch.nn.Module",
        ),
        (
            {"factory": f"{MODELS}:watched", "weights": "IMAGENET"},
            "no weights IMAGENET",
        ),
        ({"factory": f"{MODELS}:tiny", "weights": "IMAGENET"}, "weights"),
        ({"factory": "torch.nn:ReLU"}, "no linear layer"),
        ({"factory": f"{MODELS}:Pair", "side": 8}, "its module gives a tuple; allowed is one tensor"),
        ({"factory": f"{MODELS}:Early", "side": 8}, r"gives \(3, 1000\) features of .* takes \(3, 7\)"),
        ({"factory": f"{MODELS}:Mixing", "side": 8}, "other features beside others than alone: it mixes"),
        ({"factory": f"{MODELS}:Noisy", "side": 8}, "other features beside others than alone: it mixes"),
    ],
)
def test_a_model_that_cannot_be_built_is_refused_before_anything_runs(
    images: Path, tmp_path: Path, model: dict[str, str], says: str
) -> None:
    sweep = training(images, "linear-sgd-0", "mine-sgd-0", pretrained={"mine": model})
    with pytest.raises(InvalidSweep, match=says) as refused:
        plan_store(sweep, str(tmp_path / "nowhere"))
    assert "mine-sgd-0 cannot be trained" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_weights_that_do_not_fit_are_refused(images: Path, tmp_path: Path) -> None:
    torch.save({"head.weight": torch.zeros(2, 2)}, tmp_path / "weights.pt")
    model = {"factory": f"{MODELS}:tiny", "weights": str(tmp_path / "weights.pt")}
    with pytest.raises(
        InvalidSweep,
        match=rf"weights\.pt does not hold the weights of {MODELS}:tiny",
    ) as refused:
        plan_store(training(images, "mine-sgd-0", pretrained={"mine": model}), str(tmp_path / "nowhere"))
    assert "\n" not in str(refused.value)


def test_images_that_are_no_images_are_refused_before_anything_runs(
    images: Path, workers: Address, tmp_path: Path
) -> None:
    with pytest.raises(DataSetNotFound):
        run(training(tmp_path / "nowhere"), str(tmp_path / "store"), workers)
    cut = write_images(tmp_path / "cut")
    file = cut / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(MalformedDataSet):
        run(training(cut), str(tmp_path / "store"), workers)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("networks=dense", "'dense' is no architecture-optimizer-instance, as dense-sgd-0"),
        ("networks=dense-adam-0", "is no architecture-optimizer-instance"),
        ("networks=dense-sgd--1", "no known architecture|is no architecture"),
        ("networks=sparse-sgd-0", "known are linear, dense, simple, complex"),
        (
            f"pretrained.dense.factory={MODELS}:tiny",
            "dense is one of our own architectures",
        ),
        ("pretrained.mine.factory=pictures", "pretrained.mine.factory = pictures"),
        (f"pretrained.mine.fcatory={MODELS}:tiny", "did you mean 'pretrained.mine.factory'"),
        ("pretrained.mine.side=0", r"pretrained\.mine\.side = 0"),
        ("pretrained=resnet", "must be a valid dictionary"),
        ("precision=float8", "1 to 22 bits of the mantissa"),
        ("precision=23", "1 to 22 bits of the mantissa"),
        ("stages=cka,ckb", "must be 'training', 'jacobians', .* or 'summary'"),
        ("samples=0", "samples = 0"),
        ("form=lines", "must be 'rows' or 'patterns'"),
        ("sgd.momentum=1", r"sgd\.momentum = 1"),
        ("epochs=0", "epochs = 0"),
        ("dataset=../mine", "letters, digits"),
        ("path=/data/pngs", "path = /data/pngs: say what these images are called, as dataset=pngs"),
        ("path=~/my.pngs/", "as dataset=mine; digits are the bundled ones"),
    ],
)
def test_settings_that_are_none_say_so(setting: str, says: str) -> None:
    with pytest.raises(InvalidSweep, match=says) as refused:
        override(find_sweep("images"), [setting])
    assert "\n" not in str(refused.value)


ALL = {
    *("training", "jacobians", "clusters", "compression", "sensitivity", "sums", "affine", "distance", "cka"),
    *("cross_entropy", "summary"),
}


@pytest.mark.parametrize(
    ("chosen", "planned"),
    [
        ("training", {"training"}),
        ("cka,training", {"training", "jacobians", "sums", "cka"}),
        ("sensitivity,compression", {"training", "jacobians", "sensitivity", "clusters", "compression"}),
        ("summary", ALL),
        (",".join(sorted(ALL)), ALL),
    ],
)
def test_stages_are_chosen(chosen: str, planned: set[str], images: Path, tmp_path: Path) -> None:
    some = override(Summary(training(images).spec), [f"stages={chosen}"])
    found = [plan.sweep.group.rpartition("/")[2] for plan in plans(some, str(tmp_path / "nowhere"))]
    assert (set(found), len(found)) == (planned, len(planned))
    assert some.fingerprint == Summary(training(images).spec).fingerprint


def test_a_label_has_one_spelling() -> None:
    assert training(Path("toy"), "linear-sgd-01", "linear-sgd-1").spec.networks == ("linear-sgd-1",)


def test_a_network_that_diverges_is_counted(images: Path, workers: Address, tmp_path: Path) -> None:
    sgd = {"name": "sgd", "learning_rate": 1e8, "momentum": 0.5, "weight_decay": 0.01}
    finished = run(training(images, *BOTH, sgd=sgd), str(tmp_path), workers)
    (told,) = finished.diverged
    assert told.startswith("1 of 2 networks did not stay finite")
    assert told.endswith("all at network linear-sgd-0.")
