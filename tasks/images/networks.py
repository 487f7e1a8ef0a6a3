"""Networks of images by label: how each is built, and which streams it draws from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b, file_digest
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from relusweep._yaml import Whole
from relusweep.tasks.images.datasets import ImageSet, load_images
from relusweep.tasks.images.reader import Reader
from relusweep.tasks.paths import expanded
from relusweep.tasks.streams import Stream

if TYPE_CHECKING:
    from torch import nn

__all__ = ["ImageNetworks", "ImageSource", "NetworkName", "PretrainedModel"]


class NetworkName(NamedTuple):
    """What the label of a network says.

    Attributes
    ----------
    architecture : str
        One of our own, or the name of a pretrained one.
    optimizer : {'sgd', 'adamw'}
    instance : int
        Networks that differ in this alone have other initial parameters and orders.
    """

    architecture: str
    optimizer: Literal["sgd", "adamw"]
    instance: int

    @classmethod
    def parse(cls, label: str) -> NetworkName:
        """Read ``architecture-optimizer-instance``; `ValueError` if it is none."""
        match label.rsplit("-", 2):
            case [str(architecture), "sgd" | "adamw" as optimizer, str(instance)] if instance.isdecimal():
                return cls(architecture, optimizer, int(instance))
        raise ValueError(f"{label!r} is no architecture-optimizer-instance, as dense-sgd-0")

    def __str__(self) -> str:
        return "-".join(map(str, self))


class PretrainedModel(BaseModel):
    """A module whose last linear layer alone is trained; see `tasks.images.architectures.build_pretrained`.

    Attributes
    ----------
    factory : str
        What gives the module, as ``torchvision.models:resnet18``; the working folder is searched too.
    side : int
        Height and width of the images that it takes.
    weights : str, optional
        A file of its weights, or a name that the factory knows.
    digest : str, optional
        Of what the file holds: other weights in the same place are another model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    factory: Annotated[str, Field(pattern=r"^[\w.]+:\w+$", description="an import path, as module:name")]
    side: Annotated[Whole, Field(ge=1)] = 224
    weights: str | None = None
    digest: str | None = Field(default_factory=lambda fields: _digest(fields.get("weights")))


def _digest(weights: str | None) -> str | None:
    if weights is None or not (path := expanded(weights)).is_file():
        return None
    with path.open("rb") as file:
        return file_digest(file, lambda: blake2b(digest_size=8)).hexdigest()


class ImageSource(NamedTuple):
    """Where images come from; see `relusweep.tasks.images.datasets.load_images`."""

    dataset: str = "digits"
    path: str | None = None
    download: bool = False
    samples: int | None = None

    def load(self) -> ImageSet:
        """Give the images, read once a process."""
        return _loaded(self)


@lru_cache(maxsize=2)
def _loaded(source: ImageSource) -> ImageSet:
    images = load_images(source.dataset, source.path, download=source.download)
    return images if source.samples is None else images.limited(source.samples)


@dataclass(frozen=True)
class ImageNetworks:
    """Networks of images, by labels ``architecture-optimizer-instance``.

    Attributes
    ----------
    source : ImageSource
        Of the images.
    seed : int
        Root of all random streams.
    pretrained : tuple of (str, PretrainedModel)
        Architectures that are not our own, by name.
    """

    source: ImageSource
    seed: int = 0
    pretrained: tuple[tuple[str, PretrainedModel], ...] = ()

    @property
    def data(self) -> ImageSet:
        """The images."""
        return self.source.load()

    def build(self, label: str) -> nn.Module:
        """Build a network with its initial parameters."""
        from relusweep.tasks.images.architectures import build, build_pretrained

        name = NetworkName.parse(label)
        (seed,) = Stream(("images", "starts", self.seed, *name)).words(range(1), 1)[0].tolist()
        n_classes = len(self.data.classes)
        if model := dict(self.pretrained).get(name.architecture):
            starts = Stream(("images", "extractors", self.seed, name.architecture)).words(range(1), 1)
            return build_pretrained(
                model.factory,
                self.data.shape,
                n_classes,
                seed,
                side=model.side,
                weights=model.weights,
                module_seed=int(starts[0, 0]),
            )
        return build(name.architecture, self.data.shape, n_classes, seed)  # type: ignore[arg-type]  # or it raises

    def n_features(self, model: str) -> int:
        """Count what the last layer of a pretrained network takes."""
        return _n_features(self, model)

    def trained(self, label: str, reader: Reader) -> nn.Module:
        """Build a network with the parameters that it has after its training."""
        from relusweep.tasks.images.parameters import load_row

        network = self.build(label)
        load_row(network, reader.read("training", "parameters", network=label))
        return network

    def n_parameters(self, label: str) -> int:
        """Count the parameters that training changes in a network."""
        return _n_parameters(self, label)

    def n_layers(self, label: str) -> int:
        """Count the hidden layers of a network."""
        return _n_layers(self, label)

    def check(self, label: str) -> None:
        """Build a network; raise what may be wrong with a pretrained one, which may be anything."""
        _check(self, label)

    def orders(self, label: str, step: int = 0) -> Stream:
        """Name the stream of the orders in which a network sees the images, also after a step of pruning."""
        pruning = ("pruning", step) if step else ()
        return Stream(("images", "orders", self.seed, *NetworkName.parse(label), *pruning))


@lru_cache
def _check(networks: ImageNetworks, label: str) -> None:
    from relusweep.tasks.images.architectures import Pretrained, check_features

    network = networks.build(label)
    if isinstance(network, Pretrained):
        check_features(network)


@lru_cache
def _n_features(networks: ImageNetworks, model: str) -> int:
    return int(networks.build(f"{model}-sgd-0").last.in_features)  # type: ignore[union-attr,arg-type]


@lru_cache
def _n_layers(networks: ImageNetworks, label: str) -> int:
    from relusweep.tasks.images.activations import hidden_layers

    return len(hidden_layers(networks.build(label)))


@lru_cache
def _n_parameters(networks: ImageNetworks, label: str) -> int:
    from relusweep.tasks.images.training import trained_parameters

    return sum(weights.numel() for weights in trained_parameters(networks.build(label)).values())
