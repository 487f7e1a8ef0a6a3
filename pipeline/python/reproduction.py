"""Sources from Python: what they report, run sweep by sweep."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from relusweep.pipeline.common.display import Page
from relusweep.pipeline.common.errors import BlocksFailed
from relusweep.pipeline.common.wording import counted
from relusweep.pipeline.monitoring.events import Listener
from relusweep.pipeline.monitoring.progress import announcement
from relusweep.pipeline.monitoring.progress import progress as showing
from relusweep.pipeline.python.runs import Where, command_of, config_of
from relusweep.pipeline.python.sweeps import Store
from relusweep.pipeline.reproduction.source import Scale

if TYPE_CHECKING:
    from relusweep.pipeline.reproduction.plan import Part, Reproduction

__all__ = ["plan_source", "reproduce"]


def plan_source(
    source: str,
    store: Store,
    *,
    scale: Scale = "small",
    dataset: str | None = None,
    path: Store | None = None,
) -> Reproduction:
    """Show what `reproduce` would do: the sweeps of a source, what the store has of them, and their time.

    Parameters
    ----------
    source, store, scale, dataset, path
        As for `reproduce`; the store need not exist.

    Returns
    -------
    Reproduction
        A table, on a terminal and in a notebook.
    """
    from relusweep.pipeline.reproduction.plan import reproduction

    place = None if path is None else os.fspath(path)
    return reproduction(source, scale, os.fspath(store), dataset=dataset, path=place)


def reproduce(
    source: str,
    store: Store,
    folder: Store = "reproduction",
    *,
    scale: Scale = "small",
    dataset: str | None = None,
    path: Store | None = None,
    cluster: Where | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Page:
    """Run what a source reports, sweep by sweep, and write a page with its claims and tables beside ours.

    What the store has is not computed again: after any stop, the same call goes on.

    Parameters
    ----------
    source : {'dissertation', 'compositional', 'decomposed', 'alignment', 'growth'}
    store : path
        A directory, or ``s3://bucket/prefix``; made if it does not exist.
    folder : path
        Where the page goes, ``reproduction.html``, and in folders beside it the pages of the sweeps.
    scale : {'small', 'source', 'large'}
        In a minute or two; as large as the source's; or the named sweeps as they are.
    dataset : str, optional
        Images: ``"digits"``, which are bundled, or another name; without one, sweeps of images are left out.
    path : path, optional
        The folder of the data set of images.
    cluster, workers, progress
        As for `relusweep.run`.

    Returns
    -------
    Page
        The path of the page; in a notebook a link to it.

    Raises
    ------
    KeyboardInterrupt
        The run was stopped, by Ctrl-C or from outside; everything so far is in the store.
    relusweep.errors.UnknownSource
        There is no such source.
    relusweep.errors.BlocksFailed
        Some blocks failed; the others are in the store, and the page is written.

    Examples
    --------
    >>> import relusweep as rs
    >>> rs.reproduce("dissertation", "results")  # doctest: +SKIP
    """
    from relusweep.pipeline.reproduction.run import reproduce as run

    asked = plan_source(source, store, scale=scale, dataset=dataset, path=path)

    @contextmanager
    def listen(part: Part, run_id: str) -> Iterator[Sequence[Listener]]:
        if not progress:
            yield []
            return
        with ExitStack() as stack:
            number = asked.parts.index(part) + 1
            print(f"{number} of {len(asked.parts)}: {part.step.sweep}, {part.step.shows}", file=sys.stderr)
            yield [stack.enter_context(showing(Console())), announcement(run_id, asked.store)]

    place = asked.store
    command = command_of(f"relusweep.reproduce({source!r}, {place!r}, scale={scale!r})")
    ended = run(asked, config_of(cluster, workers), Path(folder), listen=listen, command=command)
    if ended.page is None:
        raise KeyboardInterrupt(f"stopped; everything so far is in {place}: the same call goes on")
    if ended.failed:
        each = ", ".join(f"{counted(count, 'block')} of {sweep}" for sweep, count in ended.failed.items())
        raise BlocksFailed(f"{each} failed; the others are stored in {place}. The same call tries them again")
    return Page(ended.page)
