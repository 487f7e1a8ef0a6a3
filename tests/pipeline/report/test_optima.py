"""What the probe `optimum` and counted landscapes add to pages: numbers against those of the networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.planning.plan import make_plan
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.kinds import report_on
from relusweep.pipeline.report.optima.page import sections
from relusweep.pipeline.report.optima.pictures import functions
from relusweep.pipeline.report.optima.summary import cases
from relusweep.pipeline.report.page import write_report
from relusweep.pipeline.sweeps.base import Sweep
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.tasks.optima.landscape import landscape
from relusweep.tasks.statistics import wilson
from tests.pipeline.report.pages import Page

SETTINGS = ["init=he_normal", "bias=uniform,zero", "learning_rate=0.4", "trials=60"]


def computed(sweep: Sweep) -> xr.Dataset:
    """Compute all blocks of a sweep here, as its group opens."""
    plan = make_plan(sweep, None)
    layout, sizes = sweep.layout(""), {dim: len(some) for dim, some in {**sweep.axes, **sweep.inner}.items()}
    arrays = {
        name: np.full([sizes[dim] for dim in variable.dims], variable.fill, variable.dtype)
        for name, variable in sweep.variables.items()
    }
    for block in plan.blocks:
        task, argument = sweep.task(block, "")
        found = task(argument).arrays
        for region, _ in plan.regions(block):
            for name, variable in sweep.variables.items():
                place = tuple(region.get(dim, slice(None)) for dim in variable.dims)
                arrays[name][place] = found[name].reshape(arrays[name][place].shape)
    dims = {name: variable.dims for name, variable in sweep.variables.items()}
    data = layout.coords.assign({name: (dims[name], values) for name, values in arrays.items()})
    data["done"] = xr.ones_like(data[next(iter(arrays))], bool).isel(
        dict.fromkeys(sweep.inner, 0), missing_dims="ignore"
    )
    return data.isel(dict.fromkeys(sweep.fixed, 0)).assign_attrs(layout.attrs)


@pytest.fixture(scope="module")
def networks() -> xr.Dataset:
    return computed(override(find_sweep("xor_optima"), SETTINGS))


def tables(dataset: xr.Dataset) -> dict[str, Table]:
    return {table.title: table for table in report_on(dataset).overview(dataset) if isinstance(table, Table)}


def test_shares_of_levels_are_those_of_the_networks(networks: xr.Dataset) -> None:
    cells = tables(networks)["Share of starts by level of the loss"].cells
    assert cells["bias"].tolist() == ["uniform", "zero"]
    family, errors = networks["family"].sel(bias="zero"), networks["squared_error"].sel(bias="zero")
    solved = int(((family >= 0) & (errors < 0.1)).sum())
    rate, low, high = (100 * float(value) for value in wilson(solved, 60))
    assert cells["Loss 0, % [95 %]"].iloc[1] == f"{rate:.1f} [{low:.1f}, {high:.1f}]"
    every = tables(networks)["All families of stationary points"].cells
    assert every["Loss"].tolist() == ["0", "8/3", "4"]
    assert every["Minima inside cells"].astype(int).sum() == 36


def test_the_page_shows_functions_cells_and_formulas(networks: xr.Dataset, tmp_path: Path) -> None:
    page = Page(write_report(networks.sel(bias="uniform"), tmp_path, {"sweep": "xor_optima"}))
    assert {path.stem for path in tmp_path.glob("*.png")} >= {"functions", "sign-cells"}
    assert "Of 64 patterns 36 are possible." in page.text
    assert "c = 1/3" in page.text
    assert "0.4 is the rate 0.1 of the source" in page.text
    assert "nan" not in page.text.lower()


def test_networks_that_have_not_run_are_left_out(networks: xr.Dataset) -> None:
    part = networks.where(networks["trial"] < 10).assign(done=networks["done"] & (networks["trial"] < 10))
    (case,) = cases(part)
    assert [setting.data.sizes["trial"] for setting in case.settings] == [10, 10]
    (empty,) = cases(networks.where(networks["trial"] < 0))
    assert empty.reached == []
    assert np.isnan(empty.source.share({1}).rate)


def test_classes_of_functions_have_sections_of_their_own() -> None:
    settings = ["problems=1,6", "width=1", "depth=1", "leak=0", "loss=mse", "optimizer=sgd", "epochs=200"]
    settings += ["learning_rate=0.1", "stop=last_epoch", "probes=optimum", "trials=8"]
    data = computed(override(find_sweep("npn2"), settings))
    headings = [section.heading for section in sections(data)]
    assert headings == [
        f"{what} of problem {problem}"
        for problem in (1, 6)
        for what in ("Stationary points reached", "All stationary points")
    ]


def test_where_no_family_was_reached_tables_of_families_are_left_out(
    networks: xr.Dataset, tmp_path: Path
) -> None:
    one = networks.sel(bias=["uniform"])
    nobody = one.assign(family=xr.full_like(one["family"], -1))
    diverged = one.assign({name: one[name].where(False) for name in ("family", "sign_cell", "squared_error")})
    for number, data in enumerate((nobody, diverged)):
        titles = list(tables(data))
        assert "Share of starts by level of the loss" in titles
        assert not any(title.startswith("Families reached") for title in titles)
        page = Page(write_report(data, tmp_path / str(number), {"sweep": "xor_optima"}))
        assert "Share of starts by level of the loss" in page.text
        assert "Shares are of the networks that stayed finite." in page.text
        assert "By symmetric class" not in page.text


def test_landscapes_need_classes() -> None:
    with pytest.raises(InvalidSweep, match="problems = none: there is nothing to compute without"):
        override(find_sweep("landscape2"), ["problems=none"])


def test_captions_count_the_rows_of_each_point(networks: xr.Dataset) -> None:
    (case,) = cases(networks.sel(bias="uniform"))
    (picture,) = functions(case)
    assert picture.caption.endswith("Dots are the points. That at 0 counts 2 times.")
    case.landscape = landscape([[-1], [1]], [-1, 1], 2)
    assert next(functions(case)).caption.endswith("Dots are the points.")


def test_landscapes_are_counted_and_shown(tmp_path: Path) -> None:
    data = computed(override(find_sweep("landscape2"), ["problems=0,6", "width=1"]))
    (cells,) = (table.cells for table in tables(data).values())
    assert cells["Class"].tolist() == ["0", "6"]
    assert cells["Least loss"].tolist() == ["0", "8/3"]
    assert cells["Poor minimum"].tolist() == ["no", "yes"]
    page = Page(write_report(data, tmp_path, {"sweep": "landscape2"}))
    assert "Class 6, width 1" in page.text
    assert "nan" not in page.text.lower()
