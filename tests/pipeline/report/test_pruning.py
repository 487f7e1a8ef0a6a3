"""Pages and terminal tables of pruning: the numbers of the store, a dash where nothing was learned."""

from __future__ import annotations

import re
from math import comb
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from relusweep.cluster import Address
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.report.content import Folded, Table
from relusweep.pipeline.report.page import write_report
from relusweep.pipeline.report.pruning import removals
from relusweep.pipeline.report.pruning.page import sections
from relusweep.pipeline.report.pruning.summary import deep
from relusweep.pipeline.report.pruning.terminal import overview
from relusweep.pipeline.report.theme import DARK, Picture, render
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from tests.pipeline.report.pages import Page

SMALL = {
    "prune_wide": ("trials=6", "n_inputs=2,3", "width=2..4", "epochs=400"),
    "prune_deep": ("trials=2", "n_inputs=2,3", "width=6,9", "depth=2", "where=width == 3 * n_inputs"),
    "prune_masks": ("trials=6", "n_inputs=2", "width=2,3", "epochs=400"),
}


@pytest.fixture(scope="module")
def stored(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> dict[str, xr.Dataset]:
    store = str(tmp_path_factory.mktemp("pruning") / "store")
    for name, settings in SMALL.items():
        assert not run(override(find_sweep(name), settings), store, workers).failed
    return {name: open_results(store, f"boolean/{name}").load() for name in SMALL}


def tables(dataset: xr.Dataset) -> list[list[list[str]]]:
    return [
        block.cells.map(str).to_numpy().tolist() for block in overview(dataset) if isinstance(block, Table)
    ]


def test_the_sources_table_has_the_first_original_of_four_tries(stored: dict[str, xr.Dataset]) -> None:
    data = stored["prune_wide"]
    source, over_all = tables(data)
    assert [row[0] for row in source] == ["2", "3", "4"]
    dashes = 0
    for row in source:
        for n, cell in zip((2, 3), row[1:], strict=True):
            least = data["least_units"].sel(n_inputs=n, width=int(row[0])).squeeze()[:4].to_numpy()
            first = np.flatnonzero(np.isfinite(least))[:1]
            if not len(first):
                assert cell == "\N{EN DASH}"
                dashes += 1
                continue
            size = int(least[first[0]])
            right = data["subsets_right"].sel(n_inputs=n, width=int(row[0]), kept_units=size).squeeze()
            assert cell == f"{size} ({int(right[first[0]])} of {comb(int(row[0]), size)})"
    assert 0 < dashes < 6  # 3-parity needs more than two units of one layer
    assert len(over_all) == 6


def test_prunings_are_counted_as_in_the_store(stored: dict[str, xr.Dataset]) -> None:
    data = stored["prune_deep"]
    sizes, shapes = tables(data)
    assert [row[:2] for row in sizes] == [["2", "6"], ["3", "9"]]  # no others were asked for
    for row in sizes:
        left = data["layer_units"].sel(n_inputs=int(row[0]), width=int(row[1])).squeeze().to_numpy()
        left = left[np.isfinite(left).all(axis=(1, 2))]
        units = left.sum(axis=2)
        assert row[3] == str(units.size)
        assert f"({units.min():.0f} to {units.max():.0f})" in row[4]
        smallest = left.reshape(-1, 2)[units.argmin()].astype(int)
        assert row[5] == "-".join(map(str, smallest))
        assert row[6] == "2"  # 2² ≥ 3
        assert row[7] == f"{(left <= 2).all(axis=2).sum()} of {units.size}"
    assert sum(int(row[4].split()[0]) for row in shapes) <= sum(int(row[3]) for row in sizes)


def test_the_chain_that_is_drawn_ends_with_what_is_left(stored: dict[str, xr.Dataset]) -> None:
    summary = deep(stored["prune_deep"])
    for row in summary.table.to_dict("records"):
        chain = removals._smallest(summary, row)
        assert (chain.left[:, 0] == row["width"]).all()
        assert "-".join(map(str, chain.left[:, -1])) == row["smallest"]
        np.testing.assert_array_equal(np.diff(chain.left.sum(axis=0)), -1)
    picture = removals.chains(summary)
    assert picture
    for axis in picture.draw(DARK).axes:
        assert all(place == round(place) for place in [*axis.get_xticks(), *axis.get_yticks()])


def test_masks_are_counted_as_in_the_store(stored: dict[str, xr.Dataset]) -> None:
    data = stored["prune_masks"]
    sizes, structures = tables(data)
    assert [row[:3] for row in sizes] == [["2", w, of] for w in ("2", "3") for of in ("units", "weights")]
    least = data["mask_least"].sel(width=3, masked="weights").squeeze().to_numpy()
    least = least[np.isfinite(least)]
    assert sizes[3][3] == f"{len(least)} of 6"
    assert f"({least.min():.0f} to {least.max():.0f})" in sizes[3][5]
    assert ["2", "2", "units", "11"] in [row[:4] for row in structures]
    assert "smallest of each" not in overview(data)[-1].title
    some = overview(data.isel(mask=[0]).assign(masks_minimal=data["masks_minimal"] + 1))[-1]
    assert some.title.endswith("of the 1 smallest of each original")


def test_the_page_has_the_section_with_its_pictures(stored: dict[str, xr.Dataset], tmp_path: Path) -> None:
    run_of = {"sweep": "prune_wide", "seconds": 1.0}
    folder = write_report(stored["prune_wide"].sel(width=[3, 4]), tmp_path, run_of).parent
    page = Page(folder / "report.html")
    assert "Pruning: all subsets of the units" in page.text
    assert "nan" not in page.text.lower()
    for picture in ("least_units", "trajectories"):
        assert (folder / f"{picture}.png").read_bytes().startswith(b"\x89PNG")
    assert all(re.search(r"\d", image["alt"]) for image in page.images)


@pytest.mark.parametrize(("name", "names"), [("prune_deep", ["units_left", "chains"]), ("prune_masks", [])])
def test_sections_of_the_other_probes(stored: dict[str, xr.Dataset], name: str, names: list[str]) -> None:
    (section,) = sections(stored[name])
    pictures = [block for block in section.blocks if isinstance(block, Picture)]
    assert [picture.name for picture in pictures] == names
    for picture in pictures:
        assert re.search(r"\d", picture.alt)
        assert render(picture, DARK, "png").startswith(b"\x89PNG")


def test_where_nothing_was_learned_there_are_dashes_and_no_pictures(stored: dict[str, xr.Dataset]) -> None:
    nobody = stored["prune_wide"].sel(n_inputs=[3], width=[2])
    assert not nobody["least_units"].notnull().any()
    (section,) = sections(nobody)
    assert not [block for block in section.blocks if isinstance(block, Picture)]
    assert tables(nobody)[0] == [["2", "\N{EN DASH}"]]
    deep_data = stored["prune_deep"].sel(n_inputs=[3], width=[9])
    lost = deep_data.assign(success_epoch=xr.full_like(deep_data["success_epoch"], -1))
    lost = lost.assign({name: lost[name].where(False) for name in ("layer_units", "removed_layer")})
    (section,) = sections(lost)
    assert not [block for block in section.blocks if isinstance(block, Picture)]
    (sizes,) = tables(lost)  # and none of layers that were left
    assert sizes[0][3:6] == ["0", "\N{EN DASH}", "\N{EN DASH}"]
    assert not any(isinstance(block, Folded) for block in section.blocks)
    masks = stored["prune_masks"].sel(width=[2])
    lost = masks.assign({name: masks[name].where(False) for name in masks if str(name).startswith("mask")})
    (section,) = sections(lost)
    assert len(tables(lost)) == 1
    assert sum(isinstance(block, Table) for block in section.blocks) == 1


def test_masks_of_a_problem_without_an_axis_of_inputs_are_drawn_whole(
    workers: Address, tmp_path: Path
) -> None:
    fields = ["probes=masks,subsets", "trials=12", "init=he_normal", "bias=uniform", "learning_rate=0.4"]
    store = str(tmp_path / "store")
    assert not run(override(find_sweep("xor_optima"), fields), store, workers).failed
    data = open_results(store, "xor_line/xor_optima").load()
    *_, structures = tables(data)
    drawn = [row[3] for row in structures if row[2] == "weights"]
    assert [row[0] for row in structures] == ["1"] * len(structures)
    assert drawn
    assert all(re.fullmatch("[01]{2} [01]{2} [01]{3}", text) for text in drawn)
    (picture,) = [block for block in sections(data)[0].blocks if getattr(block, "name", "") == "trajectories"]
    assert "Dashed" not in picture.caption  # of the squared error that would be another number


def test_layers_of_their_own_widths_are_not_mixed(stored: dict[str, xr.Dataset]) -> None:
    data = stored["prune_deep"].sel(n_inputs=[2], width=[6])
    other = data.assign(layer_units=data["layer_units"].where(data["layer"] == 0))  # of one layer
    both = xr.concat([data.assign_coords(widths="6-6"), other.assign_coords(widths="6")], "widths")
    both = both.assign_coords(width=[0], depth=0)
    sizes, shapes = tables(both)
    assert [row[:2] for row in sizes] == [["2", "6-6"], ["2", "6"]]
    for layers in ("6-6", "6"):
        left = [row[2] for row in shapes if row[1] == layers]
        assert left
        assert all(text.count("-") == layers.count("-") for text in left)
    (section,) = sections(both)
    assert all("6-6: " in b.alt for b in section.blocks if isinstance(b, Picture))
