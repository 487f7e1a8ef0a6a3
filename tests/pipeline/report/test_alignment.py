"""What the page says of regions and parameters: of tables made by hand, and of a small sweep."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import relusweep as rs
from relusweep.cluster import Address
from relusweep.pipeline.execution.run import run
from relusweep.pipeline.report.alignment.claims import claims, decided
from relusweep.pipeline.report.alignment.frame import PLAIN, SIZES, beside_plain, networks, remedies
from relusweep.pipeline.report.alignment.growth import depth_growth, exponents_table, width_growth
from relusweep.pipeline.report.alignment.page import sections
from relusweep.pipeline.report.alignment.pictures import partitions_picture
from relusweep.pipeline.report.alignment.remedies import errors_table, nearness, ratios, remedies_table
from relusweep.pipeline.report.alignment.terminal import overview
from relusweep.pipeline.report.content import Folded, Table
from relusweep.pipeline.report.text import NOTHING
from relusweep.pipeline.report.theme import LIGHT, Picture
from relusweep.pipeline.sweeps.named import SWEEPS
from relusweep.pipeline.sweeps.training.sweep import TrainingSweep
from relusweep.tasks.networks import Network

KINDS = [
    PLAIN,
    "maxima of 2",
    "maxima of 3",
    "orthogonality 0.001",
    "pull 0.0001",
    "pull 0.001",
    "two slopes",
]


@pytest.fixture(scope="module")
def dataset(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """The sweep `alignment`, small."""
    store = str(tmp_path_factory.mktemp("alignment") / "store")
    fields: dict[str, Any] = {
        "target": ["norm", "sine"],
        "width": [4, 8, 12],
        "depth": [1, 2, 3],
        "trials": 1,
        "epochs": 30,
        "probes.regions.at": [0, 30],
        "probes.alignment.at": [0, 30],
    }
    sweep = rs.sweep(SWEEPS["alignment"], **fields)
    assert isinstance(sweep, TrainingSweep)
    assert not run(sweep, store, workers).failed
    return rs.open(store, "alignment")


def synthetic(
    kinds: dict[str, tuple[float, float]], plain_widths: tuple[int, ...] = (2, 4, 8)
) -> pd.DataFrame:
    """Regions ``2 · parameters`` and errors ``1 / parameters`` of plain networks; times factors of others."""
    rows = []
    for kind, (regions, errors) in {PLAIN: (1.0, 1.0), **kinds}.items():
        for width in plain_widths if kind == PLAIN else (3,):
            for target in "abcdefg":
                size = dict(zip(SIZES, (2, target, kind, width, 1, 4 * width), strict=True))
                many = 8.0 * width * regions
                rows.append({**size, "start": many, "end": many, "error": errors / (4 * width)})
    return pd.DataFrame(rows)


def test_plain_networks_of_as_many_parameters_are_interpolated_along_power_laws() -> None:
    table = synthetic({"better": (0.5, 0.25), "as good": (1.0, 1.0)})
    for column, expected in (("end", 0.5), ("error", 0.25)):
        found = ratios(table, column)
        assert found["better"].sizes == 7
        assert found["better"].of.median == pytest.approx(expected, rel=1e-12)
        assert found["as good"].of.median == pytest.approx(1, rel=1e-12)
    near = nearness(table)  # plain networks have two regions for each parameter, the better ones one
    assert near["better"].of.median == pytest.approx(2, rel=1e-12)
    assert near["as good"].of.median == pytest.approx(1, rel=1e-12)


def test_nothing_is_compared_beyond_the_sizes_of_plain_networks() -> None:
    table = synthetic({"larger": (1, 1)}, plain_widths=(1, 2))
    assert not len(beside_plain(table, "end"))
    assert ratios(table, "end")["larger"].sizes == 0
    assert NOTHING in remedies_table(table).cells.iloc[0].to_numpy()
    table.loc[table["remedy"] == PLAIN, "end"] = np.nan
    assert not len(beside_plain(table, "end"))


def test_laws_of_growth_are_told_apart() -> None:
    def grown(law: Any) -> pd.DataFrame:
        sizes = [(2, "a", PLAIN, 4, depth, depth) for depth in (1, 2, 3, 4, 6)]
        table = pd.DataFrame(sizes, columns=SIZES)
        return table.assign(start=law(table["depth"]), end=law(table["depth"]))

    (power,) = depth_growth(grown(lambda depth: 3.0 * depth**2))
    assert power.power["start"].slope == pytest.approx(2)
    assert power.power["end"].left < 1e-20 < power.exponential["end"].left
    (exponential,) = depth_growth(grown(lambda depth: 5 * np.exp(0.7 * depth)))
    assert exponential.exponential["end"].slope == pytest.approx(0.7)
    assert exponential.exponential["end"].left < 1e-20 < exponential.power["end"].left
    assert width_growth(grown(lambda depth: depth)) == []


def test_networks_have_their_names_and_parameters(dataset: xr.Dataset) -> None:
    table = networks(dataset)
    assert len(table) == 2 * (9 + 6 * 6)
    assert remedies(table) == KINDS
    for row in table.sample(12, random_state=0).to_dict("records"):
        units = {
            "activation": row["activation"],
            **({"group": row["group"]} if "maxima" in row["remedy"] else {}),
        }
        shape = {"width": row["width"], "depth": row["depth"]}
        assert row["parameters"] == Network(n_inputs=row["inputs"], **shape, **units).n_parameters
        assert row["inputs"] == (1 if row["target"] == "sine" else 2)
    one = {"target": "norm", "activation": "relu", "group": 2, "width": 8, "depth": 2, "pull": 0, "trial": 0}
    stored = dataset.sel(one).sel(orthogonality=0.001)
    (row,) = table[
        (table["remedy"] == "orthogonality 0.001")
        & (table["target"] == "norm")
        & (table["width"] == 8)
        & (table["depth"] == 2)
    ].to_dict("records")
    assert row["error"] == float(stored.test_loss)
    assert row["end"] == float(stored.n_regions[-1])


def test_claims_are_decided_from_the_data(dataset: xr.Dataset) -> None:
    found = claims(dataset)
    assert len(found) == 5 + 6
    verdicts = {claim.words: claim.verdict for claim in found}
    assert verdicts["The activation vectors never fill more dimensions than there are inputs."] == "holds"
    assert (
        verdicts["Boundaries of deep units bend where boundaries of earlier layers cross them."] != "not run"
    )
    elsewhere = dataset.assign(bends_elsewhere=dataset["bends_elsewhere"] + 1)
    bending = next(claim for claim in claims(elsewhere) if "bend" in claim.words)
    assert bending.verdict == "holds in part"
    alone = claims(dataset.sel(activation=["relu"], pull=[0.0], orthogonality=[0.0], width=[4], depth=[1]))
    assert [claim.verdict for claim in alone][:3] == ["not run"] * 3
    assert len(alone) == 5


def test_nothing_is_decided_of_too_few_or_diverged_networks(dataset: xr.Dataset) -> None:
    nothing = dataset.where(dataset["trial"] < 0)
    assert {claim.verdict for claim in claims(nothing)} == {"not run"}
    assert sections(nothing) == overview(nothing) == []
    diverged = dataset.assign(
        n_regions=dataset["n_regions"] * np.nan, test_loss=dataset["test_loss"] * np.nan
    )
    assert [claim.verdict for claim in claims(diverged)][:2] == ["not run"] * 2
    assert {claim.verdict for claim in claims(diverged)[5:]} == {"not run"}
    few = [
        (2, "a", PLAIN, width, 1, width, regions, regions) for width, regions in ((4, 9), (6, 30), (8, 30))
    ]
    table = pd.DataFrame(few, columns=[*SIZES, "start", "end"]).assign(error=0.1)
    assert decided(dataset, table)[0].verdict == "not run"  # exponents with wide intervals
    linear = pd.DataFrame(few, columns=[*SIZES, "start", "end"]).assign(error=0.1)
    linear[["start", "end"]] = linear[["width", "width"]].to_numpy(float)
    assert decided(dataset, linear)[0].verdict == "does not hold"


def test_the_page_shows_growth_partitions_and_remedies(dataset: xr.Dataset) -> None:
    found = sections(dataset)
    assert [section.heading for section in found] == [
        "Parameters against regions: the claims",
        "How regions grow",
        "Partitions of the plane",
        "Remedies beside plain networks of as many parameters",
    ]
    blocks = [block for section in found for block in section.blocks]
    pictures = [block for block in blocks if isinstance(block, Picture)]
    assert [picture.name for picture in pictures] == [
        "regions-against-parameters",
        "partitions",
        "errors-against-parameters",
        "regions-of-remedies",
    ]
    for picture in pictures:
        picture.draw(LIGHT)
    tables = [block for block in blocks if isinstance(block, Table)]
    assert len(tables) == 3
    assert any(isinstance(block, Folded) for block in blocks)
    table = networks(dataset)
    assert len(errors_table(table).cells) == len(table)  # one trial of each
    assert overview(dataset)[1].cells.equals(exponents_table(table).cells)


def test_partitions_are_those_that_were_counted(dataset: xr.Dataset) -> None:
    """Networks are trained again for the picture, to the same bits."""
    table = networks(dataset)
    picture = partitions_picture(dataset, table)
    some = table[(table["target"] == "norm") & (table["width"] == 8) & (table["depth"] == 2)]
    for row in some.to_dict("records"):
        assert f"{row['remedy']}: {row['start']:,.0f} and {row['end']:,.0f}" in picture.alt
