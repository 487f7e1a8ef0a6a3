"""The training of one network of two inputs as a page that plays it, in one file."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relusweep.pipeline.common.errors import CannotDraw
from relusweep.pipeline.report.page import TEMPLATES
from relusweep.pipeline.report.plane.pictures import map_reaches, right_share, scene_at, titles
from relusweep.pipeline.report.plane.scene import Scene
from relusweep.pipeline.report.plane.watched import Watched
from relusweep.tasks.regions import count_regions

__all__ = ["EDGE", "LINES", "MOST_CORNERS", "payload", "playable", "write_player"]

LINES, EDGE = 12, 255
"""Colours of lines, which come again; what stands for the edge of the square in place of a unit."""
_STEPS = 2**16 - 1
MOST_CORNERS = _STEPS
_LAST_LAYER = EDGE // LINES - 1


def playable(of: Watched) -> bool:
    """Say whether a page surely can number the corners: there are at most twice as many as regions, and 4."""
    high = [of.reach, of.reach]
    regions, complete = count_regions(of.network, of.parameters, np.negative(high), high)
    return bool(complete.all()) and 2 * int(regions.max()) + 4 <= MOST_CORNERS


def write_player(of: Watched, path: Path) -> None:
    """Write a page that plays a network's training: it needs no server and no other file.

    Parameters
    ----------
    of : Watched
    path : Path
        Of the page.

    Raises
    ------
    CannotDraw
        After some epoch the network has more corners of regions than the page can number.
    """
    text = TEMPLATES.get_template("player.html").render(
        {"title": of.name, "payload": payload(of), "edge": EDGE, "lines": LINES}
    )
    path.write_text(text, encoding="utf-8")


def payload(of: Watched) -> dict[str, Any]:
    """Give what the page draws: numbers of every frame, and little-endian arrays of all frames in base64.

    Returns
    -------
    dict
        ``vertices`` and ``boundary``: coordinates from 0 to 65535 across the square. ``sizes``: corners of
        each region; ``corners``: the vertex of each. ``units``: of the edge that begins at a corner, 12 ×
        layer + colour, or 255 at the edge of the square. ``colours``: of each region for each number of
        layers, places in the ``palette`` of numbers RRGGBB. ``maps``: gradient and intercept from 0 to 65535
        between −``largest`` and ``largest``, drawn to the scale ``reaches`` of each frame. ``curves``:
        corners of each line of the boundary.
    """
    scenes = [scene_at(of, place) for place in range(len(of.epochs))]
    if max(len(seen.regions.vertices) for seen in scenes) > MOST_CORNERS:
        raise CannotDraw(
            f"a page numbers up to {MOST_CORNERS:,} corners of regions, and this network has more; write a "
            f".gif or .mp4"
        )
    reaches = map_reaches(scenes)
    largest = reaches.max(axis=0)
    shades = np.concatenate([_packed(seen.colours).T.ravel() for seen in scenes])
    palette, colours = np.unique(shades, return_inverse=True)
    curves = [_closed(curve.corners, curve.closed) for seen in scenes for curve in seen.boundary]
    points, box = of.points, np.full(2, of.reach)
    return {
        "reach": of.reach,
        "titles": titles(of)[: of.network.depth],
        "epochs": list(of.epochs),
        "right": [round(100 * right_share(of, place), 2) for place in range(len(scenes))],
        "n_vertices": [len(seen.regions.vertices) for seen in scenes],
        "n_regions": [len(seen.regions.areas) for seen in scenes],
        "n_corners": [len(seen.regions.corners) for seen in scenes],
        "n_curves": [len(seen.boundary) for seen in scenes],
        "largest": largest.tolist(),
        "reaches": reaches.tolist(),
        "palette": palette.tolist(),
        "vertices": _steps((seen.regions.vertices for seen in scenes), box),
        "sizes": _joined((np.diff(seen.regions.offsets) for seen in scenes), np.uint16),
        "corners": _joined((seen.regions.corners for seen in scenes), np.uint16),
        "units": _joined((_codes(of, seen) for seen in scenes), np.uint8),
        "colours": _encoded(colours, np.uint16),
        "maps": _steps((seen.maps for seen in scenes), largest),
        "curves": _joined((np.array([len(curve)]) for curve in curves), np.uint16),
        "boundary": _steps(curves, box),
        "points": _steps([points], box),
        "above": _encoded(of.above, np.uint8),
    }


def _packed(colours: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Write colours as one number each: red, green and blue, from the highest byte."""
    return np.asarray(colours.astype(np.int64) @ [2**16, 2**8, 1])


def _closed(corners: NDArray[np.float64], closed: bool) -> NDArray[np.float64]:
    return np.concatenate([corners, corners[:1]]) if closed else corners


def _codes(of: Watched, seen: Scene) -> NDArray[np.int64]:
    layer, unit = np.divmod(seen.unit, of.network.width)
    return np.where(seen.unit < 0, EDGE, LINES * np.minimum(layer, _LAST_LAYER) + unit % LINES)


def _steps(parts: Iterable[NDArray[np.float64]], reach: NDArray[np.float64]) -> str:
    """Write numbers between −reach and reach as steps from 0 to 65535, those beyond at the ends."""
    return _joined((np.rint(np.clip((part / reach + 1) / 2, 0, 1) * _STEPS) for part in parts), np.uint16)


def _joined(parts: Iterable[NDArray[Any]], dtype: Any) -> str:
    return _encoded(np.concatenate([part.ravel() for part in parts] or [np.empty(0)]), dtype)


def _encoded(values: NDArray[Any], dtype: Any) -> str:
    return b64encode(values.astype(np.dtype(dtype).newbyteorder("<")).tobytes()).decode("ascii")
