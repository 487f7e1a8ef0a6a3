"""The stage that computes what the last layers of pretrained networks are trained on, once for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from relusweep.pipeline.sweeps.blocks import Block, Schedule, Task
from relusweep.pipeline.sweeps.images.stage import FEATURE_FIELDS, ImageStage
from relusweep.pipeline.sweeps.variables import numbers
from relusweep.storage.layout import Variable

__all__ = ["Features"]

_IMAGES = 64  # of a block: some seconds of work


class Features(ImageStage):
    """Features of all images by each pretrained model, training images first and then test images."""

    stage: ClassVar[str] = "features"
    fields: ClassVar[frozenset[str]] = FEATURE_FIELDS
    unit: ClassVar[str] = "images"
    verb: ClassVar[str] = "look at"
    dims: ClassVar[tuple[str, ...]] = ("model", "sample")
    variables: ClassVar[Mapping[str, Variable]] = {
        "features": numbers(("model", "sample", "feature"), "float32", "what the last layer takes")
    }

    def task(self, block: Block, store: str) -> Task:
        """Give what computes the features of some images."""
        from relusweep.tasks.images.features import FeatureBlock, extract

        (model,), samples = block["model"], block["sample"]
        return extract, FeatureBlock(
            networks=self.spec.image_networks,
            model=model,
            samples=range(samples[0], samples[-1] + 1),
            n_features=self.spec.most_features,
            device=self.spec.device,
        )

    @property
    def schedule(self) -> Schedule:
        """Some images of one model, on a GPU where asked for."""
        return Schedule(
            block_shape={"model": 1, "sample": _IMAGES},
            divisible=False,
            resources={"GPU": 1.0} if self.spec.device.startswith("cuda") else {},
            independent_along=("model",),
        )
