"""What a user writes of a sweep over networks of images: the fields of all its stages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo, field_validator

from relusweep._yaml import Real, Truth, Whole, number
from relusweep.pipeline.sweeps.base import Specification
from relusweep.pipeline.sweeps.fields import Seed, Sizes
from relusweep.tasks.axes import listed
from relusweep.tasks.comparison.distances import Unit
from relusweep.tasks.images.datasets import Part
from relusweep.tasks.images.networks import ImageNetworks, ImageSource, NetworkName, PretrainedModel
from relusweep.tasks.images.protocol import AdamW, ImageProtocol, ImageSgd
from relusweep.tasks.jacobians.maps import LinearMaps
from relusweep.tasks.sections.planes import NEAREST
from relusweep.tasks.sections.settings import SectionMethod, SectionSettings, Window

__all__ = ["SOURCE_CLUSTERS", "ImageSpecification", "StageName"]

_BUNDLED = "digits"
_OWN = ("linear", "dense", "simple", "complex")
_OPTIMIZERS = ("sgd", "adamw")

StageName = Literal[
    "training",
    "jacobians",
    "clusters",
    "compression",
    "sensitivity",
    "sums",
    "affine",
    "distance",
    "cka",
    "cross_entropy",
    "activations",
    "pruning",
    "pruning_similarity",
    "sections",
    "summary",
]

SOURCE_CLUSTERS = (1, 2, 5, 10, 20, 50, 100, 200, 500)


def _source_networks() -> tuple[str, ...]:
    """Name the networks of the source: two of each architecture and optimiser, but of linear ones one."""
    return tuple(
        f"{architecture}-{optimizer}-{instance}"
        for architecture in _OWN
        for optimizer, instance in product(_OPTIMIZERS, range(1 if architecture == "linear" else 2))
    )


def _precision(value: object) -> str | int:
    if value in ("float32", "float16"):
        return str(value)
    with suppress(ValueError):
        bits = number(value)
        if isinstance(bits, int | float) and bits in range(1, 23):
            return int(bits)
    raise ValueError("allowed are float32, float16, and 1 to 22 bits of the mantissa")


class ImageSpecification(Specification):
    """Networks of images, how they are trained, and what is asked of their linear maps.

    Networks and numbers of clusters may be added later without touching what is done; a change of another
    field makes other results of the stages that it decides.

    Attributes
    ----------
    name : str
        Its results live in ``images/<name>/``; where it is ``images``, in ``images/<dataset>/``.
    dataset : str
        ``digits``, which are bundled, or the name of a known data set, or with a path what to call one's own.
    path : str, optional
        A folder with the data: IDX files, CIFAR-10's binary files, or ``train`` and ``test`` with a folder
        for each class.
    download : bool
        Whether a known data set may be fetched.
    samples : int, optional
        At most so many training images, and as many test images, drawn of all; by default all. See
        `relusweep.tasks.images.datasets.ImageSet.limited`.
    stages : tuple of str
        What is run, with all that it needs; ``summary``, the default, needs all others but ``activations``,
        ``sections``, ``pruning`` and ``pruning_similarity``. Other stages chosen later find what is there.
    networks : tuple of str
        Labels ``architecture-optimizer-instance``; the architecture is one of our own (linear, dense, simple,
        complex) or a key of `pretrained`.
    pretrained : dict of PretrainedModel
        By the name that stands in the labels.
    seed : int
        Root of all random streams.
    epochs : int
        Passes over the training images.
    batch : int
        Images of an update.
    sgd, adamw
        Settings of the two optimisers.
    device : str
        Where networks are trained: ``cpu``, ``cuda``. Results differ in their last bits.
    input : {'original', 'scaled'}
        What gradients are taken in: the image as it is, or scaled to three channels of 32 × 32.
    form : {'rows', 'patterns'}
        What is stored: the rows of coefficients, or the activation patterns of which they are computed again
        on reading. Patterns need a network with a closed form, and float32.
    precision : {'float32', 'float16'} or int
        Of stored rows: a type, or how many bits of float32's mantissa are kept (1 to 22) and compressed.
    clusters : tuple of int
        Every k of k-means. Of the source's, which are the default, those are left out that are more than the
        training images.
    centres : bool
        Whether the centres of the clusters are stored: beside rows little, beside patterns much.
    n_init : int
        How often k-means begins anew for each k; mini-batches begin once.
    max_iterations : int
        At most how often centres are moved after each start; mini-batches take their own number.
    rows_in_memory : int
        Most bytes, as float32, that the training rows of one output may fill to be clustered at once; a
        worker takes up to four times that. More rows are clustered in mini-batches, a chunk at a time.
    cutoff : float, optional
        Least strength of a direction of the training rows that the affine map keeps, as a share of the
        largest; by default it is rounding: see `relusweep.tasks.comparison.affine.row_space`.
    replicates : int
        Halves of the test images that give the intervals of CKA; none by default.
    distance_unit : {'largest', 'largest_size'}
        What coefficients are divided by before distances: the largest one of the network, as in the source,
        or the size of that which is farthest from 0.
    sensitivity_part : {'test', 'train'}
        The images whose gradients say how sensitive outputs are; in the source those of the test set.
    components : int
        Leading directions of sensitivity to keep, at most as many as an image has numbers.
    prune_steps : int
        At most so often something is removed from a network, by each of two methods.
    prune_threshold : float
        Share of the test images: pruning ends with the first network that classifies fewer right.
    prune_share : float
        Of the weights that are left, those that magnitude pruning removes at each step.
    prune_scored : int
        At most so many training images, always the same, on which structural pruning computes the loss
        without each channel.
    prune_every : int
        Pruned networks are compared with their originals at each step that this divides, and at the end.
    prune_compared : int
        At most so many training and test images at which they are compared.
    planes : tuple of str
        Planes through three images in which the stage ``sections`` looks at networks: ``nearest``, or numbers
        of three images as ``3-17-200``. See `relusweep.tasks.sections.planes`.
    section_window : {'triangle', 'box', 'square'}
        Where in a plane: the triangle of the images, the least rectangle around it, or a square about the
        first image.
    section_method : {'exact', 'grid'}
        Whether polygons are found there, or regions are counted on a grid alone.
    section_limit : int
        Most polygons of a network; where there are more, a part of the window is looked at.
    section_grid : int
        Points of the grid along each axis.
    section_tolerance : float
        How far coefficients of one region may differ on the grid, as a share of the largest.
    """

    growable_fields: ClassVar[tuple[str, ...]] = (
        "networks",
        "pretrained",
        "clusters",
        "prune_steps",
        "planes",
    )
    instead: ClassVar[Mapping[str, str]] = {
        "optimizer": "labels of networks name it, as networks=dense-sgd-0,dense-adamw-0; its settings are "
        "sgd.learning_rate, adamw.learning_rate and the like",
        "trials": "labels of networks count them, as networks=dense-sgd-0,dense-sgd-1",
    }

    dataset: Annotated[
        str, Field(pattern=r"^[A-Za-z][\w-]*$", description="letters, digits, _ and -, a letter first")
    ] = _BUNDLED
    path: Annotated[str | None, Field(description="a folder, or none")] = None
    download: Truth = False
    samples: Annotated[Whole | None, Field(ge=1, description="a whole number of at least 1, or none")] = None
    stages: Annotated[tuple[StageName, ...], BeforeValidator(listed), Field(min_length=1)] = ("summary",)
    pretrained: dict[str, PretrainedModel] = Field(default={}, description="models by name")
    networks: Annotated[
        tuple[str, ...],
        BeforeValidator(listed),
        Field(min_length=1, description="labels, as linear-sgd-0,dense-adamw-1"),
    ] = _source_networks()
    seed: Seed = 0
    epochs: Annotated[Whole, Field(ge=1, le=10_000, description="1 to 10 000")] = 15
    batch: Annotated[Whole, Field(ge=1, le=1_000_000, description="1 to 1 000 000")] = 32
    sgd: ImageSgd = ImageSgd()
    adamw: AdamW = AdamW()
    device: Annotated[str, Field(pattern=r"^(cpu|cuda(:\d+)?)$", description="cpu or cuda")] = "cpu"
    input: Literal["original", "scaled"] = "original"
    form: Literal["rows", "patterns"] = "rows"
    precision: Annotated[Literal["float32", "float16"] | int, PlainValidator(_precision)] = "float32"
    clusters: Sizes = SOURCE_CLUSTERS
    centres: Truth = False
    n_init: Annotated[Whole, Field(ge=1, description="a whole number of at least 1")] = 1
    max_iterations: Annotated[Whole, Field(ge=1, description="a whole number of at least 1")] = 300
    rows_in_memory: Annotated[Whole, Field(ge=0, description="bytes")] = 2**30
    cutoff: Annotated[
        Annotated[Real, Field(gt=0, lt=1)] | None, Field(description="a number between 0 and 1, or none")
    ] = None
    replicates: Annotated[Whole, Field(ge=0, le=100_000, description="0 to 100 000")] = 0
    distance_unit: Unit = "largest"
    sensitivity_part: Part = "test"
    components: Annotated[Whole, Field(ge=1, description="a whole number of at least 1")] = 16
    prune_steps: Annotated[Whole, Field(ge=1, le=10_000, description="1 to 10 000")] = 100
    prune_threshold: Annotated[Real, Field(ge=0, lt=1, description="a number from 0, below 1")] = 0.9
    prune_share: Annotated[Real, Field(gt=0, lt=1, description="a number between 0 and 1")] = 0.1
    prune_scored: Annotated[Whole, Field(ge=1, description="a whole number of at least 1")] = 1000
    prune_every: Annotated[Whole, Field(ge=1, description="a whole number of at least 1")] = 3
    prune_compared: Annotated[Whole, Field(ge=2, description="a whole number of at least 2")] = 1000
    planes: Annotated[
        tuple[Annotated[str, Field(pattern=rf"^({NEAREST}|\d+-\d+-\d+)$")], ...],
        BeforeValidator(listed),
        Field(min_length=1, description="nearest, or numbers of three images as 3-17-200"),
    ] = (NEAREST,)
    section_window: Window = "triangle"
    section_method: SectionMethod = "exact"
    section_limit: Annotated[Whole, Field(ge=1, le=1_000_000, description="1 to 1 000 000")] = 5_000
    section_grid: Annotated[Whole, Field(ge=2, le=10_000, description="2 to 10 000")] = 100
    section_tolerance: Annotated[Real, Field(ge=0, lt=1, description="at least 0, below 1")] = 1e-5

    @field_validator("path")
    @classmethod
    def _has_a_name(cls, path: str | None, info: ValidationInfo) -> str | None:
        if path is not None and info.data.get("dataset") == _BUNDLED:
            folder = Path(path).name
            name = folder if re.fullmatch(r"[A-Za-z][\w-]*", folder) and folder != _BUNDLED else "mine"
            raise ValueError(
                f"say what these images are called, as dataset={name}; {_BUNDLED} are the bundled ones"
            )
        return path

    @field_validator("pretrained")
    @classmethod
    def _are_others(cls, models: dict[str, PretrainedModel]) -> dict[str, PretrainedModel]:
        if taken := set(_OWN) & set(models):
            raise ValueError(
                f"{', '.join(sorted(taken))} is one of our own architectures; choose other names"
            )
        if models:
            from relusweep.cluster.environment import import_from

            import_from(str(Path.cwd()))  # where a factory may be
        return models

    @field_validator("networks")
    @classmethod
    def _are_networks(cls, labels: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        known = (*_OWN, *info.data.get("pretrained", ()))
        names = [NetworkName.parse(label) for label in labels]
        for name in names:
            if name.architecture not in known:
                raise ValueError(f"'{name}' is of no known architecture; known are {', '.join(known)}")
        return tuple(dict.fromkeys(map(str, names)))  # each once, in order: the axis grows at its end

    @field_validator("planes")
    @classmethod
    def _once(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(labels))  # in order: the axis grows at its end

    @property
    def image_networks(self) -> ImageNetworks:
        """How its networks are built."""
        source = ImageSource(self.dataset, self.path, self.download, self.samples)
        return ImageNetworks(source, self.seed, tuple(self.pretrained.items()))

    @property
    def maps(self) -> LinearMaps:
        """Their linear maps."""
        return LinearMaps(self.image_networks, self.input, self.form)

    @property
    def most_parameters(self) -> int:
        """Parameters of the largest network."""
        return max(map(self.image_networks.n_parameters, self.networks))

    @property
    def models(self) -> tuple[str, ...]:
        """Pretrained models that its networks are of."""
        used = {NetworkName.parse(label).architecture for label in self.networks}
        return tuple(name for name in self.pretrained if name in used)

    @property
    def most_features(self) -> int:
        """Features of the model that has most."""
        return max(map(self.image_networks.n_features, self.models))

    @property
    def most_layers(self) -> int:
        """Hidden layers of the network that has most."""
        return max(map(self.image_networks.n_layers, self.networks))

    @property
    def most_pattern_bytes(self) -> int:
        """Bytes of the longest activation pattern."""
        maps, networks = self.maps, self.image_networks
        return max(maps.closed_form(label, networks.build(label)).pattern_bytes for label in self.networks)

    @property
    def sections(self) -> SectionSettings:
        """What is asked of networks in planes."""
        return SectionSettings(
            self.section_window,
            self.section_method,
            self.section_limit,
            self.section_grid,
            self.section_tolerance,
        )

    @property
    def n_components(self) -> int:
        """Directions of sensitivity that are kept."""
        return min(self.components, self.maps.n_columns - 1)

    def protocol(self, label: str, epochs: int) -> ImageProtocol:
        """Give the protocol of so many epochs of a network's training."""
        optimizer = self.sgd if NetworkName.parse(label).optimizer == "sgd" else self.adamw
        return ImageProtocol(optimizer=optimizer, batch=self.batch, epochs=epochs)
