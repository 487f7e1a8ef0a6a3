"""What a source asks for at a scale: its sweeps, what the store has of them, and what is left out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from relusweep.pipeline.common.display import Shown, Table
from relusweep.pipeline.common.errors import InvalidSweep, SpecificationChanged, UnknownSource
from relusweep.pipeline.common.validation import nearest
from relusweep.pipeline.common.wording import duration
from relusweep.pipeline.planning.plan import plans
from relusweep.pipeline.planning.run_plan import RunPlan
from relusweep.pipeline.reproduction.alignment import ALIGNMENT
from relusweep.pipeline.reproduction.compositional import COMPOSITIONAL
from relusweep.pipeline.reproduction.decomposed import DECOMPOSED
from relusweep.pipeline.reproduction.dissertation import DISSERTATION
from relusweep.pipeline.reproduction.growth import GROWTH
from relusweep.pipeline.reproduction.source import SCALES, Scale, Source, Step
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.overrides import find_sweep, override

__all__ = ["SOURCES", "Part", "Reproduction", "reproduction"]

SOURCES: Mapping[str, Source] = {
    "dissertation": DISSERTATION,
    "compositional": COMPOSITIONAL,
    "decomposed": DECOMPOSED,
    "alignment": ALIGNMENT,
    "growth": GROWTH,
}
_BEYOND = {"small": "too large for the small scale", "source": "beyond the source"}
_NO_IMAGES = "no data set of images was named, as --dataset digits"


@dataclass(frozen=True)
class Part:
    """A step at a scale.

    Attributes
    ----------
    step : Step
    settings : tuple of str
        What is changed in the named sweep.
    sweep : Sweep, optional
        None where it is left out.
    left_out : str
        Why; empty where it is not.
    """

    step: Step
    settings: tuple[str, ...]
    sweep: Sweep | None
    left_out: str = ""

    def command(self, store: str) -> str:
        """Give what runs this sweep alone."""
        changes = [word for setting in self.settings for word in ("--set", setting)]
        return shlex.join(["relusweep", "run", self.step.sweep, *changes, "--store", store])


@dataclass(frozen=True, repr=False)
class Reproduction(Shown):
    """What a source asks for at a scale.

    Attributes
    ----------
    name : str
        Of the source.
    scale : {'small', 'source', 'large'}
    store : str
    parts : tuple of Part
        In the order in which they are run.
    """

    name: str
    scale: Scale
    store: str
    parts: tuple[Part, ...]

    @property
    def source(self) -> Source:
        """The source itself."""
        return SOURCES[self.name]

    @cached_property
    def plans(self) -> Mapping[str, RunPlan]:
        """What is to be computed of each sweep that is not left out, by its name.

        Raises
        ------
        relusweep.errors.SpecificationChanged
            The store has results of another specification under the name of one.
        """
        sweeps = {part.step.sweep: part.sweep for part in self.parts if part.sweep is not None}
        try:
            return {name: RunPlan(self.store, plans(sweep, self.store)) for name, sweep in sweeps.items()}
        except SpecificationChanged as error:
            raise SpecificationChanged(
                f"{error}. A source is reproduced into a store of its own: --store"
            ) from None

    def _blocks(self) -> Iterator[str | Table]:
        yield f"{self.source.reference}, at the scale {self.scale}, in {self.store}"
        rows = [(str(number), *self._row(part)) for number, part in enumerate(self.parts, start=1)]
        yield Table("steps", ("step", "sweep", "changed", "asked for", "in the store", "time"), rows)
        yield self._time

    @property
    def _time(self) -> str:
        todo = {name: plan.expected_seconds for name, plan in self.plans.items() if plan.cells}
        known = [seconds for seconds in todo.values() if seconds is not None]
        unknown = [name for name, seconds in todo.items() if seconds is None]
        if not todo:
            return "nothing to do but the page"
        if not known:
            return "time: unknown before a first run into this store"
        more = f", without {', '.join(unknown)}" if unknown else ""
        return (
            f"time: about {duration(max(1, sum(known)))} for the tasks alone{more}; starting workers, "
            "compiling and the pages come on top"
        )

    def _row(self, part: Part) -> tuple[str, ...]:
        plan = self.plans.get(part.step.sweep)
        if plan is None:
            return part.step.sweep, f"left out: {part.left_out}", "", "", ""
        last = plan.plans[-1]
        seconds = plan.expected_seconds
        time = "done" if not plan.cells else "unknown" if seconds is None else duration(max(1, seconds))
        return (
            part.step.sweep,
            " ".join(part.settings),
            f"{last.total:,} {last.sweep.unit}",
            f"{last.done:,}",
            time,
        )


def reproduction(
    name: str, scale: Scale, store: str, *, dataset: str | None = None, path: str | None = None
) -> Reproduction:
    """Find what a source asks for at a scale.

    Parameters
    ----------
    name : str
        One of `SOURCES`.
    scale : {'small', 'source', 'large'}
    store : str
    dataset, path : str, optional
        Of the sweeps of images, which are left out without a data set.

    Raises
    ------
    relusweep.errors.UnknownSource
        There is no such source.
    relusweep.errors.InvalidSweep
        There is no such scale, or the data set cannot be as it is named.
    """
    if name not in SOURCES:
        raise UnknownSource(f"no source {name!r}{nearest(name, SOURCES)}; there are {', '.join(SOURCES)}")
    if scale not in SCALES:
        raise InvalidSweep(f"no scale {scale!r}; there are {', '.join(SCALES)}")
    images = [f"dataset={dataset}"] if dataset else []
    images += [f"path={path}"] if path else []
    parts = (_part(step, scale, tuple(images)) for step in SOURCES[name].steps)
    return Reproduction(name, scale, store, tuple(parts))


def _part(step: Step, scale: Scale, images: tuple[str, ...]) -> Part:
    settings = step.settings(scale)
    if settings is None:
        return Part(step, (), None, _BEYOND[scale])
    if step.images and not images:
        return Part(step, settings, None, _NO_IMAGES)
    settings = (*settings, *(images if step.images else ()))
    return Part(step, settings, override(find_sweep(step.sweep), settings))
