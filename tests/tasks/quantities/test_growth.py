"""Cells of constructed networks against the networks themselves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from relusweep.tasks import constructions
from relusweep.tasks.quantities.growth import NONE, Built, Growth

AXES = {"target": [NONE, "sine"], "q": "none,1,2", "d": "none,1", "N": "none,1..3", "L": "none,1,2"}


def growth(**fields: Any) -> Growth:
    return Growth.model_validate({"name": "a", "construction": list(constructions.names()), **AXES, **fields})


def test_a_construction_has_cells_at_none_of_what_it_does_not_use_and_nowhere_else() -> None:
    asked = growth()
    for name, wanted in zip(asked.construction, asked.wanted, strict=True):
        uses = constructions.uses(name)
        sizes = {"target": 1, "q": 2, "d": 1, "n": 3, "l": 2}
        assert wanted.sum() == math.prod(sizes[axis] for axis in uses), name
        for axis, own in enumerate(("target", "q", "d", "n", "l")):
            assert np.moveaxis(wanted, axis, 0)[0].any() == (own not in uses), (name, own)


def test_a_cell_says_what_the_network_does() -> None:
    setting = {"construction": "smooth", "target": "sine", "q": 2, "d": 1, "N": 2, "L": 2}
    cell = growth(points=20).cell(setting)
    built = constructions.build("smooth", q=2, d=1, n=2, l=2, target="sine", exact=True)
    points = built.points(20)
    off = [
        abs(float(y - f))
        for y, f in zip(built.evaluate(points, "exact"), built.approximates(points), strict=True)
    ]
    assert cell["built"] == Built.BUILT
    assert (cell["width"], cell["depth"], cell["n_points"]) == (built.width, built.depth, 20)
    assert cell["error"] == max(off)
    assert cell["mean_error"] == pytest.approx(sum(off) / 20, rel=1e-12)
    assert cell["error_float64"] == built.error(points, "float64")
    assert cell["error_float32"] == built.error(points, "float32") > cell["error_float64"]
    assert cell["largest"] == float(max(abs(layer.weights).max() for layer in built.layers))
    assert cell["log10_largest"] == pytest.approx(math.log10(cell["largest"]))
    assert cell["error"] <= cell["bound_error"]
    assert cell["n_parameters"] == sum(layer.weights.size + layer.biases.size for layer in built.layers)


def test_parameters_beyond_float64_are_a_code_and_said_before() -> None:
    fields = {"construction": "gaussian", "target": "sine", "q": 8, "d": 1, "N": 128, "L": NONE}
    asked = Growth.model_validate({"name": "a", "points": 5, **fields})
    (said,) = asked.notes()
    assert said.startswith("1 of 1 constructions may have parameters beyond float64")
    cell = asked.cell({**fields, "L": 0})
    assert cell["built"] == Built.BEYOND_FLOAT64
    assert cell["log10_largest"] > math.log10(np.finfo(float).max)
    assert all(math.isnan(cell[name]) for name in ("largest", "error_float64", "error_float32"))
    assert cell["error"] <= cell["bound_error"] < 1e-15


def test_what_is_not_built_is_said() -> None:
    with pytest.raises(
        ValueError, match=r"nothing is built: square does not use q; add none there, as q=none,…"
    ):
        growth(construction="square", q=1).check()
    assert growth(construction="square,smooth", q=1).notes() == [
        "left out: square does not use q; add none there, as q=none,…"
    ]
    few, many = growth(construction="smooth", most_units=1000), growth(construction="smooth")
    assert 0 < few.wanted.sum() < many.wanted.sum()
    with pytest.raises(ValueError, match="no construction 'sqare'; there are gaussian"):
        growth(construction="sqare")
