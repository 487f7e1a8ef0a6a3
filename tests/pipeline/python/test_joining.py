"""Results of several sweeps, joined as if one had run them; what could not stand in one is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import relusweep as rs
from relusweep.cluster import Address
from tests.pipeline.python.conftest import BOOLEAN


@pytest.fixture(scope="module")
def others(store: str, workers: Address) -> dict[str, xr.Dataset]:
    """Run the same networks in several sweeps: one for each of two learning rates, one of another seed."""
    protocol = {"epochs": 40}
    made = {
        "slower": BOOLEAN | {"protocol": {**protocol, "learning_rate": 0.025}},
        "faster": BOOLEAN | {"protocol": {**protocol, "learning_rate": [0.05]}, "probes": ["parameters"]},
        "seeded": BOOLEAN | {"protocol": {**protocol, "learning_rate": 0.1}, "seed": 1},
    }
    for name, fields in made.items():
        rs.run({"name": name, **fields}, store, cluster=workers, progress=False)
    return {name: rs.open(store, name) for name in made}


def test_what_is_joined_is_what_one_sweep_would_have(store: str, others: dict[str, xr.Dataset]) -> None:
    whole = rs.open(store, "bare").drop_vars(["done", "fingerprint"])
    faster = others["faster"].drop_vars(["parameters", "parameter"])
    joined = rs.join([faster, others["slower"]], "learning_rate")
    xr.testing.assert_equal(joined, whole)
    assert joined.attrs["paired_along"] == whole.attrs["paired_along"] == ["learning_rate"]
    xr.testing.assert_identical(
        joined.sweep.success_rate(["problem", "trial"]), whole.sweep.success_rate(["problem", "trial"])
    )
    over = ["problem", "trial"]
    xr.testing.assert_identical(
        joined.sweep.compare("learning_rate", over=over), whole.sweep.compare("learning_rate", over=over)
    )
    assert joined.sweep.missing().equals(whole.sweep.missing())
    assert rs.retrain(joined, progress=False)["parameters"].dims == (
        *whole["success_epoch"].dims,
        "parameter",
    )


def test_parts_of_other_sizes_are_joined(store: str) -> None:
    kept = rs.open(store, "kept")
    narrow = kept.sel(width=2).isel(parameter=slice(20))
    joined = rs.join([kept.sel(width=[3]), narrow], "width")
    xr.testing.assert_equal(joined, kept.drop_vars(["done", "fingerprint"]))
    lazy = rs.join([kept.sel(width=[3]).chunk(), narrow.chunk()], "width")
    xr.testing.assert_equal(lazy.compute(), joined)


def test_networks_that_stand_twice_must_agree(store: str) -> None:
    kept = rs.open(store, "kept").load()
    early = kept.where(kept["trial"] < 3)
    joined = rs.join([early.sel(trial=slice(0, 4)), kept.sel(trial=slice(2, None))], "trial")
    whole = kept.where((kept["trial"] < 3) | (kept["trial"] >= 2)).drop_vars(["done", "fingerprint"])
    np.testing.assert_array_equal(joined["success_epoch"], whole["success_epoch"])
    np.testing.assert_array_equal(joined["parameters"], whole["parameters"])
    changed = kept.copy(deep=True)
    changed["success_epoch"][1, 0, 0, 1, 2] = 7
    message = (
        r"success_epoch of problem 6, width 2, depth 1, learning_rate 0\.05, trial 2 is .* and 7 in the other"
    )
    with pytest.raises(rs.errors.ResultsDiffer, match=message):
        rs.join([kept, changed.sel(learning_rate=[0.05])], "learning_rate")


def test_what_could_not_stand_in_one_sweep_is_refused(store: str, others: dict[str, xr.Dataset]) -> None:
    bare, slower = rs.open(store, "bare"), others["slower"]
    faults: dict[str, Any] = {
        "two datasets or more are joined, got 1": [bare],
        "bare and seeded are not alike but for learning_rate: seed is 0 and 1": [bare, others["seeded"]],
        "width has other labels in one than in the other: 2, 3 and 3": [bare, slower.sel(width=[3])],
        "parameters: in one of the datasets alone": [bare, others["faster"]],
        "the labels of learning_rate do not lie along a dimension": [bare.stack(r=["learning_rate"]), slower],
    }
    for message, parts in faults.items():
        with pytest.raises(rs.errors.CannotJoin, match=message):
            rs.join(parts, "learning_rate")
    with pytest.raises(rs.errors.CannotJoin, match="bare has no axis 'widht'; did you mean 'width'"):
        rs.join([bare, bare], "widht")
    with pytest.raises(ValueError, match="does not say of which training sweep it is"):
        rs.join([bare.drop_attrs(), slower], "learning_rate")
