"""Functions of the user's own: their points, noise and values, and what is refused before anything runs."""

import hashlib
import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from numpy.polynomial.chebyshev import chebpts1
from pydantic import ValidationError
from scipy.stats import kstest

from relusweep.tasks import own
from relusweep.tasks.problems.function import Function, _digest
from relusweep.tasks.training_block import train_block
from tests.tasks.blocks import block


@pytest.fixture
def module(monkeypatch):
    """A module of the user's own, whose functions may change."""
    made = ModuleType("ours")
    monkeypatch.setitem(sys.modules, "ours", made)
    made.product = lambda x: x.prod(axis=1)
    made.both = lambda x: np.stack([x.sum(axis=1), x.prod(axis=1)], axis=1)
    forget()
    yield made
    forget()


def forget():
    for cached in (own.load, _digest):
        cached.cache_clear()


def drawn(trials=range(3), seed=0, **fields):
    given = Function(**{"points": 16, **fields})
    setting = next(iter(given.settings()))
    return given.draw(setting, (), trials, seed)


def test_values_of_expressions_and_code_are_those_at_the_points(module):
    fields = {"n_inputs": 2, "layout": "sobol", "domain": [[0, 1], [-2, 2]], "test_points": 9}
    by_text = drawn(target="x1*x2", **fields)
    by_code = drawn(target="ours:product", **fields)
    for one, other in zip((*by_text[:2], *by_text[2]), (*by_code[:2], *by_code[2]), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (by_text.inputs.min(axis=0) >= [0, -2]).all()
    assert (by_text.inputs.max(axis=0) <= [1, 2]).all()
    assert by_text.inputs[:, 1].max() > 1.5
    np.testing.assert_array_equal(by_text.targets, np.tile(by_text.inputs.prod(axis=1), (3, 1)))
    np.testing.assert_array_equal(by_text.test[1][2], by_text.test[0].prod(axis=1))


def test_several_outputs_are_targets_side_by_side(module):
    for found in (drawn(target="x + y; x*y"), drawn(target="ours:both", n_inputs=2, n_outputs=2)):
        assert (found.targets.shape, found.targets.dtype) == ((3, 16, 2), np.float32)
        x, y = found.inputs.astype(float).T
        np.testing.assert_allclose(found.targets[1], np.stack([x + y, x * y], axis=1), rtol=1e-6, atol=1e-9)


def test_chebyshev_points_are_a_layout():
    found = drawn(target=["exp(x)"], layout="chebyshev", points=20, domain="0, 2")
    np.testing.assert_allclose(found.inputs[:, 0], chebpts1(20) + 1, rtol=3e-7)
    assert drawn(target="x8", points=256).inputs.shape == (256, 8)


def test_noise_is_normal_of_its_deviation_and_the_same_for_all_trials():
    fields = {"target": "0*x", "points": 20_000, "layout": "uniform"}
    noise = drawn(**fields, noise=0.5).targets
    np.testing.assert_array_equal(noise, np.tile(noise[0], (3, 1)))
    assert kstest(noise[0] / 0.5, "norm").pvalue > 0.01
    np.testing.assert_allclose(drawn(**fields, noise=2).targets, 4 * noise, rtol=1e-6)
    np.testing.assert_array_equal(drawn(**fields | {"points": 100}, noise=0.5).targets, noise[:, :100])
    np.testing.assert_array_equal(drawn(trials=range(7, 8), **fields, noise=0.5).targets[0], noise[0])
    assert (drawn(seed=1, **fields, noise=0.5).targets[0] != noise[0]).mean() > 0.999


def test_each_trial_may_have_noise_of_its_own_in_any_block():
    fields = {"target": "x; y", "points": 400, "noise": 0.1, "noise_drawn": "each_trial", "test_points": 5}
    found = drawn(trials=range(4), **fields)
    noise = found.targets - drawn(target="x; y", points=400).targets[0]
    assert abs(np.corrcoef(noise.reshape(4, -1)) - np.eye(4)).max() < 0.15
    assert abs(noise.std(axis=(1, 2)) - 0.1).max() < 0.01
    np.testing.assert_array_equal(drawn(trials=range(2, 4), **fields).targets, found.targets[2:])
    np.testing.assert_array_equal(found.test[1][0], found.test[0])  # without noise


def test_the_bits_of_noise_are_frozen():
    """A change here is a change of results."""
    targets = drawn(trials=range(1), target="x", points=50, noise=1.0).targets
    assert hashlib.blake2b(targets.astype("<f4").tobytes(), digest_size=8).hexdigest() == "12038122761f96e4"


def test_the_specification_keeps_what_was_written():
    written = Function(target="x1  +  x2", n_inputs=3, domain=[0, 1], noise=[0, 0.1], points=8)
    assert written.model_dump(mode="json") == {
        "kind": "function",
        "target": "x1 + x2",
        "points": 8,
        "n_inputs": 3,
        "domain": [[0, 1]],
        "noise": [0, 0.1],
    }
    assert Function.model_validate(written.model_dump()) == written
    several = Function(target="max(x, 0), x*x")
    assert several.target == ("max(x, 0)", "x*x")


def test_starts_depend_on_function_and_inputs():
    given = Function(target=["x", "y"], n_inputs=[2, 3], layout="sobol")
    names = {
        given.start_name(of | {"width": 2, "depth": 1, "leak": 0, "bias": "zero"}, None, 0)
        for of in given.settings()
    }
    assert len(names) == 4


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"target": "sinus"}, "no function 'sinus'; there are sine, cube"),
        ({"target": "x +"}, "'x .' is no formula: invalid syntax"),
        ({"target": "ours:product"}, "ours:product: say how many inputs it has, as n_inputs=2"),
        ({"target": "x3", "n_inputs": 2}, "target = x3: names x3, and n_inputs holds 2"),
        ({"target": ["x", "sine"], "n_inputs": 1}, "n_inputs is of your own functions, and sine has its own"),
        (
            {"target": "sine", "domain": [0, 1]},
            "domain is of your own functions, .* write sin x as an expression",
        ),
        ({"target": "x", "domain": [1, 0]}, "domain = 1 to 0: give two numbers that rise"),
        ({"target": "x", "domain": [[0, 1], [0, 1]]}, "domain has 2 pairs, and x 1 inputs"),
        ({"target": "x", "domain": [0, 1, 2]}, "domain"),
        (
            {"target": "x*y", "points": 10, "layout": "chebyshev"},
            r"9 = 3\^2 or 16 = 4\^2, or set layout=sobol",
        ),
        ({"target": "x", "n_outputs": 2}, "an expression has several as sin"),
        ({"target": "x", "noise_drawn": "once"}, "noise_drawn says how noise is drawn, and there is none"),
        ({"target": "x", "noise": -1}, "greater than or equal to 0"),
        ({"target": "x", "n_inputs": 9}, "less than or equal to 8"),
    ],
)
def test_what_cannot_be_is_refused(fields, says):
    with pytest.raises(ValidationError, match=says):
        Function(**fields)


@pytest.mark.parametrize(
    ("gives", "says"),
    [
        (lambda x: x, r"gave float64 of shape \(16, 2\); allowed are numbers of shape \(16,\); of several"),
        (lambda x: x[0, 0], r"of an array of shape \(16, 2\) gave float64 of shape \(\)"),
        (lambda x: x[:, 0] > 1e9 or None, r"of shape \(16, 2\) raised ValueError: The truth value"),
        (lambda x: ["a"] * len(x), "gave <U1 of shape"),
        (lambda x: 1j * x[:, 0], "gave complex128 of shape"),
        (
            lambda x: np.where(x[:, 0] > 0.9, np.nan, 1),
            "is nan at x1 = 1, x2 = -1, as float32; allowed are finite",
        ),
        (lambda x: 1e39 * x[:, 0], "is -inf at x1 = -1, x2 = -1, as float32"),
        (None, "ours has no wrong"),
    ],
)
def test_code_that_gives_something_else_is_named_before_anything_runs(module, gives, says):
    if gives:
        module.wrong = gives
    with pytest.raises(ValueError, match=says) as error:
        Function(target="ours:wrong", n_inputs=2, points=16).check(0)
    assert str(error.value).startswith("ours:wrong")


def test_expressions_are_checked_at_all_points_before_anything_runs():
    with pytest.raises(ValueError, match=r"^log\(x\) is -inf at x1 = 0, as float32"):
        Function(target=["log(x)", "x"], points=[4, 5], domain=[0, 1]).check(0)
    Function(target=["log(x)", "x"], points=[4, 5], domain=[0, 1], layout="chebyshev").check(0)


def test_reading_a_specification_imports_nothing(monkeypatch):
    monkeypatch.setattr(own, "import_module", None)
    of = Function(target=["nowhere:f", "x"], n_inputs=[2, 3], layout="sobol")
    assert [(of.n_inputs_of(one), of.n_outputs_of(one)) for one in of.settings()] == [(2, 1), (3, 1)] * 2
    assert of.own_code == ("nowhere:f",)


def test_code_of_a_script_or_a_notebook_itself_is_refused():
    with pytest.raises(own.OwnCodeError, match=r"workers cannot import .* write mymodule:f"):
        Function(target="__main__:f", n_inputs=1, points=4).check(0)


def test_workers_refuse_code_that_gives_other_values(module):
    problem = Function(target="ours:product", n_inputs=2, points=16)
    here = block(problem, trials=range(2), loss="mse", epochs=5)
    digest = problem.digest(here.setting, (), 0)
    given = replace(here, digest=digest)
    assert train_block(given).arrays["final_loss"].shape == (2,)
    module.product = lambda x: 1.001 * x.prod(axis=1)
    forget()
    with pytest.raises(own.OwnCodeError, match=r"^ours:product: gives other values on this worker"):
        train_block(given)


def test_code_that_draws_random_numbers_is_refused_before_anything_runs(module):
    rng = np.random.default_rng(0)
    module.drawing = lambda x: x[:, 0] + rng.normal(size=len(x))
    with pytest.raises(ValueError, match="ours:drawing gives other values when it is called again; let it"):
        Function(target="ours:drawing", n_inputs=1, points=4).check(0)
