"""Named functions against their formulas in Python's math, and what is said of each."""

import hashlib
import math

import numpy as np
import pytest

from relusweep.tasks.functions import TARGETS, target

FORMULAS = {
    "sine": math.sin,
    "cube": lambda x: x**3,
    "power11": lambda x: x**11,
    "tanh3": lambda x: math.tanh(3 * x),
    "quarter_sine": lambda x: math.sin(math.pi * x / 2),
    "kink": lambda x: max(x - 0.25, 0),
    "kink_left": lambda x: max(-x - 0.25, 0),
    "franke": lambda x, y: franke((x + 1) / 2, (y + 1) / 2),
    "peaks": lambda x, y: peaks(3 * x, 3 * y) / 10,
    "product_of_sines": lambda x, y: math.sin(math.pi * x) * math.sin(math.pi * y),
    "norm": math.hypot,
    "saddle": lambda x, y: x**2 - y**2,
    "xy": lambda x, y: x * y,
    "ridge": lambda x, y: math.sin(math.pi * (0.6 * x + 0.8 * y)),
    "separable": lambda x, y: (math.sin(math.pi * x) + math.cos(math.pi * y)) / 2,
    "product_of_sines3": lambda *xyz: math.prod(math.sin(math.pi * x) for x in xyz),
    "norm3": math.hypot,
    "ridge3": lambda x, y, z: math.sin(math.pi * (2 * x + 3 * y + 6 * z) / 7),
}


def franke(x, y):
    """R. Franke, Scattered data interpolation: tests of some methods (1982), its first function."""
    return (
        0.75 * math.exp(-((9 * x - 2) ** 2) / 4 - (9 * y - 2) ** 2 / 4)
        + 0.75 * math.exp(-((9 * x + 1) ** 2) / 49 - (9 * y + 1) / 10)
        + 0.5 * math.exp(-((9 * x - 7) ** 2) / 4 - (9 * y - 3) ** 2 / 4)
        - 0.2 * math.exp(-((9 * x - 4) ** 2) - (9 * y - 7) ** 2)
    )


def peaks(x, y):
    """MATLAB's documentation of peaks."""
    return (
        3 * (1 - x) ** 2 * math.exp(-(x**2) - (y + 1) ** 2)
        - 10 * (x / 5 - x**3 - y**5) * math.exp(-(x**2) - y**2)
        - math.exp(-((x + 1) ** 2) - y**2) / 3
    )


def lattice(name):
    """Give points of the whole domain, its corners among them."""
    of = TARGETS[name]
    along = np.linspace(of.low, of.high, {1: 1001, 2: 61, 3: 21}[of.n_inputs])
    return np.stack(np.meshgrid(*[along] * of.n_inputs, indexing="ij"), axis=-1).reshape(-1, of.n_inputs)


@pytest.mark.parametrize("name", TARGETS)
def test_values_are_those_of_the_formula_within_the_range(name):
    of, points = TARGETS[name], lattice(name)
    values = of.values(points)
    assert (values.dtype, values.shape) == (np.float64, (len(points),))
    np.testing.assert_allclose(values, [FORMULAS[name](*point) for point in points], rtol=0, atol=1e-10)
    assert of.least <= values.min() < values.max() <= of.most
    assert values.max() - values.min() > 0.9 * (of.most - of.least)


@pytest.mark.parametrize("name", TARGETS)
def test_bends_are_as_they_are_said_to_be(name):
    of, points = TARGETS[name], lattice(name)
    values = of.values(points)
    if of.n_inputs > 1:
        assert of.bend is None
        return
    second = np.diff(values, 2)
    convex, concave = (second > -1e-14).all(), (second < 1e-14).all()
    assert of.bend == {(True, False): 1, (False, True): -1, (False, False): None}[convex, concave]


def test_curves_of_the_compositional_networks_bend_and_three_join_the_corners():
    curves = {name: TARGETS[name] for name in ("cube", "power11", "tanh3", "quarter_sine")}
    assert {name: of.bend for name, of in curves.items()} == {
        "cube": 1, "power11": 1, "tanh3": -1, "quarter_sine": -1,
    }  # fmt: skip
    ends = {name: of.values(np.array([[0.0], [1.0]])).tolist() for name, of in curves.items()}
    assert {(of.low, of.high) for of in curves.values()} == {(0.0, 1.0)}
    assert [name for name, at in ends.items() if at != [0.0, 1.0]] == ["tanh3"]


def test_projections_have_length_one():
    assert math.hypot(3, 4) == 5
    assert math.hypot(2, 3, 6) == 7


def test_the_bits_are_frozen():
    """Of every function at its lattice, in float32. A change here is a change of results."""
    values = [
        TARGETS[name].values(lattice(name).astype(np.float32)).astype("<f4") for name in sorted(TARGETS)
    ]
    found = hashlib.blake2b(b"".join(map(np.ndarray.tobytes, values)), digest_size=8).hexdigest()
    assert found == "c53253290ec12bb7"


def test_unknown_functions_are_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"no function 'sinus'; there are sine, cube"):
        target("sinus")
