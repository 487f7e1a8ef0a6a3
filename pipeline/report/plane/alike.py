"""Whether the affine maps of several networks that learned the same are linear images of one another."""

from __future__ import annotations

from collections.abc import Sequence
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
        Over the network ``from`` and the network ``to``: ``error`` and ``departure`` as `linear_images` gives
        them, ``turn``, the departure of the map between gradients alone, and the share of rows ``right``.
    """

    networks: list[Watched]
    maps: NDArray[np.float64]
    points: NDArray[np.float64]
    found: xr.Dataset


def alike(dataset: xr.Dataset) -> Alike | None:
    """Compare the best networks of one size that succeeded at one problem; None where there are not two."""
    ranked = [place for place in rank(dataset) if float(dataset["success_epoch"].isel(place)) >= 0]
    of_problem = [dim for dim in dataset["success_epoch"].dims if dataset[dim].attrs.get("part") == "problem"]
    same = [place for place in ranked if all(place[dim] == ranked[0][dim] for dim in of_problem)]
    places = same[:_MOST]
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
    values = {"error": fitted.error, "right": np.array(right), "departure": fitted.departure}
    values["turn"] = linear_images(maps[:, :, :2]).departure
    coordinates = {"from": trials, "to": trials}
    found = xr.Dataset({name: (("from", "to"), of) for name, of in values.items()}, coordinates)
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
            "below. A dot is a map, and grows with the number of points that have it. Its colour stands for "
            "the direction in which the middle of these points lies from the origin, paler near it, alike in "
            "all panels."
        ),
        draw=partial(_draw_sets, of),
    )


def _draw_sets(of: Alike, theme: Theme) -> Figure:
    drawing = figure(1.75 * len(of.networks), 3.9)
    axes = drawing.subplots(2, len(of.networks), squeeze=False)
    for column, (maps, name) in enumerate(zip(of.maps, of.found["from"].values, strict=True)):
        _, number, count = np.unique(maps.round(9), axis=0, return_inverse=True, return_counts=True)
        middle = [np.bincount(number.ravel(), values) / count for values in (*of.points.T, *maps.T)]
        for axis, up in zip(axes[:, column], middle[3:], strict=True):
            axis.scatter(
                middle[2], up, s=5 + 250 * count / len(maps), c=_of_place(of, middle[:2]), linewidths=0
            )
            axis.tick_params(labelsize=6.5)
            axis.locator_params(nbins=4)
            axis.set_box_aspect(1)
        axes[0, column].set_title(f"trial {name}", fontsize=8.5)
    axes[0, 0].set_ylabel("∂/∂x₂")
    axes[1, 0].set_ylabel("intercept")
    drawing.supxlabel("∂/∂x₁", fontsize=9)
    return drawing


def _of_place(of: Alike, place: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Colour places by their direction from the origin, paler near it."""
    angle = np.arctan2(*place) / (2 * np.pi)
    shade = np.clip(1.8 * np.hypot(*place) / np.abs(of.points).max(), 0.1, 1)
    return np.asarray(hsv_to_rgb(np.column_stack([angle % 1, shade, np.full_like(shade, 0.85)])))


def images_picture(size: str, of: Alike) -> Picture:
    """Make the picture of how well the maps of one network give those of another."""
    other = ~np.eye(len(of.networks), dtype=bool)
    error, right, turn = (
        float(np.median(of.found[name].values[other])) for name in ("error", "right", "turn")
    )
    return Picture(
        name=f"linear-images-of-{file_name(size)}",
        alt=(
            f"Between different networks ({size}) the median error is {significant(error)}, the median share "
            f"of rows right {percent(right)} %, the median departure of gradients from a rotation "
            f"{significant(turn)}."
        ),
        caption=(
            "The linear map of least squares from the set of affine maps (gradient, intercept) of one "
            f"network ({size}, up) to that of another (across). Error: what it leaves, as a share of the "
            "spread of the target's maps. Rows right: of the target's, where its maps are made of the "
            "source's in this way. Not a rotation: distance of the matrix from the nearest rotation or "
            "reflection with a change of scale, as a share of its norm: 0 is a rotation, 0.82 a matrix of "
            "rank one. Intercepts have another unit than gradients, so on the right the same for the linear "
            "map between the gradients alone, where 0.71 is the most."
        ),
        draw=partial(_draw_images, of),
    )


def _draw_images(of: Alike, theme: Theme) -> Figure:
    drawing = figure(12.4, 3.3)
    ran = xr.ones_like(of.found["error"])
    titles = {
        "error": "error",
        "right": "rows right (%)",
        "departure": "not a rotation",
        "turn": "not a rotation: gradients",
    }
    for axis, (name, title) in zip(drawing.subplots(1, len(titles)), titles.items(), strict=True):
        write = percent if name == "right" else "{:.2f}".format
        draw_numbers(axis, of.found[name], ran, theme, norm=Normalize(0, 1), write=write)
        axis.set(title=title, xlabel="to trial", ylabel="from trial")
    return drawing
