"""Whether the affine maps of several networks that learned the same are linear images of one another."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.colors import Normalize, hsv_to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from relusweep.pipeline.report.drawing import draw_numbers
from relusweep.pipeline.report.plane.sizes import file_name, rank
from relusweep.pipeline.report.plane.watched import Watched, watched
from relusweep.pipeline.report.text import percent, significant
from relusweep.pipeline.report.theme import Picture, Theme, figure
from relusweep.tasks.comparison.linear_images import linear_images
from relusweep.tasks.regions.maps import maps_at

__all__ = ["Alike", "alike", "images_picture", "sets_picture"]

_GRID = 101
_MOST = 6


class Alike(NamedTuple):
    """Several networks, and the linear maps between their affine maps on a grid.

    Attributes
    ----------
    networks : list of Watched
    maps : ndarray of shape (n_networks, 101 × 101, 3)
    points : ndarray of shape (101 × 101, 2)
        The grid.
    found : xarray.Dataset
        ``error``, ``right`` and ``departure`` over the network ``from`` and the network ``to``.
    """

    networks: list[Watched]
    maps: NDArray[np.float64]
    points: NDArray[np.float64]
    found: xr.Dataset


def alike(dataset: xr.Dataset) -> Alike | None:
    """Compare the best networks of one size that succeeded; None where there are not two."""
    places = [place for place in rank(dataset) if float(dataset["success_epoch"].isel(place)) >= 0][:_MOST]
    if len(places) < 2:
        return None
    networks = [watched(dataset.isel(place)) for place in places]
    line = np.linspace(-networks[0].reach, networks[0].reach, _GRID)
    points = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    maps = np.array([maps_at(of.network, of.parameters[-1], points) for of in networks])
    fitted = linear_images(maps)
    right = [
        [_right(one, other, fitted.matrices[i, j]) for j, other in enumerate(networks)]
        for i, one in enumerate(networks)
    ]
    trials = [str(int(dataset.isel(place)["trial"])) for place in places]
    dims = ("from", "to")
    found = xr.Dataset(
        {
            "error": (dims, fitted.error),
            "right": (dims, np.array(right)),
            "departure": (dims, fitted.departure),
        },
        {"from": trials, "to": trials},
    )
    return Alike(networks, maps, points, found)


def _right(source: Watched, target: Watched, matrix: NDArray[np.float64]) -> float:
    """Give the share of the target's rows that its maps, made of the source's, put on the right side."""
    maps = maps_at(source.network, source.parameters[-1], target.points) @ matrix
    outputs = (maps[:, :2] * target.points).sum(axis=1) + maps[:, 2]
    return float(((outputs > target.threshold) == target.above).mean())


def sets_picture(size: str, of: Alike) -> Picture:
    """Make the picture of the maps of each network, side by side."""
    return Picture(
        name=f"maps-of-several-of-{file_name(size)}",
        alt=f"Gradients of {len(of.networks)} networks on a grid, coloured by the place in the plane.",
        caption=(
            f"Affine maps of {len(of.networks)} networks ({size}) that succeeded, on a grid of {_GRID} by "
            f"{_GRID} points: derivatives by both inputs above, intercept against the first derivative "
            "below. A colour stands for the direction of the point from the origin, paler near it; the same "
            "places have the same colour in all panels."
        ),
        draw=partial(_draw_sets, of),
    )


def _draw_sets(of: Alike, theme: Theme) -> Figure:
    drawing = figure(1.75 * len(of.networks), 3.9)
    axes = drawing.subplots(2, len(of.networks), squeeze=False)
    angle, distance = np.arctan2(*of.points.T), np.linalg.norm(of.points, axis=1)
    shade = np.clip(distance / distance.max() * 1.4, 0.15, 1)
    colours = hsv_to_rgb(np.column_stack([angle / (2 * np.pi) % 1, shade, np.full_like(shade, 0.85)]))
    for column, (maps, name) in enumerate(zip(of.maps, of.found["from"].values, strict=True)):
        for axis, of_column in zip(axes[:, column], (1, 2), strict=True):
            different, first = np.unique(maps[:, [0, of_column]].round(9), axis=0, return_index=True)
            axis.scatter(*different.T, s=7, c=colours[first], linewidths=0)
            axis.tick_params(labelsize=6.5)
            axis.locator_params(nbins=4)
            axis.set_box_aspect(1)
        axes[0, column].set_title(f"trial {name}", fontsize=8.5)
    axes[0, 0].set_ylabel("∂/∂x₂")
    axes[1, 0].set_ylabel("intercept")
    drawing.supxlabel("∂/∂x₁", fontsize=9)
    return drawing


def images_picture(size: str, of: Alike) -> Picture:
    """Make the picture of how well the maps of one network give those of another."""
    other = ~np.eye(len(of.networks), dtype=bool)
    error, right, departure = (of.found[name].values[other] for name in ("error", "right", "departure"))
    return Picture(
        name=f"linear-images-of-{file_name(size)}",
        alt=(
            f"Between different networks ({size}) the median error is "
            f"{significant(float(np.median(error)))}, the median share of rows right "
            f"{percent(float(np.median(right)))} %, the median departure from a rotation "
            f"{significant(float(np.median(departure)))}."
        ),
        caption=(
            "The linear map of least squares from the set of affine maps (gradient, intercept) of one "
            "network (up) to that of another (across). Left: what it leaves, as a share of the spread of the "
            "target's maps. Middle: rows on the right side, of the target's, where its maps are made of the "
            "source's in this way. Right: distance of the matrix from the nearest rotation or reflection "
            "with a change of scale, as a share of its norm; 0 is a rotation, 0.82 a matrix of rank one."
        ),
        draw=partial(_draw_images, of),
    )


def _draw_images(of: Alike, theme: Theme) -> Figure:
    drawing = figure(9.6, 3.4)
    ran = xr.ones_like(of.found["error"])
    titles = {"error": "error", "right": "rows right (%)", "departure": "departure from a rotation"}
    for axis, (name, title) in zip(drawing.subplots(1, 3), titles.items(), strict=True):
        write = percent if name == "right" else "{:.2f}".format
        draw_numbers(axis, of.found[name], ran, theme, norm=Normalize(0, 1), write=write)
        axis.set(title=title, xlabel="to trial", ylabel="from trial")
    return drawing
