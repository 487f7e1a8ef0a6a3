"""Networks that did not stay finite are counted, named by where they are, and never successes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import relusweep.pipeline.common.engine  # noqa: F401  (registers `.sweep`)
from relusweep.pipeline.common.divergence import diverged_in_words

N = np.nan


@pytest.fixture
def rates() -> xr.Dataset:
    """Three widths, two rates, four trials: at the second rate three of width 4 diverged, and one of width 8.

    One network of width 8 has not run.
    """
    reason = np.ones((3, 2, 4))
    reason[1, 1, 1:], reason[2, 1, 0], reason[2, 1, 3] = 2, 2, N
    dims = ("width", "learning_rate", "trial")
    variables = {
        "success_epoch": np.where(np.isnan(reason), N, -1),
        "stop_reason": reason,
        "rows_right": np.where(np.isnan(reason), N, 8),
    }
    return xr.Dataset(
        {name: (dims, values) for name, values in variables.items()},
        {"width": [2, 4, 8], "learning_rate": [0.1, 1e30], "trial": range(4), "rows": 8},
    )


@pytest.mark.parametrize("chunked", [False, True])
def test_they_are_counted_by_setting(rates: xr.Dataset, chunked: bool) -> None:
    found = (rates.chunk() if chunked else rates).sweep.diverged()
    expected = {"width": [4, 8], "learning_rate": [1e30, 1e30], "count": [3, 1], "networks": [4, 3]}
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected))
    assert rates.isel(width=1, learning_rate=1).sweep.diverged().to_numpy().tolist() == [[3, 4]]
    assert rates.isel(learning_rate=0).sweep.diverged().empty


def test_raw_codes_are_counted_alike(rates: xr.Dataset) -> None:
    raw = rates.assign(
        stop_reason=rates["stop_reason"].fillna(-1).astype("int8"),
        success_epoch=rates["success_epoch"].fillna(-2).astype("int32"),
    )
    pd.testing.assert_frame_equal(raw.sweep.diverged(), rates.sweep.diverged())


def test_words_name_the_labels_at_which_all_of_them_are(rates: xr.Dataset) -> None:
    many, of_rates = diverged_in_words(rates)
    assert many == (
        "4 of 23 networks did not stay finite (outputs infinite or not a number), all at width 4, 8, "
        "learning_rate 1e+30."
    )
    assert of_rates == "Rates of success count them as failures."
    assert "all at learning_rate 1e+30." in diverged_in_words(rates.isel(width=[1, 2], learning_rate=1))[0]
    assert diverged_in_words(rates.isel(learning_rate=0)) == []


def test_what_rates_make_of_them_is_said(rates: xr.Dataset) -> None:
    met = rates["success_epoch"].copy()
    met[1, 1, 1] = 200.0  # a try had met the bar, and then it diverged
    tried = rates.assign(success_epoch=met, tries=xr.ones_like(met))
    assert diverged_in_words(tried)[1] == (
        "Rates of success count 3 of them as failures, and as successes 1 that had met the bar before."
    )
    by_loss = rates.drop_vars("rows_right").assign(final_loss=rates["success_epoch"])
    assert "Medians of the final loss leave them out" in diverged_in_words(by_loss)[1]


def test_infinite_outputs_on_the_right_side_are_no_success(rates: xr.Dataset) -> None:
    found = rates.sweep.success_rate(["width", "learning_rate", "trial"], at_least=1.0)
    assert int(found["networks"]) == 23
    assert float(found["rate"]) == pytest.approx(19 / 23)


def test_those_that_a_stop_ended_are_said_and_not_counted(rates: xr.Dataset) -> None:
    ended = rates.assign(stop_reason=rates["stop_reason"].where(rates["stop_reason"] != 2, 5))
    (told,) = diverged_in_words(ended)
    assert told == (
        "4 of 23 networks were ended as their loss was above most_loss, all at width 4, 8, "
        "learning_rate 1e+30; they count with what they had then."
    )
    assert ended.sweep.diverged().empty
    ended["stop_reason"][0, 0, 0] = 2
    assert len(diverged_in_words(ended)) == 3


@pytest.fixture
def images() -> xr.DataTree:
    """Of three networks the second diverged in its first epoch, and the third has made one epoch."""
    loss = np.array([[0.5, 0.4], [N, N], [0.3, N]])
    done = np.array([[True, True], [True, True], [True, False]])
    cells = {"train_loss": loss, "test_loss": loss, "done": done}
    group = xr.Dataset(
        {name: (("network", "epoch"), values) for name, values in cells.items()},
        {"network": ["linear-sgd-0", "dense-sgd-0", "dense-adamw-0"], "epoch": [1, 2]},
    )
    return xr.DataTree.from_dict({"training": group})


def test_networks_of_images_are_counted_by_their_loss(images: xr.DataTree) -> None:
    counted = images["training"].to_dataset().sweep.diverged()
    assert counted.to_numpy().tolist() == [["dense-sgd-0", 1, 1]]
    assert diverged_in_words(images) == [
        "1 of 3 networks did not stay finite (outputs infinite or not a number), all at network dense-sgd-0."
    ]


def test_what_does_not_say_how_training_ended_is_refused(rates: xr.Dataset) -> None:
    bare = rates[["success_epoch"]]
    assert diverged_in_words(bare) == []
    with pytest.raises(ValueError, match=r"diverged\(\) needs stop_reason.*open a group that trains"):
        bare.sweep.diverged()
