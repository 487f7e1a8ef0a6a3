"""What all stages of a sweep over image networks share: the data, the networks and how they are trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from hashlib import blake2b, file_digest
from itertools import product
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeVar

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationInfo,
    field_validator,
)
from torch import nn

from relusweep.cluster.environment import import_from
from relusweep.pipeline.sweeps.base import Coordinate, Sweep
from relusweep.pipeline.sweeps.fields import Seed, listed
from relusweep.storage import Layout
from relusweep.tasks.images.architectures import Architecture, build, build_pretrained
from relusweep.tasks.images.datasets import ImageSet, load_images
from relusweep.tasks.images.protocol import AdamW, ImageProtocol, ImageSgd
from relusweep.tasks.streams import Stream

__all__ = ["ImageStage", "NetworkName", "PretrainedModel", "image_set"]

_OWN: tuple[Architecture, ...] = ("linear", "dense", "simple", "complex")
_OPTIMIZERS = ("sgd", "adamw")

S = TypeVar("S", bound="ImageStage")


class NetworkName(NamedTuple):
    """What the label of a network says.

    Attributes
    ----------
    architecture : str
        One of our own, or the name of a pretrained one.
    optimizer : {'sgd', 'adamw'}
    instance : int
        Networks that differ in this alone have other starts and orders.
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


def _source() -> tuple[str, ...]:
    """Name the networks of the source: two of each architecture and optimiser, but of linear ones one."""
    return tuple(
        f"{architecture}-{optimizer}-{instance}"
        for architecture in _OWN
        for optimizer, instance in product(_OPTIMIZERS, range(1 if architecture == "linear" else 2))
    )


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
    side: PositiveInt = 224
    weights: str | None = None
    digest: str | None = Field(default_factory=lambda fields: _digest(fields.get("weights")))

    @field_validator("factory")
    @classmethod
    def _may_be_in_the_working_folder(cls, factory: str) -> str:
        import_from(str(Path.cwd()))
        return factory


def _digest(weights: str | None) -> str | None:
    if weights is None or not (path := Path(weights).expanduser()).is_file():
        return None
    with path.open("rb") as file:
        return file_digest(file, lambda: blake2b(digest_size=8)).hexdigest()


@lru_cache(maxsize=2)
def image_set(dataset: str, path: str | None, download: bool) -> ImageSet:
    """`relusweep.tasks.images.datasets.load_images`, once a process."""
    return load_images(dataset, path, download=download)


class ImageStage(Sweep):
    """A stage of a sweep over networks of images. Each adds its own fields to those of the stages before it.

    Networks may be added later (`networks`, `pretrained`) without touching what is done; a change of another
    field makes other results.

    Attributes
    ----------
    name : str
        Its results live in ``images/<name>/``; where it is ``images``, in ``images/<dataset>/``.
    dataset : str
        ``digits``, or the name of a known data set, or with a path what to call one's own.
    path : str, optional
        A folder with the data: IDX files, CIFAR-10's binary files, or ``train`` and ``test`` with a folder
        for each class.
    download : bool
        Whether a known data set may be fetched.
    networks : tuple of str
        Labels ``architecture-optimizer-instance``; the architecture is one of our own (linear, dense, simple,
        complex) or a key of `pretrained`.
    pretrained : dict of PretrainedModel
        By the name that stands in the labels.
    seed : int
        Root of all random streams.
    epochs, batch : int
        Passes over the training images, and images of an update.
    sgd, adamw
        Settings of the two optimisers.
    device : str
        Where networks are trained: ``cpu``, ``cuda``. Results differ in their last bits.
    """

    kind: ClassVar[str] = "images"
    growable_fields: ClassVar[tuple[str, ...]] = ("networks", "pretrained")
    stage: ClassVar[str]
    divisible: ClassVar[bool] = False

    dataset: Annotated[str, Field(pattern=r"^[A-Za-z][\w-]*$", description="letters, digits, _ and -")] = (
        "digits"
    )
    path: str | None = None
    download: bool = False
    pretrained: dict[str, PretrainedModel] = Field(default={}, description="models by name")
    networks: Annotated[
        tuple[str, ...],
        BeforeValidator(listed),
        Field(min_length=1, description="labels, as linear-sgd-0,dense-adamw-1"),
    ] = _source()
    seed: Seed = 0
    epochs: Annotated[int, Field(ge=1, le=10_000, description="1 to 10 000")] = 15
    batch: Annotated[int, Field(ge=1, le=1_000_000, description="1 to 1 000 000")] = 32
    sgd: ImageSgd = ImageSgd()
    adamw: AdamW = AdamW()
    device: Annotated[str, Field(pattern=r"^(cpu|cuda(:\d+)?)$", description="cpu or cuda")] = "cpu"

    @field_validator("pretrained")
    @classmethod
    def _are_others(cls, models: dict[str, PretrainedModel]) -> dict[str, PretrainedModel]:
        if taken := set(_OWN) & set(models):
            raise ValueError(
                f"{', '.join(sorted(taken))} is one of our own architectures; choose other names"
            )
        return models

    @field_validator("networks")
    @classmethod
    def _are_networks(cls, labels: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        known = (*_OWN, *info.data.get("pretrained", ()))
        names = [NetworkName.parse(label) for label in labels]
        for name in names:
            if name.architecture not in known:
                raise ValueError(f"'{name}' is of no known architecture; known are {', '.join(known)}")
        return tuple(
            dict.fromkeys(map(str, names))
        )  # each once, in this order: an axis that grows at its end

    @property
    def set_name(self) -> str:
        """What its groups lie under."""
        return self.dataset if self.name == "images" else self.name

    @property
    def group(self) -> str:
        """Where its results live in the store."""
        return f"images/{self.set_name}/{self.stage}"

    @property
    def title(self) -> str:
        """What its group is, in words."""
        return f"Networks of {self.set_name} images: {self.stage.replace('_', ' ')}"

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return tuple(map(len, self.axes.values()))

    def identity(self) -> dict[str, Any]:
        """Everything that decides its numbers: the data by their digest, wherever they lie."""
        fields = self.model_dump(mode="json", exclude={*self.growable_fields, "path", "download"})
        return {"stage": self.stage, "data": self.data.data_hash, **fields}

    def layout(self, store: str) -> Layout:
        """Describe its group, and say how images lie in what is flat: channels, height, width."""
        layout = super().layout(store)
        return replace(layout, attrs={**layout.attrs, "image_shape": list(self.data.shape)})

    def at(self, stage: type[S]) -> S:
        """Give another stage of the same sweep, one whose fields this one has."""
        return stage.model_validate(self.model_dump(include=set(stage.model_fields)))

    @property
    def names_code(self) -> bool:
        """Whether networks come from a factory."""
        return bool(self.pretrained)

    @property
    def data(self) -> ImageSet:
        """The images."""
        return image_set(self.dataset, self.path, self.download)

    def network(self, label: str) -> nn.Module:
        """Build a network with its starts."""
        name = NetworkName.parse(label)
        (seed,) = Stream(("images", "starts", self.seed, *name)).words(range(1), 1)[0].tolist()
        n_classes = len(self.data.classes)
        if model := self.pretrained.get(name.architecture):
            return build_pretrained(
                model.factory, self.data.shape, n_classes, seed, side=model.side, weights=model.weights
            )
        return build(name.architecture, self.data.shape, n_classes, seed)  # type: ignore[arg-type]  # validated

    def orders(self, label: str) -> Stream:
        """Name the stream of the orders in which a network sees the images."""
        return Stream(("images", "orders", self.seed, *NetworkName.parse(label)))

    def protocol(self, label: str, epochs: int) -> ImageProtocol:
        """Give the protocol of so many epochs of a network's training."""
        optimizer = self.sgd if NetworkName.parse(label).optimizer == "sgd" else self.adamw
        return ImageProtocol(optimizer=optimizer, batch=self.batch, epochs=epochs)

    def of_networks(self, dim: str = "network", suffix: str = "") -> Mapping[str, Coordinate]:
        """Name the networks along a dimension, and say what they are."""
        names = [NetworkName.parse(label) for label in self.networks]
        architecture, optimizer, instance = (list(column) for column in zip(*names, strict=True))
        return {
            dim: (dim, np.array(self.networks, object), {"long_name": "network"}),
            f"architecture{suffix}": (dim, np.array(architecture, object), {"long_name": "architecture"}),
            f"optimizer{suffix}": (dim, np.array(optimizer, object), {"long_name": "optimiser"}),
            f"instance{suffix}": (dim, np.array(instance), {"long_name": "number of the instance"}),
        }

    @property
    def of_outputs(self) -> Mapping[str, Coordinate]:
        """Number the outputs, and name their classes."""
        classes = np.array(self.data.classes, object)
        return {
            "output": ("output", np.arange(len(classes)), {"long_name": "output of a network"}),
            "class": ("output", classes, {"long_name": "class of the images"}),
        }
