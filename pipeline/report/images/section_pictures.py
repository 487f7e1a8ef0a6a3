"""Pictures of planes through three images: the images, and the regions of every network."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from relusweep.pipeline.common.wording import plural
from relusweep.pipeline.report.images.sections import on_window
from relusweep.pipeline.report.images.stages import Stages
from relusweep.pipeline.report.text import count, enumeration
from relusweep.pipeline.report.theme import Picture, Theme, figure

__all__ = ["planes", "three_images"]

_ACROSS = 3  # panels
_SIDE = 2.35  # inches of a panel
_GOLDEN = 0.6180339887498949  # multiples of it lie far from one another, modulo 1
_AWAY = ((-6, -4), (6, -4), (0, 3))  # of the letters A, B and C from their corners, in points
_PALEST, _STRONGEST = 0.2, 0.9  # share of a class's colour in the colours of its regions


def three_images(stages: Stages) -> Picture:
    """Make the picture of the three images of each plane."""
    group = stages["sections"][["image", "sample"]].load()
    shape = tuple(int(size) for size in stages["sections"].attrs["image_shape"])
    images = group["image"].values.reshape(-1, 3, *shape)
    numbers = group["sample"].values
    labels = [str(label) for label in group["plane"].values]
    return Picture(
        name="section_images",
        alt=f"The three images A, B and C of {len(labels)} planes.",
        caption="The three images A, B and C that span the plane, with their numbers among all images, those "
        "of training first.",
        draw=partial(_draw_images, images, numbers, labels),
    )


def _draw_images(images: NDArray[Any], numbers: NDArray[Any], labels: list[str], theme: Theme) -> Figure:
    drawing = figure(3 * 1.5, 1.75 * len(labels))
    axes = drawing.subplots(len(labels), 3, squeeze=False)
    for row, (three, of_three) in enumerate(zip(images, numbers, strict=True)):
        for axis, image, number, name in zip(axes[row], three, of_three, "ABC", strict=True):
            low, high = np.nanmin(image), np.nanmax(image)
            pixels = np.moveaxis((image - low) / ((high - low) or 1), 0, -1)
            axis.imshow(pixels if pixels.shape[-1] == 3 else pixels[..., 0], cmap="gray", vmin=0, vmax=1)
            axis.set_title(f"{name}: image {number:.0f}")
            axis.set_axis_off()
    return drawing


def planes(stages: Stages) -> list[Picture]:
    """Make a picture of each plane, a panel for each network that was cut there."""
    group = stages["sections"]
    classes = [str(name) for name in np.atleast_1d(group.attrs["classes"])]
    pictures = []
    for number, label in enumerate(group["plane"].values):
        here = group.isel(plane=number).load()
        here = here.isel(network=np.flatnonzero(here["n_regions"].notnull()))
        if here.sizes["network"]:
            pictures.append(_plane(str(label), number, here, classes))
    return pictures


def _plane(label: str, number: int, here: xr.Dataset, classes: list[str]) -> Picture:
    names = [str(name) for name in here["network"].values]
    said = [f"{name} {count(n)}" for name, n in zip(names, here["n_regions"].values, strict=True)]
    return Picture(
        name=f"sections_{number}",
        alt=f"Linear regions of {len(names)} networks in the plane {label}: {enumeration(said)}.",
        caption=f"Linear regions in the plane {label}: each shade is a region, each colour the class of the "
        "largest output. Grey: the triangle ABC. Where a part of the window was cut, the panel shows it, and "
        "the small triangle in its corner where it lies.",
        draw=partial(_draw_planes, here, classes),
    )


def _draw_planes(here: xr.Dataset, classes: list[str], theme: Theme) -> Figure:
    n = here.sizes["network"]
    across = min(n, _ACROSS)
    down = -(-n // across)
    drawing = figure(_SIDE * across, (_SIDE + 0.35) * down + 0.4)
    axes = drawing.subplots(down, across, squeeze=False).ravel()
    present = _by_share(here)
    named = present[: len(theme.series)]
    colours = dict.fromkeys(present, theme.muted) | dict(zip(named, theme.series, strict=False))
    for axis in axes:
        axis.set_axis_off()
    for place, axis in zip(range(n), axes, strict=False):
        _draw_network(axis, here.isel(network=place), colours, theme)
    handles = [Patch(color=colours[c], label=classes[c]) for c in named]
    if len(present) > len(named):
        handles.append(Patch(color=theme.muted, label="others"))
    drawing.legend(handles=handles, title="largest output", loc="outside lower left", ncols=len(handles))
    return drawing


def _by_share(here: xr.Dataset) -> list[int]:
    """Give the classes of polygons, that of most first."""
    known = here["largest"].values[here["largest"].notnull().values].astype(int)
    return [int(c) for c in np.argsort(-np.bincount(known), kind="stable") if (known == c).any()]


def _draw_network(axis: Axes, one: xr.Dataset, colours: dict[int, str], theme: Theme) -> None:
    used = one["region"].notnull().values
    corners = np.stack([one["x"].values[used], one["y"].values[used]], axis=1)
    region, largest = (one[name].values[used].astype(int) for name in ("region", "largest"))
    starts = np.flatnonzero(np.diff(region, prepend=-1) | np.diff(largest, prepend=-1))
    paper = np.array(to_rgb(theme.paper))
    strength = _PALEST + (_STRONGEST - _PALEST) * ((region[starts] + 1) * _GOLDEN % 1)
    full = np.array([to_rgb(colours[c]) for c in largest[starts]])
    faces = paper + strength[:, None] * (full - paper)
    polygons = PolyCollection(
        np.split(corners, starts[1:]), facecolors=faces, edgecolors=faces, linewidths=0.2
    )
    polygons.set_rasterized(True)
    axis.add_collection(polygons)
    triangle = one["place"].values
    axis.fill(*triangle.T, fill=False, edgecolor=theme.muted, linewidth=0.8)
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = 0.08 * (high - low).max()
    axis.set(
        xlim=(low[0] - margin, high[0] + margin), ylim=(low[1] - margin, high[1] + margin), aspect="equal"
    )
    scale = float(one["scale"])
    if scale == 1:
        for name, corner, away in zip("ABC", triangle, _AWAY, strict=True):
            axis.annotate(
                name, corner, away, textcoords="offset points", color=theme.ink, fontsize=8, ha="center"
            )
    else:
        _draw_place(axis, triangle, corners.mean(axis=0), theme)
    n = int(one["n_regions"])
    part = "" if scale == 1 else f", {on_window(float(one['code']), scale)}"
    axis.set_title(f"{one['network'].item()}\n{n:,} {plural('region', n)}{part}", fontsize=8.5)


def _draw_place(axis: Axes, triangle: NDArray[Any], middle: NDArray[Any], theme: Theme) -> None:
    """Draw small in a corner where in the triangle the panel lies."""
    small = axis.inset_axes((0.0, 0.76, 0.24, 0.24))
    small.set_axis_off()
    small.set_aspect("equal")
    small.fill(*triangle.T, facecolor=theme.paper, edgecolor=theme.muted, linewidth=0.8)
    small.plot(*middle, "s", color=theme.ink, markersize=2)
