"""The sweeps over networks of images."""

from relusweep.pipeline.sweeps.images.specification import ImageSpecification
from relusweep.pipeline.sweeps.images.summary import Summary
from relusweep.tasks.images.protocol import ImageSgd

__all__ = ["IMAGES"]

IMAGES = (
    Summary(ImageSpecification(name="images")),
    Summary(
        ImageSpecification(
            name="prune_images",
            stages=("pruning_similarity",),
            networks=tuple(f"complex-sgd-{instance}" for instance in range(5)),
            epochs=30,
            batch=40,
            sgd=ImageSgd(learning_rate=0.001, momentum=0.9, weight_decay=1e-4),
        )
    ),
)
