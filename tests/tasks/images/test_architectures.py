import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from relusweep.tasks.images.architectures import FixedMap, build, build_pretrained, check_features

SHAPES = [(1, 28, 28), (3, 32, 32), (1, 8, 8), (3, 40, 23)]
ARCHITECTURES = ["linear", "dense", "simple", "complex"]


@pytest.mark.parametrize("side", [32, 50, 224])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_fixed_map_is_bilinear_and_repeats_grey(shape, side):
    images = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    expected = interpolate(images.double(), (side, side), mode="bilinear").expand(-1, 3, -1, -1)
    torch.testing.assert_close(FixedMap(shape, side)(images).double(), expected, rtol=1e-6, atol=1e-6)


def test_images_of_the_networks_own_size_are_left_as_they_are():
    images = torch.randn(2, 3, 32, 32)
    assert (FixedMap((3, 32, 32))(images) == images).all()


LAYERS = {
    "linear": ["Flatten", "Linear 3072 10"],
    "dense": ["Flatten", "Linear 3072 128", "ReLU", "Linear 128 10"],
    "simple": [
        *["Conv2d 3 32", "MaxPool2d", "ReLU", "Conv2d 32 32", "MaxPool2d", "ReLU"],
        *["Flatten", "Linear 2048 10"],
    ],
    "complex": [
        *["Conv2d 3 32", "ReLU", "MaxPool2d", "Conv2d 32 32", "ReLU", "MaxPool2d"],
        *["Conv2d 32 32", "ReLU", "MaxPool2d", "Flatten", "Linear 512 10"],
    ],
}


def described(layer: nn.Module) -> str:
    name = type(layer).__name__
    if isinstance(layer, nn.Linear):
        return f"{name} {layer.in_features} {layer.out_features}"
    if isinstance(layer, nn.Conv2d):
        assert layer.kernel_size == (3, 3)
        assert layer.padding == (1, 1)
        assert layer.stride == (1, 1)
        return f"{name} {layer.in_channels} {layer.out_channels}"
    return name


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_layers_are_those_of_the_specification(architecture):
    network = build(architecture, (1, 28, 28), 10, seed=0)
    assert isinstance(network[0], FixedMap)
    assert [described(layer) for layer in network[1:]] == LAYERS[architecture]
    assert all(layer.kernel_size == 2 for layer in network if isinstance(layer, nn.MaxPool2d))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("shape", SHAPES)
def test_networks_take_the_original_images(architecture, shape):
    network = build(architecture, shape, 7, seed=0)
    assert network(torch.randn(4, *shape)).shape == (4, 7)


def parameters(network: nn.Module) -> list[bytes]:
    return [weights.detach().numpy().tobytes() for weights in network.parameters()]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_starts_come_from_the_seed_alone(architecture):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again, other = (parameters(build(architecture, (1, 8, 8), 10, seed)) for seed in (1, 1, 2))
    assert first == again
    assert not set(first) & set(other)
    assert (torch.random.get_rng_state() == before).all()


def test_starts_are_within_pytorchs_bounds():
    network = build("dense", (1, 8, 8), 10, seed=0)
    bound = 1 / np.sqrt(3072)
    weights = network[2].weight.detach().numpy()
    assert bound * 0.99 < abs(weights).max() <= bound


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("deep", (1, 8, 8)), "unknown architecture 'deep'; allowed are linear, dense, simple, complex"),
        (("dense", (2, 8, 8)), "images have 1 or 3 channels, got 2"),
    ],
)
def test_what_cannot_be_built_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        build(*arguments, 10, seed=0)


# Pretrained


class Small(nn.Module):
    """A module as others publish them: features, and a classifier of a thousand classes."""

    def __init__(self) -> None:
        super().__init__()
        self.aside = nn.Linear(2, 2)
        self.convolution = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU())
        self.dropout = nn.Dropout()
        self.fc = nn.Linear(4, 1000)

    def forward(self, images):
        return self.fc(self.dropout(self.convolution(images).mean(dim=(2, 3))))


def small(weights: str | None = None) -> Small:
    if weights not in (None, "BEST"):
        raise ValueError(f"no weights {weights}")
    module = Small()
    if weights == "BEST":
        nn.init.constant_(module.convolution[0].weight, 0.5)
    return module


def no_module() -> int:
    return 3


def no_linear() -> nn.Module:
    return nn.Sequential(nn.ReLU())


def lost() -> nn.Module:
    module = Small()
    nn.init.constant_(module.convolution[0].bias, float("nan"))
    return module


def pretrained(factory: str = "small", **arguments):
    return build_pretrained(f"{__name__}:{factory}", (1, 8, 8), 10, seed=0, side=64, **arguments)


def test_only_the_last_layer_is_replaced_and_trained():
    network = pretrained()
    trained = {name: tuple(p.shape) for name, p in network.named_parameters() if p.requires_grad}
    assert trained == {"last.weight": (10, 4), "last.bias": (10,)}
    assert isinstance(network.extractor.fc, nn.Identity)
    assert isinstance(network.extractor.aside, nn.Linear)
    assert network.fixed.side == (64, 64)


def test_features_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="features that are not finite"):
        check_features(pretrained("lost"))
    check_features(pretrained())


def test_the_extractor_stays_in_evaluation_mode():
    network = pretrained()
    images = torch.randn(5, 1, 8, 8)
    first = network.train()(images)
    assert (network.train()(images) == first).all()
    assert (network.eval()(images) == first).all()
    assert network.train().last.training


def test_weights_come_from_a_file(tmp_path):
    module = small("BEST")
    torch.save(module.state_dict(), tmp_path / "weights.pt")
    network = pretrained(weights=tmp_path / "weights.pt")
    assert (network.extractor.convolution[0].weight == 0.5).all()
    torch.save({"other": torch.ones(2)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other.pt does not hold the weights of .*:small"):
        pretrained(weights=tmp_path / "other.pt")


def test_a_file_that_would_run_code_is_refused(tmp_path):
    torch.save(Small(), tmp_path / "module.pt")
    with pytest.raises(ValueError, match=r"module.pt does not hold the weights"):
        pretrained(weights=tmp_path / "module.pt")


def test_weights_go_to_the_factory_by_name():
    assert (pretrained(weights="BEST").extractor.convolution[0].weight == 0.5).all()


@pytest.mark.parametrize(
    ("factory", "error", "message"),
    [
        ("nothing", ImportError, r"cannot import .*:nothing .*are looked for in .* and among installed"),
        ("no_module", ValueError, "gives a int; allowed is a torch.nn.Module"),
        ("no_linear", ValueError, "has no linear layer within it"),
    ],
)
def test_what_is_no_factory_is_refused(factory, error, message):
    with pytest.raises(error, match=message):
        pretrained(factory)
    with pytest.raises(ValueError, match="given as module:name, got 'resnet18'"):
        build_pretrained("resnet18", (1, 8, 8), 10, seed=0, side=224)


@pytest.mark.vision
def test_a_network_of_torchvision():
    network = build_pretrained("torchvision.models:resnet18", (1, 28, 28), 10, seed=0, side=224)
    assert network(torch.randn(2, 1, 28, 28)).shape == (2, 10)
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == 5130
