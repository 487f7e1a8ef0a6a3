"""Channels taken from networks: against networks with zeros, passed on whole."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import relusweep as rs
from relusweep.tasks.images.architectures import Architecture
from relusweep.tasks.images.channels import expand, n_weights

SHAPE = (1, 8, 8)
SIZES: dict[Architecture, list[int]] = {"dense": [128], "simple": [32, 32], "complex": [32, 32, 32]}


def images(n: int) -> Tensor:
    return torch.randn(n, *SHAPE, generator=torch.Generator().manual_seed(1))


def maps_of(network: nn.Sequential) -> list[nn.Conv2d | nn.Linear]:
    return [layer for layer in network if isinstance(layer, nn.Conv2d | nn.Linear)]


@torch.no_grad()
def masked(network: nn.Sequential, gone: list[np.ndarray]) -> nn.Sequential:
    """Put 0 for what makes the channels, and leave what takes them."""
    found = copy.deepcopy(network)
    for layer, channels in zip(maps_of(found), gone, strict=False):
        layer.weight[channels] = 0
        layer.bias[channels] = 0  # type: ignore[index]
    return found


@pytest.mark.parametrize("architecture", SIZES)
def test_a_smaller_network_gives_what_the_masked_one_gives(
    architecture: Architecture, tmp_path: Path
) -> None:
    network = rs.images.build(architecture, SHAPE, 4, seed=3)
    draw, x = np.random.default_rng(0), images(9)
    masks = [draw.random(size) < 0.4 for size in SIZES[architecture]]
    small = rs.images.without_channels(network, masks)
    whole = masked(network, [~mask for mask in masks])
    torch.testing.assert_close(small(x), whole(x), rtol=1e-5, atol=1e-6)
    assert not torch.allclose(small(x), network(x), atol=1e-3)
    assert [len(layer.weight) for layer in maps_of(small)] == [*(mask.sum() for mask in masks), 4]
    for found, mask in zip(rs.images.acting_channels(whole), masks, strict=True):
        np.testing.assert_array_equal(found, np.flatnonzero(mask))
    torch.save(small.state_dict(), tmp_path / "small.pt")
    other = rs.images.without_channels(
        rs.images.build(architecture, SHAPE, 4, seed=4), [range(mask.sum()) for mask in masks]
    )
    other.load_state_dict(torch.load(tmp_path / "small.pt", weights_only=True))
    assert torch.equal(other(x), small(x))
    back = rs.images.build(architecture, SHAPE, 4, seed=5)
    expand(small, back, masks)
    torch.testing.assert_close(back(x), whole(x), rtol=1e-5, atol=1e-6)
    assert n_weights(back) == n_weights(small) == sum(layer.weight.numel() for layer in maps_of(small))


@pytest.mark.parametrize("architecture", SIZES)
def test_losses_without_each_channel_are_those_of_the_masked_networks(architecture: Architecture) -> None:
    sizes = [5 + number for number in range(len(SIZES[architecture]))]
    network = rs.images.build(architecture, SHAPE, 4, seed=3)
    network = rs.images.without_channels(network, [range(size) for size in sizes])
    x, labels = images(7), torch.arange(7) % 4
    losses = rs.images.removal_losses(network, x, labels, at_once=4)
    assert [len(of_layer) for of_layer in losses] == sizes
    for layer, size in enumerate(sizes):
        for channel in range(size):
            gone = [np.array([channel] if layer == number else [], int) for number in range(len(sizes))]
            whole = cross_entropy(masked(network, gone)(x).double(), labels).item()
            assert losses[layer][channel] == pytest.approx(whole, rel=1e-6)
    assert len({loss for of_layer in losses for loss in of_layer}) == sum(sizes)


def test_losses_without_images_or_labels_are_refused() -> None:
    network = rs.images.build("simple", SHAPE, 4, seed=3)
    for n_images, n_labels in ((0, 0), (3, 2)):
        with pytest.raises(ValueError, match=f"label each; got {n_images} and {n_labels} labels"):
            rs.images.removal_losses(network, images(3)[:n_images], torch.zeros(n_labels, dtype=torch.int64))


@torch.no_grad()
def test_channels_act_that_outputs_depend_on() -> None:
    network = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))
    first, second, last = maps_of(network)
    first.weight.copy_(torch.tensor([[1.0, 0], [0, 0], [0, 0], [1, 1]]))
    first.bias.copy_(torch.tensor([0.0, 2, -2, 0]))  # the second is 2, the third 0 everywhere
    second.weight.copy_(torch.tensor([[0.0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))
    second.bias.copy_(torch.tensor([0.0, 0, 1]))
    last.weight.copy_(torch.tensor([[1.0, 1, 0]]))  # so that the last of both layers does not count
    acting = rs.images.acting_channels(network)
    assert [channels.tolist() for channels in acting] == [[1], [0]]
    x = torch.randn(9, 2)
    assert torch.equal(rs.images.without_channels(network, acting)(x), network(x))


@pytest.mark.parametrize(
    ("keep", "says"),
    [
        ([[0], [0]], "channels of 2 layers, and the network has 3 hidden layers, of 32, 32, 32 channels"),
        ([[0], [0], []], "hidden layer 3 has 32 channels; at least one of them stays, got none"),
        (
            [[0], [0, 32], [0]],
            "hidden layer 2 has 32 channels; allowed are ascending numbers from 0 to 31",
        ),
        ([[0], [3, 2], [0]], "ascending numbers from 0 to 31 or a mask of shape (32,), got [3, 2]"),
        ([[-1], [0], [0]], "hidden layer 1 has 32 channels; allowed are ascending"),
        ([[0.0], [0], [0]], "got [0.0]"),
        ([np.ones(31, bool), [0], [0]], "a mask of them has shape (32,), got (31,)"),
    ],
)
def test_channels_that_do_not_fit_are_refused(keep: list[list[int]], says: str) -> None:
    network = rs.images.build("complex", SHAPE, 4, seed=0)
    with pytest.raises(rs.errors.ChannelsDoNotFit, match=re.escape(says)):
        rs.images.without_channels(network, keep)


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ([nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2)], "this network has Tanh"),
        ([nn.Conv2d(2, 2, 1, groups=2), nn.Conv2d(2, 2, 1)], "this network has Conv2d(2, 2, kernel_size="),
        ([nn.Linear(2, 2)], "no hidden layer"),
    ],
)
def test_networks_that_are_no_chain_are_refused(layers: list[nn.Module], says: str) -> None:
    with pytest.raises(rs.errors.ChannelsDoNotFit, match=re.escape(says)):
        rs.images.acting_channels(nn.Sequential(*layers))


def test_the_page_on_pruning_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[3] / "docs" / "pruning.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (source,) = (block for block in blocks if "without_channels" in block)
    monkeypatch.chdir(tmp_path)
    names: dict[str, nn.Module] = {}
    exec(source, names)
    x = torch.randn(2, 1, 28, 28)
    assert torch.equal(names["other"](x), names["small"](x))
