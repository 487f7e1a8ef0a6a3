"""Pages of decomposed neurons: verdicts against losses put in by hand, numbers against those of networks."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from relusweep.pipeline.report.claims import Claim
from relusweep.pipeline.report.content import Table
from relusweep.pipeline.report.kinds import report_on
from relusweep.pipeline.report.neurons.claims import _parameters, claims
from relusweep.pipeline.report.neurons.page import sections
from relusweep.pipeline.report.neurons.summary import best, cases, neurons_of
from relusweep.pipeline.report.theme import LIGHT, Picture, render
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.tasks.statistics import wilson
from tests.pipeline.report.test_optima import computed

ONE = [
    "trials=12",
    "points=9",
    "epochs=60",
    "target=kink",
    "learning_rate=0.1",
    "optimizer=adam",
    "kink_rate=0.1",
]
MANY = [
    *("trials=8", "points=16", "test_points=8", "epochs=40", "target=saddle,norm3", "kink_rate=0.1"),
    *("learning_rate=0.03", "activation=relu,softplus,decomposed_relu,decomposed_softplus"),
]


@pytest.fixture(scope="module")
def one() -> xr.Dataset:
    return computed(override(find_sweep("one_neuron"), ONE))


@pytest.fixture(scope="module")
def many() -> xr.Dataset:
    return computed(override(find_sweep("decomposed"), MANY))


def tables(dataset: xr.Dataset) -> dict[str, Table]:
    return {table.title: table for table in report_on(dataset).overview(dataset) if isinstance(table, Table)}


def with_losses(dataset: xr.Dataset, losses: dict[str, float]) -> xr.Dataset:
    """Put losses in the place of those of some activations, spread by a hundredth over the trials."""
    spread = 1 + xr.DataArray(np.linspace(0, 0.01, dataset.sizes["trial"]), dims="trial")
    changed = dataset["final_loss"].copy()
    for name, loss in losses.items():
        there = (dataset["activation"] == name) & changed.notnull()
        changed = xr.where(there, loss * spread, changed).transpose(*dataset["final_loss"].dims)
    return dataset.assign(final_loss=changed.astype(np.float32))


def verdicts(found: list[Claim], words: str) -> list[str]:
    return [claim.verdict for claim in found if words in claim.words]


def test_shares_of_starts_are_those_of_the_networks(one: xr.Dataset) -> None:
    table = tables(one)["One neuron, at the best rates of each optimiser"].cells
    row = table[table["Neuron"] == "ReLU"].iloc[0]
    losses = one["final_loss"].sel(activation="relu", leak=0, scalars="backpropagation").values.ravel()
    share = wilson(int((losses <= 0.01).sum()), 12)
    low, high = (f"{100 * float(end):.1f}" for end in (share.low, share.high))
    assert row["Loss ≤ 0.0100, % [95 %]"].endswith(f"[{low}, {high}]")
    assert len(table) == 7  # two of ReLU, one of SiLU, two of each kind


def test_starts_are_told_apart_by_where_they_grow(one: xr.Dataset) -> None:
    start = one["snapshots"].isel(snapshot_epoch=0).sel(activation="silu", leak=0, scalars="backpropagation")
    (case,) = (case for case in cases(one) if case.neuron == "SiLU")
    expected = (start.isel(parameter=0) * start.isel(parameter=2) > 0).values.ravel()
    assert case.grows is not None
    assert case.grows.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("kind", "plain", "verdict"),
    [(0.001, 0.02, "holds"), (0.02, 0.02, "does not hold"), (0.02, 0.001, "does not hold")],
)
def test_a_neuron_that_always_finds_it_bears_the_claim_out(
    one: xr.Dataset, kind: float, plain: float, verdict: str
) -> None:
    found = claims(with_losses(one, {"decomposed_relu": kind, "relu": plain}))
    assert verdicts(found, "one of the ReLU kind never dies") == [verdict]


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(20.0, "does not hold"), (40.0, "holds"), (1 / 40, "does not hold")]
)
def test_errors_of_so_many_orders_bear_the_claim_out(many: xr.Dataset, ratio: float, verdict: str) -> None:
    found = claims(with_losses(many, {"decomposed_relu": 1e-3 / ratio, "relu": 1e-3, "softplus": 1.0}))
    assert verdicts(found, "ReLU kind are 1.5 to 2 orders") == [verdict, verdict]
    assert verdicts(found, "softplus kind are 3 orders") != ["not run", "not run"]


def test_fewer_than_six_networks_decide_nothing(one: xr.Dataset, many: xr.Dataset) -> None:
    for dataset in (one, many):
        found = claims(dataset.isel(trial=slice(5)))
        assert {claim.verdict for claim in found} == {"not run"}
        assert all("too few" in claim.figures for claim in found)


def test_networks_that_diverged_decide_nothing(many: xr.Dataset) -> None:
    both = claims(with_losses(many, {"decomposed_relu": np.nan, "relu": np.nan}))
    assert verdicts(both, "ReLU kind are 1.5 to 2 orders") == ["not run"] * 2
    ours = claims(with_losses(many, {"decomposed_relu": np.nan}))
    assert verdicts(ours, "ReLU kind are 1.5 to 2 orders") == ["does not hold"] * 2
    assert not any("nan" in claim.figures or "inf" in claim.figures for claim in (*both, *ours))


def test_other_neurons_and_layers_are_shown_beside() -> None:
    asked = [
        *("trials=6", "points=9", "epochs=3", "target=saddle", "activation=relu,maximum,decomposed_relu"),
        *("leak=0", "width=0", "depth=0", "widths=3-2,3", "group=2,3", "optimizer=adam"),
        *("learning_rate=0.03", "kink_rate=0.1", "scalars=rules", "test_points=4"),
        "where=activation == 'maximum' or group == 2",
    ]
    every = cases(computed(override(find_sweep("decomposed"), asked)))
    assert neurons_of(every) == ["ReLU", "maximum of 2", "maximum of 3", "ReLU kind, rules"]
    assert {(case.labels["width"], case.labels["depth"]) for case in every} == {(3, 1), (3, 2)}
    assert [_parameters(case) for case in every if case.neuron == "maximum of 3"] == [31, 67]


def test_networks_of_the_best_rates_are_shown(many: xr.Dataset) -> None:
    here = many["final_loss"].sel(target="saddle", activation="decomposed_relu", leak=0, width=20)
    medians = here.sel(scalars="rules").median("trial")
    for optimizer in ("adam", "sgd"):
        of = [
            case
            for case in cases(many)
            if (case.neuron, case.labels["target"], case.labels["optimizer"])
            == ("ReLU kind, rules", "saddle", optimizer)
        ]
        case = best(of)
        assert case is not None
        assert case.loss.median == pytest.approx(float(medians.sel(optimizer=optimizer).min()))


@pytest.mark.parametrize(("which", "names"), [("one", {"found"}), ("many", {"errors", "progress"})])
def test_pages_show_claims_and_pictures(which: str, names: set[str], request: pytest.FixtureRequest) -> None:
    first, *others = sections(request.getfixturevalue(which))
    assert first.heading == "Claims of the source"
    pictures = [block for section in others for block in section.blocks if isinstance(block, Picture)]
    assert {picture.name for picture in pictures} == names
    for picture in pictures:
        assert "nan" not in f"{picture.alt} {picture.caption}"
        assert render(picture, LIGHT, "svg").startswith(b"<?xml")
