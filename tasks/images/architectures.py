"""Networks that take images: four of their own, and pretrained ones by import path."""

import importlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from relusweep.tasks.paths import expanded

__all__ = ["Architecture", "FixedMap", "Pretrained", "build", "build_pretrained", "check_features"]

Architecture = Literal["linear", "dense", "simple", "complex"]

_SIDE = 32  # of the images that the networks' own layers take
_COLOURS = 3
_CONVOLUTION = {"linear": 0, "dense": 0, "simple": 2, "complex": 3}  # how many
_FILTERS, _UNITS = 32, 128
_TRIED = 3  # images, to see what a module gives
_SAME = 1e-3  # of the largest feature: batches of other lengths are rounded otherwise

Shape = tuple[int, int, int]


class FixedMap(nn.Module):
    """Scale images bilinearly to a square, and repeat a grey channel three times: the first layer.

    It is linear and never trained, and a part of the network, whose input is so the original image.

    Parameters
    ----------
    shape : tuple of int
        Channels (1 or 3), height and width of the original images.
    side : int
        Height and width of the result.

    Raises
    ------
    ValueError
        If images have neither 1 nor 3 channels.

    Notes
    -----
    Bilinear interpolation (pixel centres, no smoothing: ``align_corners=False`` of PyTorch) is a matrix for
    the rows and one for the columns. As such it has the same bits in any batch, and its transpose at hand.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, shape: Shape, side: int = _SIDE) -> None:
        super().__init__()
        channels, height, width = shape
        if channels not in (1, _COLOURS):
            raise ValueError(f"images have 1 or {_COLOURS} channels, got {channels}")
        self.shape = shape
        self.register_buffer("rows", _interpolation(height, side), persistent=False)
        self.register_buffer("columns", _interpolation(width, side), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Map images of shape (n_images, n_channels, height, width) to (n_images, 3, side, side)."""
        scaled = images if images.shape[2:] == self.side else self.rows @ images @ self.columns.T
        # Channels last in memory, so that convolutions that follow take half the time on a CPU.
        last = scaled.permute(0, 2, 3, 1).expand(-1, -1, -1, _COLOURS).contiguous()
        return last.permute(0, 3, 1, 2)

    @property
    def side(self) -> tuple[int, int]:
        """Height and width of the result."""
        return len(self.rows), len(self.columns)


def _interpolation(size: int, side: int) -> Tensor:
    """Give the matrix of shape (side, size) that interpolates linearly between `size` points."""
    unit = torch.eye(size, dtype=torch.float64)[None, None]
    return interpolate(unit, (side, size), mode="bilinear")[0, 0].float()


class Pretrained(nn.Module):
    """Images scaled to a module's size, the module without its last layer and frozen, and a new last layer.

    Parameters
    ----------
    fixed : FixedMap
    extractor : Module
        Maps images to features; kept in evaluation mode and never trained.
    last : Linear
        Maps features to outputs; the only part that is trained.
    """

    def __init__(self, fixed: FixedMap, extractor: nn.Module, last: nn.Linear) -> None:
        super().__init__()
        self.fixed, self.extractor, self.last = fixed, extractor.requires_grad_(False), last
        self.train()

    def features(self, images: Tensor) -> Tensor:
        """Give what the last layer takes: shape (n_images, n_features)."""
        features: Tensor = self.extractor(self.fixed(images))
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Map original images to outputs of shape (n_images, n_classes)."""
        logits: Tensor = self.last(self.features(images))
        return logits

    def train(self, mode: bool = True) -> "Pretrained":
        """Set the mode of the last layer alone."""
        super().train(mode)
        self.extractor.eval()
        return self


def check_features(network: Pretrained) -> None:
    """Refuse a pretrained network whose module does not give each image features of its own.

    Three random images are tried, and one of them alone.

    Raises
    ------
    ValueError
        If the module gives no tensor, or not what its last linear layer takes, or gives an image other
        features beside others than alone.
    """
    images = torch.randn(_TRIED, *network.fixed.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found, alone = network.features(images), network.features(images[:1])
    if not isinstance(found, Tensor):
        raise ValueError(f"its module gives a {type(found).__name__}; allowed is one tensor of all images")
    expected = _TRIED, network.last.in_features
    if found.shape != expected:
        raise ValueError(
            f"without its last linear layer its module gives {tuple(found.shape)} features of {_TRIED} "
            f"images, and that layer takes {expected}: it is not the layer that gives the outputs"
        )
    if not found.isfinite().all():
        raise ValueError("its module gives features that are not finite, of images of random numbers")
    if (found[:1] - alone).abs().max() > _SAME * found.abs().max():
        raise ValueError(
            "its module gives an image other features beside others than alone: it mixes the images of a "
            "batch, as batch normalisation without running statistics does, or draws at random"
        )


def build(architecture: Architecture, shape: Shape, n_classes: int, seed: int) -> nn.Sequential:
    """Build a network with PyTorch's default starts, drawn from a seed.

    Parameters
    ----------
    architecture : {'linear', 'dense', 'simple', 'complex'}
        One affine map; 128 ReLU units and one affine map; two times 3 × 3 convolution of 32 filters, 2 × 2
        maximum, ReLU, and one affine map; three times convolution, ReLU, maximum, and one affine map.
        Convolutions pad by 1.
    shape : tuple of int
        Channels, height and width of the original images.
    n_classes : int
        Number of outputs.
    seed : int
        Of the starts; the global generators are left as they are.

    Returns
    -------
    Sequential
        Begins with a :class:`FixedMap`. Maps images of shape (n_images, n_channels, height, width) to outputs
        of shape (n_images, n_classes). The layers after the first one are a network of images of shape
        (3, 32, 32): ``network[1:]``.

    Raises
    ------
    ValueError
        If there is no such architecture, or images have neither 1 nor 3 channels.

    Examples
    --------
    >>> network = build("simple", shape=(1, 28, 28), n_classes=10, seed=0)
    >>> sum(weights.numel() for weights in network.parameters())
    30634
    """
    if architecture not in get_args(Architecture):
        allowed = ", ".join(get_args(Architecture))
        raise ValueError(f"unknown architecture {architecture!r}; allowed are {allowed}")
    fixed = FixedMap(shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = _layers(architecture, n_classes)
    return nn.Sequential(fixed, *layers)


def _layers(architecture: Architecture, n_classes: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    channels, side = _COLOURS, _SIDE
    for _ in range(_CONVOLUTION[architecture]):
        after = [nn.ReLU(), nn.MaxPool2d(2)]
        layers += [nn.Conv2d(channels, _FILTERS, 3, padding=1)]
        layers += after if architecture == "complex" else after[::-1]
        channels, side = _FILTERS, side // 2
    size = channels * side**2
    layers.append(nn.Flatten())
    if architecture == "dense":
        layers += [nn.Linear(size, _UNITS), nn.ReLU()]
        size = _UNITS
    return [*layers, nn.Linear(size, n_classes)]


def build_pretrained(
    factory: str,
    shape: Shape,
    n_classes: int,
    seed: int,
    *,
    side: int,
    weights: str | Path | None = None,
    module_seed: int = 0,
) -> Pretrained:
    """Build a network whose last linear layer alone is to be trained.

    Parameters
    ----------
    factory : str
        What gives the module, as ``"torchvision.models:resnet18"``: a callable that takes images of shape
        (n_images, 3, side, side). Its last ``nn.Linear`` in the order of its modules is replaced.
    shape : tuple of int
        Channels, height and width of the original images.
    n_classes : int
        Number of outputs.
    seed : int
        Of the new layer's start.
    side : int
        Height and width that the module takes: 224, and for Inception 299.
    weights : str or Path, optional
        A file of the module's weights, as ``torch.save(module.state_dict())`` writes it; or a name that the
        factory takes as its argument `weights`, as ``"IMAGENET1K_V1"``; without, those it starts with.
    module_seed : int
        Of the module's starts, where it draws any.

    Returns
    -------
    Pretrained

    Raises
    ------
    ImportError
        If the factory cannot be imported.
    ValueError
        If the factory gives no module, the module has no linear layer, or the weights do not fit.
    """
    file = expanded(weights) if weights is not None and expanded(weights).is_file() else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(module_seed)
        module = _module(factory, {} if file or weights is None else {"weights": str(weights)})
        last = _last_linear(factory, module, file)
        torch.manual_seed(seed)
        new = nn.Linear(last.in_features, n_classes)
    return Pretrained(FixedMap(shape, side), module, new)


def _module(factory: str, arguments: dict[str, str]) -> nn.Module:
    path, colon, name = factory.partition(":")
    if not colon:
        raise ValueError(f"a factory is given as module:name, got {factory!r}")
    try:
        make: Callable[..., object] = getattr(importlib.import_module(path), name)
    except (ImportError, AttributeError) as error:
        where = (
            "torchvision comes with pip install 'relusweep[vision]'"
            if path.partition(".")[0] == "torchvision"
            else f"modules are looked for in {Path.cwd()} and among installed packages"
        )
        raise ImportError(f"cannot import {factory} ({error}); {where}") from error
    module = make(**arguments)
    if not isinstance(module, nn.Module):
        raise ValueError(f"{factory} gives a {type(module).__name__}; allowed is a torch.nn.Module")
    return module


def _last_linear(factory: str, module: nn.Module, file: Path | None) -> nn.Linear:
    """Load the weights, and put the identity in the place of the last linear layer."""
    if file is not None:
        try:
            module.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
        except (RuntimeError, pickle.UnpicklingError) as error:
            raise ValueError(f"{file} does not hold the weights of {factory}: {error}") from error
    linear = [(name, part) for name, part in module.named_modules() if isinstance(part, nn.Linear)]
    if not linear or not linear[-1][0]:
        raise ValueError(f"the module of {factory} has no linear layer within it to replace")
    name, last = linear[-1]
    module.set_submodule(name, nn.Identity())
    return last
