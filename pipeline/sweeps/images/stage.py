"""What all stages of a sweep over networks of images share: one specification, and where its results lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, ClassVar, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relusweep.pipeline.sweeps.base import Coordinate, Sweep
from relusweep.pipeline.sweeps.blocks import Block
from relusweep.pipeline.sweeps.images.reader import StoreReader
from relusweep.pipeline.sweeps.images.specification import ImageSpecification
from relusweep.tasks.images.datasets import ImageSet
from relusweep.tasks.images.networks import NetworkName
from relusweep.tasks.images.protocol import PruneMethod
from relusweep.tasks.jacobians.maps import LinearMaps
from relusweep.tasks.outcomes import REFERENCES
from relusweep.tasks.sections.settings import QUANTILES

__all__ = ["FEATURE_FIELDS", "PAIR", "TRAINING_FIELDS", "ImageStage", "cost_of"]

FEATURE_FIELDS = frozenset(
    {"name", "dataset", "path", "download", "samples", "pretrained", "networks", "seed", "device"}
)
TRAINING_FIELDS = FEATURE_FIELDS | {"epochs", "batch", "sgd", "adamw"}

_ELSEWHERE = ("path", "download", "stages")  # what decides no numbers
_WHERE_GIVEN = ("samples", "centres")  # what does where it is not left out

PAIR = ("network_from", "network_to")
"""Dimensions of what is of two networks."""

_PRETRAINED_COST = 1000.0

_PARTS = {"architecture": "architecture", "optimizer": "optimiser", "instance": "number of the instance"}


def _clusters(spec: ImageSpecification) -> list[int]:
    """Give the numbers of clusters as far as there are training images."""
    return [k for k in spec.clusters if k <= spec.maps.n_train]


# What the labels of a dimension are, in words, and how they follow from the specification.
_DIMENSIONS: Mapping[str, tuple[str, Callable[[ImageSpecification], ArrayLike]]] = {
    **dict.fromkeys(("network", *PAIR), ("network", lambda spec: np.array(spec.networks, object))),
    "epoch": ("passes over the training images", lambda spec: range(1, spec.epochs + 1)),
    "moment": ("moment", lambda spec: np.array(["first", "second"], object)),
    "parameter": ("place in the row", lambda spec: range(spec.most_parameters)),
    "model": ("pretrained model", lambda spec: np.array(spec.models, object)),
    "feature": ("number of the feature", lambda spec: range(spec.most_features)),
    "sample": ("image, those of training first", lambda spec: range(spec.maps.n_samples)),
    "test_sample": ("test image", lambda spec: range(spec.maps.n_test)),
    "output": ("output of a network", lambda spec: range(spec.maps.n_outputs)),
    "byte": ("byte of a pattern", lambda spec: range(spec.most_pattern_bytes)),
    "input": ("place in the flattened input", lambda spec: range(spec.maps.n_columns - 1)),
    "coefficient": (
        "place in the flattened input; the last is the offset",
        lambda spec: range(spec.maps.n_columns),
    ),
    "clusters": ("clusters of each output", lambda spec: np.array(_clusters(spec), int)),
    "cluster": ("number of the cluster", lambda spec: range(max(_clusters(spec)))),
    **dict.fromkeys(
        ("layer_from", "layer_to"), ("hidden layer", lambda spec: range(1, spec.most_layers + 1))
    ),
    "layer": ("hidden layer", lambda spec: range(1, spec.most_layers + 1)),
    "pruning": ("what is removed at each step", lambda spec: np.array(get_args(PruneMethod), object)),
    "step": ("steps of pruning", lambda spec: range(spec.prune_steps + 1)),
    "reference": ("what a pruned network is compared with", lambda spec: np.array(REFERENCES, object)),
    "component": ("direction, the strongest first", lambda spec: range(spec.n_components)),
    "plane": (
        "plane through three images: the nearest, or their numbers",
        lambda spec: np.array(spec.planes, object),
    ),
    "vertex": ("image of the plane", lambda spec: np.array(["A", "B", "C"], object)),
    "side": ("side of the triangle", lambda spec: np.array(["AB", "BC", "CA"], object)),
    "coordinate": ("axis of the plane", lambda spec: np.array(["x", "y"], object)),
    "pixel": ("place in the flattened image", lambda spec: range(prod(spec.image_networks.data.shape))),
    "corner": ("corner of a polygon, polygon after polygon", lambda spec: range(spec.sections.n_corners)),
    "quantile": ("share of the regions that are smaller", lambda spec: QUANTILES),
    "replicate": ("number of a half of the test images", lambda spec: range(spec.replicates)),
}


@dataclass(frozen=True)
class ImageStage(Sweep):
    """A stage of a sweep over networks of images.

    Attributes
    ----------
    spec : ImageSpecification
        That of all stages.
    stage : str
        Its name.
    fields : frozenset of str
        Those of the specification that decide its numbers, or how far its axes reach.
    dims : tuple of str
        Names of its axes.
    """

    kind: ClassVar[str] = "images"
    stage: ClassVar[str]
    fields: ClassVar[frozenset[str]]
    dims: ClassVar[tuple[str, ...]]
    dim_attrs: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        dim: {"long_name": words} for dim, (words, _) in _DIMENSIONS.items()
    }

    spec: ImageSpecification

    def with_spec(self, spec: ImageSpecification) -> Self:
        """Give the same stage of another sweep."""
        return type(self)(spec)

    @property
    def name(self) -> str:
        """Name of the sweep."""
        return self.spec.name

    @property
    def growable_fields(self) -> tuple[str, ...]:
        """Of its fields those that say how far its axes reach."""
        return tuple(name for name in self.spec.growable_fields if name in self.fields)

    @property
    def report_group(self) -> str:
        """The tree of all stages."""
        return f"images/{self.spec.dataset if self.name == 'images' else self.name}"

    @property
    def group(self) -> str:
        """Where its results live in the store."""
        return f"{self.report_group}/{self.stage}"

    @property
    def title(self) -> str:
        """What its group is, in words."""
        return f"Networks of {self.spec.dataset} images: {self.stage.replace('_', ' ')}"

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Say how images lie in what is flat: channels, height, width."""
        return {"image_shape": list(self.data.shape)}

    @property
    def result_schema(self) -> int:
        """Two since 30 November 2026: maps at kinks, networks that diverged."""
        return 2

    def identity(self) -> dict[str, Any]:
        """Give the fields that decide its numbers, and the data by their digest, wherever they lie."""
        fields = self.fields.difference(self.growable_fields, _ELSEWHERE)
        dumped = self.spec.model_dump(mode="json", include=set(fields))
        said = {name: value for name, value in dumped.items() if value or name not in _WHERE_GIVEN}
        return {"stage": self.stage, "data": self.data.data_hash, **said}

    @property
    def names_code(self) -> bool:
        """Whether networks come from a factory."""
        return bool(self.spec.pretrained)

    @property
    def data(self) -> ImageSet:
        """The images."""
        return self.spec.image_networks.data

    @property
    def maps(self) -> LinearMaps:
        """The linear maps of its networks."""
        return self.spec.maps

    def reader(self, store: str) -> StoreReader:
        """Read what the other stages have left."""
        return StoreReader(store, self.report_group)

    @property
    def axes(self) -> Mapping[str, NDArray[Any]]:
        """Labels of its `dims`."""
        return {dim: np.asarray(_DIMENSIONS[dim][1](self.spec)) for dim in self.dims}

    @property
    def inner(self) -> Mapping[str, NDArray[Any]]:
        """Labels of the other dimensions of its variables."""
        dims = dict.fromkeys(dim for variable in self.variables.values() for dim in variable.dims)
        return {dim: np.asarray(_DIMENSIONS[dim][1](self.spec)) for dim in dims if dim not in self.dims}

    def coordinates(self, store: str) -> Mapping[str, Coordinate]:
        """Say of labels also what the names of networks mean, and of which class outputs and images are."""
        found = {**super().coordinates(store)}
        names = [NetworkName.parse(label) for label in self.spec.networks]
        for dim, (part, words) in product(("network", *PAIR), _PARTS.items()):
            if dim in found:
                values = np.array(
                    [getattr(name, part) for name in names], int if part == "instance" else object
                )
                found[part + dim.removeprefix("network")] = dim, values, {"long_name": words}
        if "output" in found:
            classes = np.array(self.data.classes, object)
            found["class"] = "output", classes, {"long_name": "class of the images"}
        if found.keys() >= {"network", "test_sample"}:  # what is of pairs of networks goes without
            found["label"] = "test_sample", self.data.labels("test"), {"long_name": "output of its class"}
        return found


def cost_of(block: Block, milliseconds: Mapping[str, float]) -> float:
    """Estimate the cost of a block from that of a cell of each architecture; a pretrained one costs most."""
    (label,) = block["network"]
    return block.cells * milliseconds.get(NetworkName.parse(label).architecture, _PRETRAINED_COST)
