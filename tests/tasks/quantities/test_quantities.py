"""What every quantity does with boxes of labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import numpy as np
import pytest
from numpy.typing import ArrayLike

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.computed import ComputedSweep
from relusweep.pipeline.sweeps.overrides import sweep_of
from relusweep.tasks.axes import Axis, Setting
from relusweep.tasks.declared import Declared, numbers
from relusweep.tasks.quantities import Dimensions, Quantity, QuantityBlock, compute_block


class Powers(Quantity):
    """Powers of a base, as many as the base says."""

    folder: ClassVar[str] = "powers"
    base: Annotated[tuple[int, ...], Axis("base")]
    factor: Annotated[tuple[float, ...], Axis("factor")]

    def inner(self) -> Dimensions:
        return {"power": (np.arange(4), {"long_name": "power"})}

    def variables(self) -> Mapping[str, Declared]:
        return {
            "power_of_base": numbers("float64", "power", ("power",)),
            "count": numbers("int64", "powers"),
            "never": numbers("int64", "what no cell gives"),
        }

    def cell(self, setting: Setting) -> Mapping[str, ArrayLike]:
        base, factor = setting["base"], setting["factor"]
        return {"power_of_base": [factor * base**k for k in range(base)], "count": base}


POWERS = Powers(name="mine", base=(1, 3), factor=(0.5,))


def test_cells_fill_their_places_and_the_rest_is_missing() -> None:
    found = compute_block(QuantityBlock(POWERS, {"base": (1, 3), "factor": (0.5,)})).arrays
    np.testing.assert_array_equal(
        found["power_of_base"], [[[0.5, np.nan, np.nan, np.nan]], [[0.5, 1.5, 4.5, np.nan]]]
    )
    assert found["count"].tolist() == [[1], [3]]
    assert found["never"].tolist() == [[-1], [-1]]


def test_axes_are_fields_that_grow_and_open_as_scalars_where_they_have_one_value() -> None:
    sweep = ComputedSweep(POWERS)
    assert (sweep.group, sweep.kind, list(sweep.axes)) == (
        "powers/mine",
        "test_quantities",
        ["base", "factor"],
    )
    one = ComputedSweep(POWERS.model_validate({"name": "mine", "base": [1, 3], "factor": 2}))
    assert (dict(sweep.fixed), dict(one.fixed)) == ({}, {"factor": "2"})
    assert one.fingerprint == sweep.fingerprint
    assert one.with_extent(one.union(sweep.extent())).spec.factor == (0.5, 2.0)
    assert one.with_extent(one.union(one.extent())).fixed == {"factor": "2"}


def test_a_specification_of_its_own_names_its_quantity() -> None:
    fields = {"name": "mine", "quantity": "landscape", "n_inputs": 2, "problems": "6", "width": 1}
    sweep = sweep_of(fields, "here")
    assert (sweep.group, sweep.kind, sweep.shape) == ("boolean/mine", "landscape", (1, 1))
    with pytest.raises(InvalidSweep, match="here: no quantity 'landscap'; did you mean 'landscape'"):
        sweep_of({**fields, "quantity": "landscap"}, "here")
    with pytest.raises(InvalidSweep, match="here: no field 'wdith'; did you mean 'width'"):
        sweep_of({**fields, "wdith": 2}, "here")
