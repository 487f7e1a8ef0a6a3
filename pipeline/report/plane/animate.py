"""The best network of a selection, and its training as a file that plays it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import xarray as xr

from relusweep.pipeline.common.errors import CannotDraw
from relusweep.pipeline.common.files import check_writable
from relusweep.pipeline.report.plane.sizes import best_network
from relusweep.pipeline.report.plane.watched import Watched, watched

__all__ = ["animate"]


def animate(dataset: xr.Dataset, path: Path) -> Watched:
    """Write the training of the best network of a selection as a page, a GIF or an MP4.

    Parameters
    ----------
    dataset : xarray.Dataset
        A group of networks of two inputs with the probe `snapshots`, or a part of it.
    path : Path
        Ends in ``.html``, ``.gif`` or ``.mp4``; its folder is made if it does not exist.

    Returns
    -------
    Watched
        The network that is shown.

    Raises
    ------
    CannotDraw
        The name ends in something else, no network has run, or its parameters were not kept.
    CannotExport
        The file cannot be written.
    """
    write = _writer(path)
    check_writable(path)
    of = watched(best_network(dataset).load())
    write(of, path)
    return of


def _writer(path: Path) -> Callable[[Watched, Path], None]:
    from relusweep.pipeline.report.plane.movie import write_gif, write_mp4
    from relusweep.pipeline.report.plane.player import write_player

    writers = {".html": write_player, ".gif": write_gif, ".mp4": write_mp4}
    if path.suffix not in writers:
        raise CannotDraw(f"{path} ends in {path.suffix or 'nothing'}; allowed are {', '.join(writers)}")
    return writers[path.suffix]
