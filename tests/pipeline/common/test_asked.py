"""Groups of which only some trials have been asked for."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from relusweep.pipeline.common import asked


@pytest.mark.parametrize(("epochs", "dtype"), [(2**24, np.float32), (2**24 + 1, np.float64)])
def test_epochs_are_read_where_trials_have_been_asked_for(
    epochs: int, dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "_CELLS_AT_ONCE", 4)
    of_each = np.array([[3, 0], [1, 6]])
    ran = np.arange(6) < of_each[..., None]
    values = np.where(ran, np.arange(24.0).reshape(2, 2, 6) + epochs - 24, np.nan)
    coords = {asked.ASKED: (("problem", "width"), of_each), "trial": np.arange(6), "epochs": epochs}
    group = xr.Dataset({"success_epoch": (("problem", "width", "trial"), values)}, coords)
    found = asked.epochs_read(group)
    assert found.dtype == dtype
    xr.testing.assert_equal(found.astype(float), group["success_epoch"])
