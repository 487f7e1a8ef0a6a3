"""The training of one network of two inputs as a GIF or an MP4."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from relusweep.pipeline.common.errors import CannotDraw
from relusweep.pipeline.report.plane.pictures import (
    PANEL,
    draw_row,
    map_reaches,
    n_panels,
    right_share,
    scene_at,
    titles,
)
from relusweep.pipeline.report.plane.watched import Watched
from relusweep.pipeline.report.text import percent
from relusweep.pipeline.report.theme import LIGHT, figure

__all__ = ["write_gif", "write_mp4"]

_DOTS_PER_INCH = 100
_FRAMES_PER_SECOND = 10
_PLACES = {"left": 0.015, "right": 0.985, "bottom": 0.08, "top": 0.78, "wspace": 0.24}
_REST = 20  # frames that the last one stays


def write_gif(of: Watched, path: Path) -> None:
    """Write a network's training as an animated GIF."""
    first, *others = (Image.fromarray(frame).quantize(dither=Image.Dither.NONE) for frame in _frames(of))
    time = 1000 // _FRAMES_PER_SECOND
    times = [*[time] * len(others), _REST * time]
    first.save(path, save_all=True, append_images=others, duration=times, loop=0)


def write_mp4(of: Watched, path: Path) -> None:
    """Write a network's training as an MP4.

    Raises
    ------
    CannotDraw
        imageio-ffmpeg is not installed, which brings what makes videos.
    """
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise CannotDraw(
            "an MP4 needs pip install 'relusweep[video]'; .html and .gif need nothing"
        ) from error
    size = _size(of)
    video = imageio_ffmpeg.write_frames(str(path), size, fps=_FRAMES_PER_SECOND, macro_block_size=2)
    video.send(None)
    for frame in _frames(of):
        video.send(np.ascontiguousarray(frame))
    for _ in range(_REST):
        video.send(np.ascontiguousarray(frame))
    video.close()


def _size(of: Watched) -> tuple[int, int]:
    """Give the width and height of a frame in pixels, both even, as videos need them."""
    width, height = n_panels(of) * PANEL, PANEL + 0.75
    return 2 * round(width * _DOTS_PER_INCH / 2), 2 * round(height * _DOTS_PER_INCH / 2)


def _frames(of: Watched) -> Iterator[NDArray[np.uint8]]:
    """Draw the frames: arrays of shape (height, width, 3)."""
    scenes = [scene_at(of, place) for place in range(len(of.epochs))]
    width, height = _size(of)
    with mpl.rc_context(LIGHT.settings):
        for place, (seen, reaches) in enumerate(zip(scenes, map_reaches(scenes), strict=True)):
            drawing = figure(width / _DOTS_PER_INCH, height / _DOTS_PER_INCH)
            drawing.set_layout_engine("none")  # panels stay in their places
            row = drawing.subplots(1, n_panels(of), gridspec_kw=_PLACES)
            draw_row(row, of, seen, LIGHT, reaches)
            for axis, title in zip(row, titles(of), strict=True):
                axis.set_title(title, fontsize=9, loc="center")
            drawing.suptitle(
                f"{of.name}: epoch {of.epochs[place]:,}, {len(seen.regions.areas)} regions, "
                f"{percent(right_share(of, place))} % of the rows right",
                fontsize=10,
            )
            with BytesIO() as file:
                drawing.savefig(file, format="raw", dpi=_DOTS_PER_INCH)
                pixels = np.frombuffer(file.getvalue(), np.uint8)
            yield pixels.reshape(height, width, 4)[:, :, :3]
