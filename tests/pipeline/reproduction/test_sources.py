"""Every source names sweeps that there are, at scales that grow into one another, and sections of pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from relusweep.pipeline.common.errors import InvalidSweep, UnknownSource
from relusweep.pipeline.reproduction.plan import SOURCES, reproduction
from relusweep.pipeline.reproduction.source import SCALES, Step
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.overrides import override
from relusweep.pipeline.sweeps.specification import joined

STEPS = [step for source in SOURCES.values() for step in source.steps]
ROOT = Path(__file__).parents[3]


def test_every_named_sweep_is_a_step_of_one_source() -> None:
    rehearsals = {"npn2", "npn3", "frontier3"}
    named = [step.sweep for step in STEPS]
    assert sorted(named) == sorted(SWEEPS.keys() - rehearsals)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.sweep)
def test_a_small_scale_grows_into_the_named_sweep_or_stands_beside_it(step: Step) -> None:
    named = SWEEPS[step.sweep]
    assert step.settings("large") == ()
    if step.small is None:
        return
    small = override(named, step.settings("small") or ())
    if step.images:
        assert small.report_group != named.report_group
        return
    assert joined(small.specification, named).extent() == named.extent()
    assert small.n_cells < named.n_cells


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("scale", SCALES)
def test_every_sweep_can_be_made_at_every_scale_or_is_left_out_with_a_reason(name: str, scale: str) -> None:
    asked = reproduction(name, scale, "none", dataset="digits")
    for part in asked.parts:
        assert (part.sweep is None) == bool(part.left_out)
        if part.sweep is not None:
            part.sweep.check()
    assert scale != "large" or not any(part.left_out for part in asked.parts)


def test_sections_are_headings_of_pages() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "pipeline" / "report").rglob("*.py"))
    sections = {section for step in STEPS for section in step.sections.split("; ")}
    assert not {section for section in sections if f'"{section}' not in sources}


def test_images_are_left_out_without_a_data_set_and_said_how_to_get_in() -> None:
    asked = reproduction("dissertation", "small", "none")
    lost = {part.step.sweep: part.left_out for part in asked.parts if part.left_out}
    assert lost.keys() == {"images", "prune_images", "npn5"}
    assert lost["images"] == "no data set of images was named, as --dataset digits"
    mine = reproduction("dissertation", "small", "none", dataset="mine", path="data")
    (images,) = (part for part in mine.parts if part.step.sweep == "images")
    assert images.sweep is not None
    assert (images.sweep.spec.dataset, images.sweep.spec.path) == ("mine", "data")


def test_unknown_sources_and_scales_are_refused_with_those_that_there_are() -> None:
    with pytest.raises(UnknownSource, match="no source 'growht'; did you mean 'growth'"):
        reproduction("growht", "small", "none")
    with pytest.raises(InvalidSweep, match="no scale 'tiny'; there are small, source, large"):
        reproduction("growth", "tiny", "none")
