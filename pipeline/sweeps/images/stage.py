"""What all stages of a sweep over networks of images share: one specification, and where its results lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.sweeps.base import Coordinate, Sweep
from relusweep.pipeline.sweeps.images.reader import StoreReader
from relusweep.pipeline.sweeps.images.specification import ImageSpecification
from relusweep.tasks.images.datasets import ImageSet
from relusweep.tasks.images.networks import NetworkName
from relusweep.tasks.jacobians.maps import LinearMaps

__all__ = ["PAIR", "TRAINING_FIELDS", "ImageStage"]

TRAINING_FIELDS = frozenset(
    {"name", "dataset", "path", "download", "pretrained", "networks", "seed", "epochs", "batch"}
    | {"sgd", "adamw", "device"}
)

PAIR = ("network_from", "network_to")
"""Dimensions of what is of two networks."""


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
    """

    kind: ClassVar[str] = "images"
    stage: ClassVar[str]
    fields: ClassVar[frozenset[str]]

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
    def set_name(self) -> str:
        """What its groups lie under."""
        return self.spec.dataset if self.name == "images" else self.name

    @property
    def report_group(self) -> str:
        """The tree of all stages."""
        return f"images/{self.set_name}"

    @property
    def group(self) -> str:
        """Where its results live in the store."""
        return f"{self.report_group}/{self.stage}"

    @property
    def title(self) -> str:
        """What its group is, in words."""
        return f"Networks of {self.set_name} images: {self.stage.replace('_', ' ')}"

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Say how images lie in what is flat: channels, height, width."""
        return {"image_shape": list(self.data.shape)}

    def identity(self) -> dict[str, Any]:
        """Give the fields that decide its numbers, and the data by their digest, wherever they lie."""
        fields = self.fields.difference(self.growable_fields, ("path", "download"))
        dumped = self.spec.model_dump(mode="json", include=set(fields))
        return {"stage": self.stage, "data": self.data.data_hash, **dumped}

    @property
    def data(self) -> ImageSet:
        """The images."""
        return self.spec.image_networks.data

    @property
    def maps(self) -> LinearMaps:
        """The linear maps of its networks."""
        return self.spec.maps

    @property
    def networks(self) -> NDArray[Any]:
        """Labels of the networks, as an axis."""
        return np.array(self.spec.networks, object)

    def reader(self, store: str) -> StoreReader:
        """Read what the other stages have left."""
        return StoreReader(store, self.report_group)

    def of_networks(self, dim: str = "network", suffix: str = "") -> Mapping[str, Coordinate]:
        """Name the networks along a dimension, and say what they are."""
        names = [NetworkName.parse(label) for label in self.spec.networks]
        architecture, optimizer, instance = (list(column) for column in zip(*names, strict=True))
        return {
            dim: (dim, self.networks, {"long_name": "network"}),
            f"architecture{suffix}": (dim, np.array(architecture, object), {"long_name": "architecture"}),
            f"optimizer{suffix}": (dim, np.array(optimizer, object), {"long_name": "optimiser"}),
            f"instance{suffix}": (dim, np.array(instance), {"long_name": "number of the instance"}),
        }

    @property
    def of_pairs(self) -> Mapping[str, Coordinate]:
        """Say what the networks of a pair are."""
        return {**self.of_networks(PAIR[0], "_from"), **self.of_networks(PAIR[1], "_to")}

    @property
    def of_outputs(self) -> Mapping[str, Coordinate]:
        """Number the outputs, and name their classes."""
        classes = np.array(self.data.classes, object)
        return {
            "output": ("output", np.arange(len(classes)), {"long_name": "output of a network"}),
            "class": ("output", classes, {"long_name": "class of the images"}),
        }

    @property
    def of_test_images(self) -> Mapping[str, Coordinate]:
        """Number the test images, and say of which class they are."""
        labels = self.data.labels("test")
        return {
            "test_sample": ("test_sample", np.arange(len(labels)), {"long_name": "test image"}),
            "label": ("test_sample", labels, {"long_name": "output of its class"}),
        }
