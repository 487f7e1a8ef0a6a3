"""Image data sets, and the networks that are trained on them.

>>> import relusweep as rs
>>> digits = rs.images.load_images("digits")
>>> network = rs.images.build("dense", digits.shape, len(digits.classes), seed=0)
"""

from relusweep.pipeline.sweeps.images.opening import open_jacobians, open_pruned
from relusweep.tasks.images.architectures import Architecture, build, build_pretrained
from relusweep.tasks.images.channels import acting_channels, removal_losses, without_channels
from relusweep.tasks.images.datasets import ImageSet, load_images
from relusweep.tasks.images.protocol import AdamW, ImageProtocol, ImageSgd
from relusweep.tasks.images.training import outputs, train_images

__all__ = [
    "AdamW",
    "Architecture",
    "ImageProtocol",
    "ImageSet",
    "ImageSgd",
    "acting_channels",
    "build",
    "build_pretrained",
    "load_images",
    "open_jacobians",
    "open_pruned",
    "outputs",
    "removal_losses",
    "train_images",
    "without_channels",
]
