"""The page of the smallest networks: what is found, constructed, excluded and open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from relusweep.cluster import Address
from relusweep.pipeline.common.engine import open_results
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.report.frontier.summary import Frontier, summarise
from relusweep.pipeline.report.frontier.tables import (
    class_table,
    open_table,
    power_table,
    shape_table,
    swaps_table,
)
from relusweep.pipeline.report.page import write_report
from relusweep.pipeline.sweeps.derived.making import derived
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.named.frontier import _THRESHOLD
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.tasks.boolean.certificates import is_certified
from relusweep.tasks.boolean.frontier import excluded
from relusweep.tasks.boolean.npn import npn_classes
from relusweep.tasks.boolean.swaps import swaps
from relusweep.tasks.boolean.truth_tables import truth_table
from relusweep.tasks.networks import Network

FEW = ("problems=1,6,27,105", "width=1..3", "depth=1,2", "where=width > 1 or problem == 1", "trials.most=40")


@pytest.fixture(scope="module")
def store(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> str:
    place = str(tmp_path_factory.mktemp("frontier") / "store")
    run(override(find_sweep("frontier3"), FEW), place, workers)
    return place


@pytest.fixture(scope="module")
def data(store: str) -> xr.Dataset:
    return open_results(store, "boolean/frontier3").load()


@pytest.fixture(scope="module")
def frontier(data: xr.Dataset) -> Frontier:
    return summarise(data)


@pytest.mark.parametrize("n", _THRESHOLD)
def test_what_is_left_out_of_width_one_is_what_is_excluded(n: int) -> None:
    ids = npn_classes(n).representative.astype(np.uint64)
    left = ids[excluded(swaps(truth_table(ids, n)).count, 1)]
    assert sorted({*ids.tolist()} - {*left.tolist()}) == list(_THRESHOLD[n])
    assert SWEEPS[f"frontier{n}"].where == f"width > 1 or problem in {list(_THRESHOLD[n])}"


def test_first_successes_and_starts_are_those_of_the_networks(data: xr.Dataset, frontier: Frontier) -> None:
    epochs = data["success_epoch"].transpose("problem", "leak", "width", "depth", "trial").values
    for place in np.ndindex(*epochs.shape[:-1]):
        first = [trial for trial, epoch in enumerate(epochs[place]) if epoch >= 0]
        assert frontier.first.values[place] == (first[0] if first else -1)
        assert frontier.starts.values[place] == np.isfinite(epochs[place]).sum()
    assert not frontier.starts.where(frontier.excluded, 0).any()


def test_every_shape_is_known_excluded_or_open(frontier: Frontier) -> None:
    assert (frontier.known.astype(int) + frontier.excluded + frontier.open == 1).all()
    assert not (frontier.found & frontier.excluded).any()
    parity = frontier.constructed.sel(problem=105)
    assert parity.sel(width=2).values.tolist() == [False, True]
    assert parity.sel(width=3).all()
    assert frontier.constructed.sel(problem=6, width=2).all()
    near = frontier.at_the_frontier
    assert (near & ~frontier.open).sum() == 0


def test_tables_count_what_the_frontier_says(frontier: Frontier) -> None:
    rows = shape_table(frontier).cells.set_index(["Leak", "Shape"])
    two = rows.loc[("0.1", "2 \N{MULTIPLICATION SIGN} 2")]
    assert int(two["Found"]) == int(frontier.found.sel(leak=0.1, width=2, depth=2).sum())
    assert int(rows.loc[("0", "1 \N{MULTIPLICATION SIGN} 1"), "Excluded"]) == 3
    powers = power_table(frontier).cells.set_index("Shape")
    assert powers.loc["2 \N{MULTIPLICATION SIGN} 1", "Classes with fewer swaps"] == "1"
    assert powers.loc["2 \N{MULTIPLICATION SIGN} 2", "Classes with fewer swaps"] == "4"
    assert len(open_table(frontier).cells) == int(frontier.at_the_frontier.sum())
    assert (
        class_table(frontier).cells["Constructed"].tolist()[-1]
        == "2 \N{MULTIPLICATION SIGN} 2, 3 \N{MULTIPLICATION SIGN} 1"
    )
    by_swaps = swaps_table(frontier).cells
    assert by_swaps["Classes"].astype(int).groupby(by_swaps["Leak"]).sum().tolist() == [4, 4]


def test_the_page_and_what_it_asks_for_next(data: xr.Dataset, frontier: Frontier, tmp_path: Path) -> None:
    page = write_report(data, tmp_path / "page", {"group": "boolean/frontier3"})
    assert "Which is the smallest network" in page.read_text()
    if frontier.at_the_frontier.any():
        more = override(find_sweep(str(tmp_path / "page" / "frontier3_more.yaml")), [])
        assert more.until.most == 1_000_000
        asked = xr.DataArray(
            np.broadcast_to(more.wanted, more.shape)[..., 0],
            {dim: labels for dim, labels in more.axes.items() if dim != "trial"},
            [dim for dim in more.axes if dim != "trial"],
        ).squeeze([dim for dim in more.axes if dim not in (*frontier.open.dims, "trial")])
        assert int(asked.sum()) == int(frontier.at_the_frontier.sum())
        assert (
            frontier.at_the_frontier.sel({dim: asked[dim] for dim in frontier.open.dims})
            .where(asked, True)
            .all()
        )


def test_first_successes_are_certified(store: str, frontier: Frontier, workers: Address) -> None:
    asked = derived(store, "boolean/frontier3", "certificate", {}, {}, first_success=True)
    run(asked, store, workers)
    found = open_results(store, "boolean/frontier3.certificate").load()
    assert int(found["done"].sum()) == int(frontier.found.sum())
    certified = found["certified"] == 1
    assert (certified.any("trial") == frontier.found).all()
    for problem, leak in [(27, 0.0), (105, 0.1)]:
        at = {"problem": problem, "leak": leak, "width": 3, "depth": 2}
        network = Network(n_inputs=3, width=3, depth=2, leak=leak)
        weights = found["certificate"].sel(at).sel(trial=int(frontier.first.sel(at))).values
        assert is_certified(network, weights[: network.n_parameters], truth_table(problem, 3))
