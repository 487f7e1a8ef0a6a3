import io
from itertools import chain, islice

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from relusweep.tasks.images.architectures import build
from relusweep.tasks.images.datasets import ImageSet, load_images
from relusweep.tasks.images.protocol import AdamW, ImageProtocol, ImageSgd
from relusweep.tasks.images.training import load_weights, outputs, train_images
from relusweep.tasks.jacobians.coefficients import coefficients
from relusweep.tasks.streams import Stream
from tests.tasks.images.test_architectures import ARCHITECTURES, pretrained

ORDERS = Stream(("orders of the tests",))


def few(n: int = 40, shape: tuple[int, int, int] = (1, 8, 8)) -> ImageSet:
    """Images of three classes, as bright as their class."""
    rng = np.random.default_rng(n)
    labels = np.arange(n) % 3
    pixels = (rng.integers(60, size=(n, *shape)) + 60 * labels[:, None, None, None]).astype(np.uint8)
    return ImageSet("few", pixels[:-7], labels[:-7], pixels[-7:], labels[-7:], ("dark", "grey", "bright"))


def stored(state):
    """Take a state through a file, where nothing is pickled."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **state)
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        return dict(arrays)


def final(network, data, protocol, **arguments):
    *_, state = train_images(network, data, protocol, ORDERS, **arguments)
    return state


# Optimisers against their formulas, on softmax regression


def gradient(weights, inputs, labels):
    """Of the mean cross-entropy of ``inputs @ weights.T``, bias last."""
    logits = inputs @ weights.T
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    chances[np.arange(len(labels)), labels] -= 1
    return chances.T @ inputs / len(labels)


def descend(weights, inputs, labels, epochs):
    velocity = 0
    for _ in range(epochs):
        velocity = 0.5 * velocity + gradient(weights, inputs, labels) + 0.01 * weights
        weights = weights - 0.01 * velocity
    return weights


def adapt(weights, inputs, labels, epochs):
    m = v = 0
    for t in range(1, epochs + 1):
        g = gradient(weights, inputs, labels)
        weights = weights * (1 - 0.001 * 0.01)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        weights = weights - 0.001 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return weights


@pytest.mark.parametrize(("optimizer", "formula"), [(ImageSgd(), descend), (AdamW(), adapt)])
def test_optimisers_are_as_specified(optimizer, formula):
    data = few(17, (3, 32, 32))  # the fixed map leaves these as they are
    network = build("linear", data.shape, 3, seed=0)
    weights, bias = (p.detach().double().numpy().copy() for p in network.parameters())
    state = final(network, data, ImageProtocol(optimizer=optimizer, batch=10, epochs=4))
    inputs = np.hstack([data.images("train").reshape(10, -1).astype(float), np.ones((10, 1))])
    expected = formula(np.hstack([weights, bias[:, None]]), inputs, data.train_labels, 4)
    found = np.hstack([state["weights/2.weight"], state["weights/2.bias"][:, None]])
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-6)
    assert abs(found - np.hstack([weights, bias[:, None]])).max() > 1e-3


# Going on


@pytest.mark.parametrize("optimizer", [ImageSgd(), AdamW(), ImageSgd(momentum=0)])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("stop", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_training_that_was_stopped_gives_the_same_bits(architecture, optimizer, stop):
    data, protocol = few(), ImageProtocol(optimizer=optimizer, batch=8, epochs=3)

    def network(seed):
        return build(architecture, data.shape, 3, seed)

    whole = final(network(0), data, protocol)
    *_, first = islice(train_images(network(0), data, protocol, ORDERS), stop)
    resumed = final(network(1), data, protocol, state=stored(first))
    assert whole.keys() == resumed.keys()
    for name, values in whole.items():
        assert values.dtype == resumed[name].dtype
        np.testing.assert_array_equal(values, resumed[name], err_msg=name)


def test_the_last_layer_of_a_pretrained_network_goes_on_too():
    data, protocol = few(), ImageProtocol(batch=8, epochs=3)
    whole = final(pretrained(), data, protocol)
    first = next(train_images(pretrained(), data, protocol, ORDERS))
    resumed = final(pretrained(), data, protocol, state=stored(first))
    assert {name for name in whole if "/" in name} == {
        *("weights/last.weight", "weights/last.bias"),
        *("optimizer/last.weight/momentum_buffer", "optimizer/last.bias/momentum_buffer"),
    }
    for name, values in whole.items():
        np.testing.assert_array_equal(values, resumed[name], err_msg=name)


def test_states_are_copies():
    data = few()
    states = train_images(build("linear", data.shape, 3, 0), data, ImageProtocol(epochs=2), ORDERS)
    first = next(states)
    kept = {name: values.copy() for name, values in first.items()}
    next(states)
    assert all((first[name] == values).all() for name, values in kept.items())


# What an epoch is


class Watched(nn.Module):
    """A linear network that keeps the first pixel of every image it is trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 3)
        self.batches: list[list[float]] = []

    def forward(self, images):
        if self.training:
            self.batches.append(images[:, 0, 0, 0].tolist())
        return self.layer(images.flatten(1))


def test_an_epoch_takes_every_image_once_in_an_order_of_its_own():
    data, network = few(), Watched()
    final(network, data, ImageProtocol(batch=10, epochs=2))
    assert [len(batch) for batch in network.batches] == [10, 10, 10, 3] * 2
    first, second = (list(chain(*network.batches[i : i + 4])) for i in (0, 4))
    images = data.images("train")[:, 0, 0, 0].tolist()
    assert sorted(first) == sorted(second) == sorted(images)
    assert first != second
    assert images not in (first, second)


def test_history_is_of_every_epoch():
    data, network = few(), build("dense", (1, 8, 8), 3, seed=0)
    state = final(network, data, ImageProtocol(optimizer=AdamW(), batch=8, epochs=5))
    for name in ("train_loss", "train_accuracy", "test_loss", "test_accuracy"):
        assert state[name].shape == (5,)
    assert state["train_loss"][-1] < state["train_loss"][0]
    logits = outputs(network, data, "test").astype(float)
    right = logits.argmax(axis=1) == data.test_labels
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert state["test_accuracy"][-1] == right.mean()
    expected = -np.log(chances[np.arange(7), data.test_labels]).mean()
    assert state["test_loss"][-1] == pytest.approx(expected, rel=1e-6)


def test_features_are_computed_once():
    data, network = few(), pretrained()
    seen: list[int] = []
    network.extractor.register_forward_hook(lambda module, images, features: seen.append(len(features)))
    final(network, data, ImageProtocol(batch=8, epochs=4))
    assert seen == [33, 7]


@pytest.mark.slow
@pytest.mark.parametrize("mode", [True, False])
def test_networks_keep_their_mode(mode):
    data, network = few(), build("dense", few().shape, 3, seed=0).train(mode)
    network[2].train(not mode)  # parts may have others
    before = [part.training for part in network.modules()]
    for _ in train_images(network, data, ImageProtocol(batch=8, epochs=2), ORDERS):
        assert [part.training for part in network.modules()] == before
    outputs(network, data, "test")
    coefficients(network, data.images("test"), method="autograd")
    assert [part.training for part in network.modules()] == before


def test_digits_are_learned():
    data = load_images()
    network = build("dense", data.shape, 10, seed=0)
    state = final(network, data, ImageProtocol(optimizer=AdamW(), epochs=4))
    assert state["test_accuracy"][-1] > 0.93


def test_weights_go_into_another_network():
    data = few()
    network, other = (build("simple", data.shape, 3, seed) for seed in (0, 1))
    load_weights(other, final(network, data, ImageProtocol(epochs=1)))
    np.testing.assert_array_equal(outputs(network, data, "test"), outputs(other, data, "test"))
    np.testing.assert_array_equal(
        outputs(other, data, "train", slice(3, 9)), outputs(other, data, "train")[3:9]
    )


def test_settings_are_pytorchs_and_the_specifications():
    assert ImageProtocol().model_dump() == {
        "optimizer": {"name": "sgd", "learning_rate": 0.01, "momentum": 0.5, "weight_decay": 0.01},
        "batch": 32,
        "epochs": 15,
    }
    adamw = ImageProtocol(optimizer={"name": "adamw"}).optimizer
    ours = torch.optim.AdamW([nn.Parameter(torch.zeros(1))]).defaults
    assert (adamw.learning_rate, adamw.beta1, adamw.beta2) == (ours["lr"], *ours["betas"])
    assert (adamw.epsilon, adamw.weight_decay) == (ours["eps"], ours["weight_decay"])
    adapter = TypeAdapter(ImageProtocol)
    assert adapter.validate_json(adapter.dump_json(ImageProtocol(optimizer=adamw))).optimizer == adamw


@pytest.mark.gpu
def test_networks_train_on_a_gpu_and_go_on_there():
    data, protocol = few(), ImageProtocol(optimizer=AdamW(), batch=8, epochs=3)
    on_cpu = final(build("dense", data.shape, 3, 0), data, protocol)
    first = next(train_images(build("dense", data.shape, 3, 0), data, protocol, ORDERS, device="cuda"))
    network = build("dense", data.shape, 3, 1)
    state = final(network, data, protocol, state=stored(first), device="cuda")
    np.testing.assert_allclose(state["train_loss"], on_cpu["train_loss"], rtol=1e-4)
    assert outputs(network, data, "test").shape == (7, 3)


# What is refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimizer": AdamW()}, r"moments \['momentum_buffer'\]; adamw has \['exp_avg', "),
        ({"epochs": 1}, "the state has 2 epochs; the protocol has 1"),
    ],
)
def test_a_state_of_another_protocol_is_refused(change, message):
    data = few()
    state = final(build("linear", data.shape, 3, 0), data, ImageProtocol(epochs=2))
    network = build("linear", data.shape, 3, 0)
    with pytest.raises(ValueError, match=message):
        train_images(network, data, ImageProtocol(**change), ORDERS, state=state)


def test_a_state_of_another_network_is_refused():
    data = few()
    state = final(build("linear", data.shape, 3, 0), data, ImageProtocol(epochs=1))
    with pytest.raises(ValueError, match=r"of another network: 2.bias has shape \(3,\), allowed is \(128,\)"):
        load_weights(build("dense", data.shape, 3, 0), state)
    with pytest.raises(ValueError, match=r"2.weight has shape None"):
        load_weights(build("linear", data.shape, 3, 0), {"weights/2.bias": state["weights/2.bias"]})
