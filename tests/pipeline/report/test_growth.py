"""The report of constructed networks: figures against those of the networks, verdicts that can fail."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.growth.claims import claims
from relusweep.pipeline.report.kinds import report_on
from relusweep.pipeline.report.text import NOTHING, folded_caption
from relusweep.pipeline.report.theme import LIGHT, Picture, render
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from tests.pipeline.report.test_optima import computed

SETTINGS = [
    "construction=gaussian,points,points_unmodified,requ_polynomial,requ_spline,smooth,square,step",
    *(
        "target=none,sine",
        "q=none,1",
        "d=none,1",
        "N=none,1,2,4,8,16",
        "L=none,1,2,3,4,6",
        "points=9",
        "most_units=2500",
    ),
]


@pytest.fixture(scope="module")
def networks() -> xr.Dataset:
    return computed(override(find_sweep("growth"), SETTINGS))


def tables(dataset: xr.Dataset) -> dict[str, Table]:
    return {table.title: table for table in report_on(dataset).overview(dataset) if isinstance(table, Table)}


def verdicts(dataset: xr.Dataset) -> dict[str, str]:
    return {claim.words.partition(":")[0]: claim.verdict for claim in claims(dataset)}


def test_exponents_are_those_of_least_squares(networks: xr.Dataset) -> None:
    cells = tables(networks)["Fitted exponents [95 %], and those of the claimed orders"].cells
    row = cells.set_index("Construction").loc["step"]
    of = networks["largest"].sel(
        construction="step", target="none", q=0, d=0, N=[2, 4, 8, 16], L=[2, 3, 4, 6]
    )
    n, depths = np.meshgrid(of["N"], of["L"], indexing="ij")
    design = np.column_stack([np.log(n).ravel(), np.log(depths).ravel(), np.ones(16)])
    exact = np.linalg.lstsq(design, np.log(of.values.ravel()))[0]
    assert row["Largest parameter, exponent of N"].startswith(f"{exact[0]:.2f} [")
    assert row["Largest parameter, exponent of L"].startswith(f"{exact[1]:.2f} [")
    assert row["Error, exponent of N"] == NOTHING
    assert (
        "; claimed \N{MINUS SIGN}1"
        in cells.set_index("Construction").loc["requ spline, sine, q 1, d 1", "Error, exponent of N"]
    )


def test_verdicts_follow_from_the_networks(networks: xr.Dataset) -> None:
    stated = verdicts(networks)
    assert stated["x² from sawtooth functions"] == "holds"
    assert stated["Without the modification, of depth L log L, parameters grow exponentially in L"] == "holds"
    assert stated["One layer of logistic units"] == "not run"
    worse = networks.assign(error=networks["error"] * networks["N"] ** 9, depth=networks["depth"] + 9)
    changed = verdicts(worse)
    assert changed["x² from sawtooth functions"] == "does not hold"
    assert changed["ReQU splines"] == "holds"  # their parameters
    assert claims(worse)[9].verdict == "does not hold"  # their errors
    linear = networks.assign(log10_largest=np.log10(1.0 * networks["L"].clip(1)) + 0 * networks["largest"])
    key = "Without the modification, of depth L log L, parameters grow exponentially in L"
    assert verdicts(linear)[key] == "does not hold"


def test_sizes_are_not_decided_by_intervals_that_tell_nothing(networks: xr.Dataset) -> None:
    assert verdicts(networks)["Width ~ N log N, depth ~ L² log L"] == "not run"


def test_networks_that_rounding_breaks_are_counted(networks: xr.Dataset) -> None:
    broken = networks["error_float32"] > networks["bound_error"]
    known = (broken & (networks["bound_error"] > 0)).sel(construction="square").sum()
    table = next(table for title, table in tables(networks).items() if "float32" in title)
    assert table.cells.set_index("Construction").loc["square", "float32: above the bound"] == f"{int(known)}"
    worse = networks.assign(error_float32=networks["bound_error"] * 2)
    table = next(table for title, table in tables(worse).items() if "float32" in title)
    row = table.cells.set_index("Construction").loc["square"]
    assert row["float32: above the bound"] == row["Networks"]
    assert row["float32: the first"].startswith("N 1, L 1")


def test_pictures_are_drawn_of_what_there_is(networks: xr.Dataset) -> None:
    some = networks.sel(construction=["points", "points_unmodified", "requ_spline", "square"])
    blocks = [block for section in report_on(some).content(some).sections for block in section.blocks]
    pictures = [block for block in blocks if isinstance(block, Picture)]
    names = ["requ_spline-largest", "requ_spline-error", "exponentials", "breaks"]
    assert [picture.name for picture in pictures] == names
    for picture in pictures:
        assert b"<svg" in render(picture, LIGHT, "svg")
        assert "nan" not in picture.alt
        assert len(folded_caption(picture.caption)[0]) < 190


def test_parts_and_empty_groups_are_shown(networks: xr.Dataset) -> None:
    nothing = networks.where(networks["N"] < 0)
    assert report_on(networks).overview(nothing) == ["Nothing has been built yet."]
    assert report_on(networks).content(nothing).sections == []
    one = networks.sel(construction=["square"], target="none", q=0, d=0)
    assert verdicts(one)["x² from sawtooth functions"] == "holds"
    headings = [section.heading for section in report_on(networks).content(one).sections]
    assert headings[0] == "What the source claims"
