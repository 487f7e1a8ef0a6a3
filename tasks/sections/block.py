"""A network in a plane through three images: its regions exactly, and as a grid shows them."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from relusweep.tasks.blocks import BlockResult
from relusweep.tasks.images.networks import ImageNetworks
from relusweep.tasks.images.reader import Reader
from relusweep.tasks.sections.exact import Section, count_pieces, cut_plane
from relusweep.tasks.sections.grids import Grid, count_on_grid
from relusweep.tasks.sections.planes import Plane, plane_of
from relusweep.tasks.sections.settings import QUANTILES, SectionCode, SectionSettings

__all__ = ["SectionBlock", "section"]

_SMALLEST = 2.0**-30
"""Share of the window's sides, beyond which regions are as small as rounding."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SectionBlock:
    """A network and a plane.

    Attributes
    ----------
    networks : ImageNetworks
    label, plane : str
        Of the network, and of the plane as `relusweep.tasks.sections.planes.plane_of` takes it.
    settings : SectionSettings
    reader : Reader
        Gives the network's parameters after its training.
    """

    networks: ImageNetworks
    label: str
    plane: str
    settings: SectionSettings
    reader: Reader


def section(block: SectionBlock) -> BlockResult:
    """Look at a network in a plane.

    Returns
    -------
    BlockResult
        Arrays of shape (1, 1, ...) of what is the network's, and (1, ...) of what is the plane's; see
        `relusweep.pipeline.sweeps.images.sections`.
    """
    torch.set_num_threads(1)
    started = time.process_time()
    samples, plane = plane_of(block.networks.source, block.plane)
    network = block.networks.trained(block.label, block.reader).eval()
    arrays = _of_network(network, plane, block.settings)
    found = {name: np.asarray(values)[None, None] for name, values in arrays.items()}
    found |= {
        "image": plane.images(plane.corners)[None].reshape(1, 3, -1),
        "sample": np.array([samples], np.int64),
        "place": plane.corners[None],
    }
    return BlockResult(found, 0, time.process_time() - started, 0.0)


def _of_network(network: nn.Module, plane: Plane, settings: SectionSettings) -> dict[str, Any]:
    arrays = _empty(settings)
    if not all(weights.isfinite().all() for weights in network.parameters()):
        return arrays | {"code": np.int8(SectionCode.NOT_FINITE)}
    scale = 1.0
    if settings.method == "exact":
        pieces = _along_sides(network, plane, settings.limit)
        found, scale = _largest_part(network, plane, pieces, settings)
        arrays |= {"pieces": pieces, **_of_section(found, scale, settings)}
    else:
        arrays["code"] = np.int8(SectionCode.GRID)
    grid = Grid.over(plane.window(settings.window, scale), settings.grid)
    counts = count_on_grid(network, plane, grid, settings.tolerance)
    arrays |= {name: np.int64(count) for name, count in counts._asdict().items()}
    arrays["scale"] = np.float64(scale)
    if settings.method == "exact":
        missed = grid.held(found) == 0
        arrays["missed"] = np.int64(missed.sum())
        arrays["missed_area"] = found.areas[missed].sum() / found.areas.sum()
    return arrays


def _empty(settings: SectionSettings) -> dict[str, Any]:
    counts = ("n_regions", "by_patterns", "by_maps", "missed")
    n = settings.n_corners
    return {
        **dict.fromkeys(counts, np.int64(-1)),
        **dict.fromkeys(("scale", "missed_area"), np.float64(np.nan)),
        "pieces": np.full(3, -1, np.int64),
        "area": np.full(len(QUANTILES), np.nan),
        **{name: np.full(n, np.nan) for name in ("x", "y")},
        "region": np.full(n, -1, np.int32),
        "largest": np.full(n, -1, np.int32),
    }


def _along_sides(network: nn.Module, plane: Plane, limit: int) -> NDArray[np.int64]:
    """Count the pieces along AB, BC and CA; -1 for more than the limit."""
    ends = zip(plane.corners, np.roll(plane.corners, -1, axis=0), strict=True)
    counts = [count_pieces(network, plane, np.stack(pair), limit) for pair in ends]
    return np.array([count if count <= limit else -1 for count in counts])


def _largest_part(
    network: nn.Module, plane: Plane, pieces: NDArray[np.int64], settings: SectionSettings
) -> tuple[Section, float]:
    """Cut the largest part of the window, by halves of its sides, that is found to be within the limit."""
    n_pieces = np.where(pieces < 0, settings.limit, pieces).sum()
    density = (n_pieces - 3) / _perimeter(plane.corners)
    scale = 1.0
    while _estimate(density, plane.window(settings.window, scale)) > settings.limit and scale > _SMALLEST:
        scale /= 2
    while True:
        found = cut_plane(network, plane, plane.window(settings.window, scale), settings.limit)
        if found.is_whole or scale <= _SMALLEST:
            return found, scale
        scale /= 2


def _perimeter(corners: Floats) -> float:
    return float(np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1).sum())


def _estimate(density: float, window: Floats) -> float:
    """Estimate the number of regions of a window from the kinks per unit of length along lines.

    As of random lines in all directions: those of length t an area are met 2 t / pi times by a segment of
    length 1, P t / pi of them meet a convex window of perimeter P and area A, and they cross in it A t² / pi
    times. Santaló, *Integral Geometry and Geometric Probability* (2004), chapter 3.
    """
    x, y = window.T
    area = float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    lines = density * math.pi / 2
    return 1 + lines * _perimeter(window) / math.pi + lines**2 * area / math.pi


def _of_section(found: Section, scale: float, settings: SectionSettings) -> dict[str, Any]:
    arrays = {
        name: array for name, array in _empty(settings).items() if name in ("x", "y", "region", "largest")
    }
    kept = np.cumsum(found.sizes) <= settings.n_corners  # all, if they fill the window
    n = int(found.sizes[kept].sum())
    arrays["x"][:n], arrays["y"][:n] = found.corners[:n].T
    arrays["region"][:n] = np.repeat(found.region[kept], found.sizes[kept])
    arrays["largest"][:n] = np.repeat(found.label[kept], found.sizes[kept])
    whole = SectionCode.WHOLE if scale == 1 else SectionCode.REDUCED
    areas = found.areas
    return arrays | {
        "code": np.int8(whole if found.is_whole else SectionCode.LIMIT),
        "n_regions": np.int64(found.n_regions),
        "area": np.quantile(areas, QUANTILES) / areas.sum(),
    }
