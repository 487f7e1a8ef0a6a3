import math
from fractions import Fraction

import numpy as np
import pytest

from relusweep.tasks.constructions import build, check, largest_within_bound, names, uses

_SETTING = {"q": 2, "d": 1, "n": 2, "l": 2, "target": "sine"}


def test_names():
    assert names() == (
        "gaussian",
        "logistic",
        "monomial",
        "outside",
        "points",
        "points_unmodified",
        "product",
        "requ_polynomial",
        "requ_spline",
        "smooth",
        "smooth_unmodified",
        "square",
        "step",
    )


@pytest.mark.parametrize("name", names())
def test_what_a_construction_does_not_use_changes_nothing(name):
    built = build(name, **_SETTING)
    other = {"q": 3, "d": 2, "n": 3, "l": 1, "target": "exponential"}
    for axis in set(other) - set(uses(name)):
        same = build(name, **_SETTING | {axis: other[axis]})
        points = built.points(9)
        assert (same.evaluate(points) == built.evaluate(points)).all()
        assert same.approximates(points).tolist() == built.approximates(points).tolist()


@pytest.mark.parametrize("name", names())
def test_layers_are_what_is_evaluated(name):
    built = build(name, **_SETTING)
    assert built.n_parameters == sum(layer.weights.size + layer.biases.size for layer in built.layers)
    assert built.n_nonzero == sum(
        np.count_nonzero(layer.weights) + np.count_nonzero(layer.biases) for layer in built.layers
    )
    assert built.largest == max(abs(part).max(initial=0) for layer in built.layers for part in layer)
    assert built.width == max((len(layer.biases) for layer in built.layers[:-1]), default=0)
    assert built.depth == len(built.layers) - 1
    points = built.points(9)
    signals = points.T
    activation = {
        "relu": lambda z: np.maximum(z, 0),
        "requ": lambda z: np.maximum(z, 0) ** 2,
        "gaussian": lambda z: np.exp(-z * z),
        "logistic": lambda z: 1 / (1 + np.exp(-z)),
    }[built.activation]
    for i, layer in enumerate(built.layers):
        signals = layer.weights @ (activation(signals) if i else signals) + layer.biases[:, None]
    np.testing.assert_allclose(built.evaluate(points), signals[0], rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(
        built.evaluate(points, "exact").astype(float), signals[0], rtol=1e-9, atol=1e-11
    )
    single = built.evaluate(points, "float32")
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, signals[0], rtol=2e-3, atol=2e-3)


def test_exact_parameters_are_kept():
    rounded, exact = (build("outside", **_SETTING | {"n": 3}, exact=exact) for exact in (False, True))
    kept = [value for layer in exact.layers for part in layer for value in part.ravel().tolist()]
    floats = np.concatenate([part.ravel() for layer in rounded.layers for part in layer])
    assert floats.dtype == np.float64
    assert [float(value) for value in kept] == floats.tolist()
    assert any(Fraction(value) != Fraction(float(value)) for value in kept)


def test_bad_settings_are_refused():
    for change, message in (
        ({"q": 9}, "q of a construction has to be from 1 to 8; got 9"),
        ({"d": 3}, "d of a construction has to be from 1 to 2; got 3"),
        ({"n": 0}, "n of a construction has to be at least 1; got 0"),
        ({"l": 0}, "l of a construction has to be at least 1; got 0"),
        ({"target": "cosine"}, "unknown target 'cosine'; allowed are sine, exponential, reciprocal, wave"),
    ):
        with pytest.raises(ValueError, match=message):
            check("square", **_SETTING | change)
    with pytest.raises(ValueError, match=r"unknown construction 'cube'; allowed are gaussian, logistic"):
        check("cube", **_SETTING)


def test_bad_points_are_refused():
    built = build("product", **_SETTING)
    with pytest.raises(ValueError, match=r"points have to be of shape \(n_points, 2\); got \(3,\)"):
        built.evaluate([0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="dtype has to be float32, float64 or exact; got 'float16'"):
        built.evaluate([[0.1, 0.2]], "float16")


def test_where_floats_break():
    setting = {"q": 2, "d": 1, "n": 1, "l": 1, "target": "sine"}
    found = largest_within_bound("gaussian", "float32", "n", 60, **setting, count=30)
    assert 1 < found < 60
    for n, holds in ((found, True), (found + 1, False)):
        built = build("gaussian", **setting | {"n": n})
        assert (built.error(built.points(30), "float32") <= built.bound_error) == holds
    assert largest_within_bound("points", "float64", "l", 3, **setting) == 3
    with pytest.raises(ValueError, match="the construction step is exact at n 1"):
        largest_within_bound("step", "float64", "n", 3, **setting)


def test_outputs_beyond_float32_are_an_infinite_error():
    built = build("gaussian", q=3, d=1, n=61, l=1, target="wave", exact=True)
    assert built.error(built.points(9), "float32") == math.inf
