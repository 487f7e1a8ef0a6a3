"""Results from Python: opened, listed, compared, reported on; and networks without a sweep."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import relusweep as rs
from relusweep.pipeline.commands import app
from relusweep.storage import Committer, Layout, Variable


def test_open_gives_what_the_engine_gives(store: Path) -> None:
    there = xr.open_dataset(store, engine="relusweep", group="boolean/npn2")
    for group in ("boolean/npn2", "/boolean/npn2/", "npn2", "boolean"):
        here = rs.open(store, group)
        assert isinstance(here, xr.Dataset)
        xr.testing.assert_identical(here, there)
    assert rs.open(store, "npn2", chunks={}).chunks
    assert rs.open(store)["boolean/npn2"].to_dataset().identical(there)
    assert rs.groups(store) == ["boolean/npn2"]


def test_open_takes_versions(store: Path) -> None:
    newest, first = rs.history(store)[0], rs.history(store, "four")[0]
    assert rs.open(store, "npn2", at="four").sizes["trial"] == 4
    assert rs.open(store, "npn2", at=first.id).sizes["trial"] == 4
    assert rs.open(store, "npn2", at=newest.written_at).sizes["trial"] == 6
    assert rs.open(store, "npn2", at=datetime.now(UTC).date()).sizes["trial"] == 6
    assert rs.groups(store, at="four") == ["boolean/npn2"]


def test_stages_open_as_a_tree(folder: Path) -> None:
    with Committer("results", create=True) as committer:
        for stage in ("training", "summary"):
            layout = Layout(
                group=f"images/digits/{stage}",
                coords=xr.Dataset(coords={"network": range(2)}),
                variables={"loss": Variable(("network",), "float64", np.nan)},
                chunks={},
                attrs={"kind": "images", "specification": "{}"},
                progress_dims=("network",),
            )
            committer.prepare(layout)
        committer.commit("two stages", {})
    for group in ("images/digits", "digits"):
        tree = rs.open("results", group)
        assert isinstance(tree, xr.DataTree)
        assert set(tree.children) == {"training", "summary"}
    assert isinstance(rs.open("results", "images/digits/training"), xr.Dataset)
    assert rs.groups("results") == ["images/digits/summary", "images/digits/training"]


@pytest.mark.parametrize("group", ["npn3", "npn"])
def test_what_is_no_group_is_told(store: Path, group: str) -> None:
    with pytest.raises(rs.errors.UnknownSweep, match=f"no sweep {group!r} in .*; name one .*: boolean/npn2"):
        rs.open(store, group)


def test_where_no_store_is_none_is_made(folder: Path) -> None:
    for ask in (rs.open, rs.groups, rs.history):
        with pytest.raises(rs.errors.StoreNotFound, match="nowhere"):
            ask("nowhere")
    assert list(folder.iterdir()) == []


def test_versions_compare(store: Path, folder: Path) -> None:
    comparison = rs.compare(store, "four")
    assert comparison.dataset.attrs["n_added_cells"] == 32
    assert "64 cells that both have are the same" in repr(comparison)
    assert "success_epoch" in repr(comparison)
    assert '<td style="text-align:left">success_epoch</td>' in comparison._repr_html_()
    assert any("success_epoch" in table.to_numpy() for table in comparison.tables.values())
    assert (
        comparison.write("told") == folder / "told" / "comparison.html"
        or Path("told/comparison.html").is_file()
    )
    with pytest.raises(rs.errors.UnknownSweep, match="no sweep 'npn9'"):
        rs.compare(store, "four", "newest", "npn9")


def test_the_report_is_that_of_the_command_line(
    small: rs.Sweep, store: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = rs.report(small, store)
    assert page == Path("report/report.html")
    assert page._repr_html_() == '<a href="report/report.html" target="_blank">report/report.html</a>'
    monkeypatch.setattr(
        "sys.argv", ["relusweep", "report", "npn2", "--store", str(store), "--folder", "other"]
    )
    with pytest.raises(SystemExit):
        app.main()
    assert page.read_bytes() == Path("other/report.html").read_bytes()


def test_the_page_of_a_version_elsewhere(store: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    page = rs.report("npn2", store, tmp_path_factory.mktemp("elsewhere"), at="four")
    assert page._repr_html_().startswith(f'<a href="file://{page}"')
    assert rs.history(store, "four")[0].id in page.read_text()


def test_runs_say_what_makes_them_go_on(store: Path) -> None:
    commands = {run.document["command"] for run in rs.runs(store)}
    assert len(commands) == 1
    assert "pytest" in commands.pop()


def test_training_without_a_sweep() -> None:
    network = rs.Network(n_inputs=2, width=3, depth=1, leak=0.1)
    rows, parity = rs.boolean.inputs(2), rs.boolean.truth_table([rs.boolean.parity(2)], 2)[0]
    result = rs.train(rs.Protocol(network=network), rows, parity, trials=30)
    assert result.parameters is not None
    assert result.parameters.shape == (30, network.n_parameters)
    assert (result.success_epoch >= 0).any()
    fewer = rs.train(rs.Protocol(network=network), rows, parity, trials=10)
    np.testing.assert_array_equal(fewer.loss, result.loss[:10])
    again = rs.train(rs.Protocol(network=network, epochs=0), rows, parity, initial=result.parameters)
    np.testing.assert_array_equal(again.parameters, result.parameters)
    other = rs.train(rs.Protocol(network=network), rows, parity, trials=10, seed=1)
    assert not np.array_equal(other.loss, fewer.loss)


def test_networks_of_waves_start_from_the_rows() -> None:
    network = rs.Network(n_inputs=1, width=4, depth=4, init="compositional")
    protocol = rs.Protocol(network=network, loss="mse", stop="last_epoch", epochs=0)
    x = np.linspace(0, 1, 33)[:, None]
    convex, concave = (rs.train(protocol, x, y, trials=3) for y in (x[:, 0] ** 2, np.sqrt(x[:, 0])))
    assert max(convex.loss.max(), concave.loss.max()) < 0.05
    assert not np.array_equal(convex.parameters, concave.parameters)
    with pytest.raises(ValueError, match="neither convex nor concave"):
        rs.train(protocol, x, np.cos(np.pi * x[:, 0]) / -2 + 0.5)
    with pytest.raises(ValueError, match=r"targets of shape \(32,\), allowed are"):
        rs.train(protocol, x, x[:-1, 0])


def test_training_in_batches_with_test_rows() -> None:
    protocol = rs.Protocol(network=rs.Network(n_inputs=1, width=2, depth=1), loss="mse", batch=2, epochs=5)
    rows, targets = np.linspace(-1, 1, 8)[:, None], np.linspace(-1, 1, 8) ** 2
    result = rs.train(protocol, rows, targets, trials=3, test=(rows, targets))
    np.testing.assert_array_equal(result.test_loss, result.loss)


def test_targets_of_many_networks_are_refused() -> None:
    protocol = rs.Protocol(network=rs.Network(n_inputs=1, width=2, depth=1))
    with pytest.raises(
        ValueError, match=r"targets have shape \(2, 2\); allowed is \(n_rows, n_targets = 1\)"
    ):
        rs.train(protocol, [[0.0], [1.0]], [[-1, 1], [1, -1]])


def test_cka_is_one_for_what_is_turned_and_less_for_others() -> None:
    draw = np.random.default_rng(0)
    rows, others = draw.normal(size=(2, 40, 3, 5))
    turn = np.linalg.qr(draw.normal(size=(5, 5)))[0]
    found = rs.comparison.cka([rows, 3 * rows @ turn + 1, others])
    np.testing.assert_allclose(found, found.T)
    np.testing.assert_allclose(found[0], [1, 1, found[0, 2]])
    x, y = (array - array.mean(0) for array in (rows, others))
    by_hand = np.mean([
        np.linalg.norm(x[:, j].T @ y[:, j]) ** 2
        / np.linalg.norm(x[:, j].T @ x[:, j]) / np.linalg.norm(y[:, j].T @ y[:, j])
        for j in range(3)
    ])  # fmt: skip
    np.testing.assert_allclose(found[0, 2], by_hand)
    with pytest.raises(ValueError, match=r"coefficients have shape \(networks, samples, outputs, columns\)"):
        rs.comparison.cka(rows)
