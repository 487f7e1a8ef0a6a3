"""Networks of two inputs drawn: regions layer by layer, the boundary over the data, the affine maps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from relusweep.pipeline.report.plane.scene import Scene, scene
from relusweep.pipeline.report.plane.watched import Watched
from relusweep.pipeline.report.text import percent
from relusweep.pipeline.report.theme import Picture, Theme, figure
from relusweep.tasks.regions.maps import maps_at

__all__ = [
    "PANEL",
    "draw_row",
    "map_reaches",
    "n_panels",
    "regions_picture",
    "right_share",
    "scene_at",
    "titles",
]

PANEL = 2.1  # inches
_NEAR = 4  # frames
_TINY = 1e-12
_SEAM, _OLD, _NEW = 0.3, 0.4, 0.9  # widths of lines


def scene_at(of: Watched, place: int) -> Scene:
    """Cut the square by a network after one of its epochs."""
    return scene(of.network, of.parameters[place], of.threshold, of.reach)


def right_share(of: Watched, place: int) -> float:
    """Give the share of the rows on the right side after one of the epochs."""
    maps = maps_at(of.network, of.parameters[place], of.points)
    outputs = (maps[:, :2] * of.points).sum(axis=1) + maps[:, 2]
    return float(((outputs > of.threshold) == of.above).mean())


def n_panels(of: Watched) -> int:
    """Count the panels of a row: the layers, the boundary, and two of the maps."""
    return of.network.depth + 3


def regions_picture(of: Watched, places: Sequence[int], name: str) -> Picture:
    """Make the picture of a network after some of its epochs, a row each."""
    counts = [len(scene_at(of, place).regions.areas) for place in places]
    shares = [right_share(of, place) for place in places]
    words = "; ".join(
        f"epoch {of.epochs[place]:,}: {count} regions, {percent(share)} % of the rows right"
        for place, count, share in zip(places, counts, shares, strict=True)
    )
    return Picture(
        name=name,
        alt=f"Linear regions of {of.name}, layer by layer, decision boundary and affine maps. {words}.",
        caption=(
            f"One network ({of.name}) through its training: the linear regions of its first layers, the "
            "decision boundary over the training data, and the affine map of each region. A region has the "
            "colour of the signs of the units of these layers, the same in all rows; in the maps, that of "
            "all layers. Bold lines: where a unit of the last of these layers is zero. They bend at the thin "
            "lines, which are those of earlier layers. Maps: derivatives by both inputs, and the intercept "
            "against the first derivative; dots grow with the regions' areas. All is exact, within the "
            f"square of the coordinates up to {of.reach:g}. {words}."
        ),
        draw=partial(_draw, of, places),
    )


def _draw(of: Watched, places: Sequence[int], theme: Theme) -> Figure:
    columns = n_panels(of)
    drawing = figure(columns * PANEL, len(places) * (PANEL + 0.15) + 0.2)
    axes = drawing.subplots(len(places), columns, squeeze=False)
    scenes = [scene_at(of, place) for place in places]
    for row, place, seen in zip(axes, places, scenes, strict=True):
        draw_row(row, of, seen, theme, map_reaches([seen])[0])
        row[0].set_ylabel(f"epoch {of.epochs[place]:,}")
    for axis, title in zip(axes[0], titles(of), strict=True):
        axis.set_title(title, fontsize=9, loc="center")
    return drawing


def titles(of: Watched) -> list[str]:
    """Name the panels of a row."""
    first = [f"layers 1 to {layer}" if layer > 1 else "layer 1" for layer in range(1, of.network.depth + 1)]
    return [*first, "decision boundary", "∂/∂x₁, ∂/∂x₂", "∂/∂x₁, intercept"]


def map_reaches(scenes: Sequence[Scene]) -> NDArray[np.float64]:
    """Give scales of derivatives and intercepts that hold all maps of a frame and change slowly.

    Returns
    -------
    ndarray of shape (n_scenes, 3)
        The largest sizes of the frames near each, averaged over those near it.
    """
    sizes = np.array([np.abs(seen.maps).max(axis=0) for seen in scenes]) + _TINY
    places = np.clip(np.arange(len(sizes))[:, None] + range(-_NEAR, _NEAR + 1), 0, len(sizes) - 1)
    return np.asarray(sizes[places].max(axis=1)[places].mean(axis=1))


def draw_row(
    row: Sequence[Axes], of: Watched, seen: Scene, theme: Theme, reaches: NDArray[np.float64]
) -> None:
    """Draw the panels of a network at one epoch."""
    for axis in row:
        axis.set_rasterization_zorder(1.5)  # of hundreds of polygons and dots, vectors are larger than pixels
    *layers, boundary, gradients, intercepts = row
    for layer, axis in enumerate(layers):
        _draw_layer(axis, of, seen, layer)
    _draw_boundary(boundary, of, seen, theme)
    _draw_maps(gradients, of, seen, 1, theme, reaches)
    _draw_maps(intercepts, of, seen, 2, theme, reaches)


def _draw_layer(axis: Axes, of: Watched, seen: Scene, layer: int) -> None:
    polygons = np.split(seen.regions.vertices[seen.regions.corners], seen.regions.offsets[1:-1])
    colours = seen.colours[layer] / 255
    axis.add_collection(PolyCollection(polygons, facecolors=colours, edgecolors=colours, linewidths=_SEAM))
    _draw_lines(axis, of, seen, layer)
    _square(axis, of)


def _draw_boundary(axis: Axes, of: Watched, seen: Scene, theme: Theme) -> None:
    for of_class, colour in zip((~of.above, of.above), theme.series, strict=False):
        x, y = of.points[of_class].T
        axis.scatter(x, y, s=2.5, color=colour, linewidths=0, alpha=0.7)
    for curve in seen.boundary:
        corners = np.concatenate([curve.corners, curve.corners[:1]]) if curve.closed else curve.corners
        axis.plot(*corners.T, color=theme.ink, linewidth=1.3)
    _square(axis, of)


def _draw_maps(
    axis: Axes, of: Watched, seen: Scene, column: int, theme: Theme, reaches: NDArray[np.float64]
) -> None:
    """Draw a column of the maps against the first; dots grow with the regions."""
    sizes = 4 + 400 * seen.regions.areas / (4 * of.reach**2)
    colours = seen.colours[-1] / 255
    across, up = seen.maps[:, 0], seen.maps[:, column]
    axis.scatter(across, up, s=sizes, c=colours, edgecolors=theme.muted, linewidths=0.4)
    axis.axhline(0, color=theme.rule, linewidth=0.8, zorder=0)
    axis.axvline(0, color=theme.rule, linewidth=0.8, zorder=0)
    x, y = 1.08 * reaches[[0, column]]
    axis.set(xlim=(-x, x), ylim=(-y, y), box_aspect=1)
    axis.tick_params(labelsize=6.5)
    axis.locator_params(nbins=4)


def _draw_lines(axis: Axes, of: Watched, seen: Scene, layer: int) -> None:
    """Draw the lines of the units of the first layers; those of the last one bold."""
    start = seen.regions.vertices[seen.regions.corners]
    end = start[_following(seen)]
    of_layer = np.where(seen.unit < 0, of.network.depth, seen.unit // of.network.width)
    for chosen, width in ((of_layer < layer, _OLD), (of_layer == layer, _NEW)):
        lines: Any = np.stack([start[chosen], end[chosen]], axis=1)
        axis.add_collection(LineCollection(lines, colors="#1c2127", linewidths=width, zorder=1))


def _following(seen: Scene) -> NDArray[np.int64]:
    """Give the corner after each corner of its region."""
    following = np.arange(1, len(seen.regions.corners) + 1)
    following[seen.regions.offsets[1:] - 1] = seen.regions.offsets[:-1]
    return following


def _square(axis: Axes, of: Watched) -> None:
    axis.set(xlim=(-of.reach, of.reach), ylim=(-of.reach, of.reach), aspect="equal", xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
