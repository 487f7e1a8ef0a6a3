"""Image data sets, the networks that are trained on them, and their regions in planes through three images.

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
from relusweep.tasks.sections.exact import Section, count_pieces, cut_plane
from relusweep.tasks.sections.grids import Grid, GridCounts, count_on_grid
from relusweep.tasks.sections.planes import Plane, nearest_triple, plane_through

__all__ = [
    "AdamW",
    "Architecture",
    "Grid",
    "GridCounts",
    "ImageProtocol",
    "ImageSet",
    "ImageSgd",
    "Plane",
    "Section",
    "acting_channels",
    "build",
    "build_pretrained",
    "count_on_grid",
    "count_pieces",
    "cut_plane",
    "load_images",
    "nearest_triple",
    "open_jacobians",
    "open_pruned",
    "outputs",
    "plane_through",
    "removal_losses",
    "train_images",
    "without_channels",
]
