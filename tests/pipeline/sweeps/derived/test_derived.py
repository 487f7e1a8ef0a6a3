"""Functions of stored networks: what they give, what they are of, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import relusweep as rs
from relusweep.cluster import Address
from relusweep.pipeline.common.errors import BlocksFailed, InvalidSweep, SpecificationChanged
from relusweep.pipeline.planning.contract import CHECKS, Example
from relusweep.pipeline.planning.plan import plans
from tests.pipeline.sweeps.derived import own_functions

SIZE = {"width": [2, 4], "depth": 1, "epochs": 20}
MADE = ["margins", "weight_norms", "jacobians"]
OWN = own_functions.__name__


@pytest.fixture(scope="module")
def store(workers: Address, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A sweep that kept its parameters, and the same one that kept nothing but what probes make of them."""
    place = str(tmp_path_factory.mktemp("derived") / "store")
    for fields in (
        {"probes": "parameters"},
        {"name": "measured", "probes": [*MADE, {"curve": {"at": "0,5,end"}}]},
    ):
        rs.run(rs.sweep("npn2", trials=4, **SIZE, **fields), place, cluster=workers, progress=False)
    return place


@pytest.fixture
def derive(store: str, workers: Address) -> Callable[..., xr.Dataset]:
    """Derive on the workers that all tests share."""

    def call(of: xr.Dataset | str, function: object, **fields: object) -> xr.Dataset:
        return rs.derive(of, function, store, cluster=workers, progress=False, **fields)

    return call


@pytest.mark.parametrize("kind", MADE)
def test_stored_networks_give_what_they_gave_when_they_were_trained(
    kind: str, store: str, derive: Callable[..., xr.Dataset]
) -> None:
    found, made = derive("npn2", kind).load(), rs.open(store, "measured").load()
    for name in found.data_vars.keys() - {"done", "fingerprint"}:
        np.testing.assert_array_equal(found[name].values, made[name].values)
    assert found["done"].all()
    assert f"boolean/npn2.{kind}" in rs.groups(store)


def test_networks_whose_parameters_were_not_kept_are_trained_again(
    store: str, derive: Callable[..., xr.Dataset]
) -> None:
    some = rs.open(store, "measured").sel(width=4, trial=[0, 2, 3])
    asked = rs.derivation(some, "curve", at="0,5,end", name="again")
    assert "trained again" in str(rs.plan(asked, store))
    found = derive(some, "curve", at="0,5,end", name="again")
    assert found.sizes["trial"] == 3
    np.testing.assert_array_equal(found["curve_loss"].values, some["curve_loss"].values)


def test_networks_that_do_not_end_as_they_did_are_refused(store: str) -> None:
    from relusweep.tasks.derived_block import derive_block

    class Altered:
        def read(self, names, labels):
            found = asked.networks.read(names, labels)
            return found | {"final_loss": found["final_loss"] + np.float32(1)}

    asked = rs.derivation("measured", "margins", store, name="altered")
    _, block = asked.task(plans(asked, store)[0].blocks[0], store)
    with pytest.raises(
        RuntimeError, match="16 of 16 networks trained again did not end as those in the store"
    ):
        derive_block(replace(block, reader=Altered()))


def test_a_stopped_run_goes_on_and_what_is_there_grows(
    store: str, derive: Callable[..., xr.Dataset], tmp_path: Path, workers: Address
) -> None:
    broken = tmp_path / "broken"
    broken.touch()
    fields = {"broken": str(broken), "name": "grows"}
    with pytest.raises(
        BlocksFailed, match=r"norms of 4 networks of 17 parameters each raised RuntimeError: out of"
    ):
        derive(rs.open(store, "npn2").sel(trial=[0, 2]), own_functions.norms, **fields)
    assert int(rs.open(store, "npn2.grows")["done"].sum()) == 16
    broken.unlink()
    parameters = rs.open(store, "npn2")["parameters"].astype(float)
    for trials, todo in (([0, 2], 16), ([0, 1, 2, 3], 32)):
        asked = rs.derivation(rs.open(store, "npn2").sel(trial=trials), own_functions.norms, **fields)
        assert plans(asked, store)[0].cells == todo
        found = rs.run(asked, store, cluster=workers, progress=False)
        assert found["norm"].notnull().all()
        expected = np.sqrt((parameters**2).sum("parameter")).sel(trial=trials)
        xr.testing.assert_allclose(found["norm"].drop_vars(found.coords), expected.drop_vars(expected.coords))


def test_all_trials_of_a_rule_are_derived(store: str, workers: Address) -> None:
    size = {"problems": 6, "width": 1, "depth": 1, "epochs": 2, "probes": "parameters"}
    rule = rs.sweep("npn2", name="ruled", trials={"most": 20, "until": "first_success"}, **size)
    results = rs.run(rule, store, cluster=workers, progress=False)
    asked = rs.derivation("ruled", "weight_norms", store)
    assert asked.axes["trial"].tolist() == results["trial"].values.tolist() == [*range(20)]
    np.testing.assert_array_equal(asked.wanted.reshape(results["done"].shape), results["done"])


def test_of_a_selection_by_where_only_what_is_not_masked_is_derived(
    store: str, derive: Callable[..., xr.Dataset]
) -> None:
    results = rs.open(store, "npn2")
    mask = xr.zeros_like(results["done"].load())
    mask.values.reshape(-1)[::3] = True
    asked = rs.derivation(results.where(mask), "dead_units", store)
    assert asked.wanted is asked.wanted  # each event of a run asks for it
    assert plans(asked, store)[0].total == int(mask.sum())
    found = derive(results.where(mask), "dead_units")
    np.testing.assert_array_equal(found["done"], mask)
    assert found.sweep.missing()["count"].sum() == int((~mask).sum())
    pairs = rs.derivation(results.where(mask), "distances", store).wanted
    assert pairs.sum() == (mask.sum("trial") ** 2).sum()
    with pytest.raises(InvalidSweep, match="no networks are selected: all of them are masked"):
        rs.derivation(results.where(False), "dead_units", store)


def test_pairs_are_of_one_setting_and_problem(store: str, derive: Callable[..., xr.Dataset]) -> None:
    some = rs.open(store, "npn2").sel(trial=[0, 1, 3])
    parameters = some["parameters"].astype(float)
    apart = parameters - parameters.rename(trial="other_trial")
    found = derive(some, "distances")
    expected = np.sqrt((apart**2).sum("parameter")).transpose(*found["parameter_distance"].dims)
    np.testing.assert_allclose(found["parameter_distance"], expected, rtol=1e-6)
    assert derive(some.sel(width=4), own_functions.apart)["apart"].dims[0] == "trial"


@pytest.mark.parametrize("function", ["margins", "distances"])
def test_the_contract_of_sweeps_is_kept(function: str, store: str) -> None:
    asked = rs.derivation(rs.open(store, "npn2").sel(trial=[0, 1]), function, name="contract")
    example = Example(asked, {"labels": {"trial": [0, 1, 2]}}, store)
    for check in CHECKS:
        check(example)


def test_probes_of_the_user_s_own_in_a_sweep_and_the_store_without_them(
    store: str, derive: Callable[..., xr.Dataset], workers: Address
) -> None:
    probes = [{f"{OWN}:Doubled": {"times": 3}}, f"{OWN}:norms", "parameters"]
    sweep = rs.sweep("npn2", name="own", trials=2, **SIZE, probes=probes)
    found = rs.run(sweep, store, cluster=workers, progress=False)
    np.testing.assert_allclose(found["doubled"], 3 * found["parameters"][..., :3], rtol=1e-6)
    kept = json.loads(found.attrs["specification"])
    text = json.dumps(kept).replace(OWN, "gone.away")
    from relusweep.pipeline.sweeps.training.again import sweep_of_results

    assert sweep_of_results(found.assign_attrs(specification=text)).names_code is False
    derive(found.sel(width=2), "weight_norms")


def test_what_cannot_be_derived_is_refused_before_anything_runs(store: str) -> None:
    def refused(words: str, *asked: object, **fields: object) -> None:
        with pytest.raises(InvalidSweep, match=words):
            rs.plan(rs.derivation(*asked, **fields), store)

    refused("no function 'margin'; did you mean 'margins'", "npn2", "margin", store)
    refused("margins", "npn2", "margins", store, to_many=3)
    refused(f"{OWN} has no nothing", "npn2", f"{OWN}:nothing", store)
    refused(
        "undeclared is no subclass of .* write above it @declares", "npn2", own_functions.undeclared, store
    )
    refused("points have 3 numbers, and networks 2 inputs", "npn2", "jacobians", store, points=[[0, 0, 0]])
    refused("say where npn2 lies: give store=", "npn2", "margins")
    results = rs.open(store, "npn2")
    refused("no networks are selected: trial has 0 labels", results.isel(trial=[]), "margins")
    for lost in (
        results.mean("trial"),
        results.isel(trial=0, drop=True),
        results.stack(n=["width", "trial"]),
    ):
        refused("does not say along (trial|width) which networks", lost, "margins", store)
    refused("is of no module, and workers import it by name", "npn2", lambda trained: {}, store)


def test_what_is_of_other_networks_is_refused(
    store: str, derive: Callable[..., xr.Dataset], tmp_path: Path, workers: Address
) -> None:
    with pytest.raises(
        BlocksFailed, match=r"gave norm of shape \(16, 9\); declared is \(16,\), networks first"
    ):
        derive("npn2", own_functions.too_long)
    place = str(tmp_path / "store")
    sweep = rs.sweep("npn2", trials=1, problems=1, width=2, depth=1, epochs=2, probes="parameters")
    results = rs.run(sweep, place, cluster=workers, progress=False)
    rs.derive(results, "margins", cluster=workers, progress=False)
    other = rs.run(rs.sweep(sweep, seed=1), place, cluster=workers, replace=True, progress=False)
    with pytest.raises(SpecificationChanged, match=r"npn2\.margins holds results of another specification"):
        rs.plan(rs.derivation(other, "margins"), place)
    replaced = rs.derive(other, "margins", cluster=workers, progress=False, replace=True)
    assert replaced["margin"].notnull().all()


def test_the_command_line_takes_an_import_path(
    store: str, workers: Address, relusweep: Callable[..., tuple[int, str, str]]
) -> None:
    words = (
        "derive",
        "npn2",
        f"{OWN}:norms",
        "--store",
        store,
        "--set",
        "scale=2",
        "--set",
        "name=twice",
        "--label",
        "leak=0.1",
    )
    assert relusweep(*words, "--dry-run")[0] == 0
    code, said, _ = relusweep(*words, "--scheduler", workers.address)
    assert code == 0, said
    found = rs.open(store, "npn2.twice")
    alone = np.sqrt((rs.open(store, "npn2").sel(leak=0.1)["parameters"].astype(float) ** 2).sum("parameter"))
    np.testing.assert_allclose(found["norm"], 2 * alone, rtol=1e-9)
    code, said, _ = relusweep("show", "npn2.twice", "--store", store)
    assert code == 0
    assert "Norm of all parameters" in said
