"""Boolean functions of the user's own: rows, targets, rows that do not matter, and what comes of training."""

import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from pydantic import ValidationError

from relusweep.tasks import own
from relusweep.tasks.boolean.expressions import table
from relusweep.tasks.boolean.truth_tables import inputs
from relusweep.tasks.networks import Network
from relusweep.tasks.problems.boolean import Boolean, initial_parameters
from relusweep.tasks.training import train
from relusweep.tasks.training_block import train_block
from tests.tasks.blocks import block


def rows_of(text, n, **fields):
    given = Boolean(n_inputs=n, functions=text, **fields)
    return given.draw({"n_inputs": n}, tuple(given.names().tolist()), range(2), 0)


def test_own_functions_are_problems_by_their_text():
    given = Boolean(n_inputs=[3, 4], functions="a ^ b, (a & b) | c,a ^ b", random=2)
    assert given.names().tolist() == ["(a & b) | c", "a ^ b", "random 0000", "random 0001"]
    assert given.count_names() == 4
    known = given.coordinates(0)
    assert known["family"][1].tolist() == ["own", "own", "random", "random"]
    assert known["truth_table"][1][0].tolist() == ["01010111", "0011001100111111"]
    assert known["degree"][1][1].tolist() == [2, 2]


def test_rows_and_targets_of_own_functions(monkeypatch):
    module = ModuleType("bits_of_ours")
    monkeypatch.setitem(sys.modules, "bits_of_ours", module)
    module.first = lambda bits: bits[:, 0]
    found = rows_of(["a ^ b", "0111", "bits_of_ours:first"], 2)
    np.testing.assert_array_equal(found.inputs, inputs(2))
    expected = [[-1, 1, 1, 1], [-1, 1, 1, -1], [-1, -1, 1, 1]]
    np.testing.assert_array_equal(found.targets[::2], expected)
    assert found.weights is None
    both = rows_of("a & b; a ^ b", 2).targets
    np.testing.assert_array_equal(both[1], [[-1, -1], [-1, 1], [-1, 1], [1, -1]])


def test_rows_that_do_not_matter_weigh_nothing_and_the_others_one_on_average():
    found = rows_of(["01-1", "a"], 2)
    np.testing.assert_allclose(found.weights, np.repeat([[4 / 3, 4 / 3, 0, 4 / 3], [1, 1, 1, 1]], 2, axis=0))


@pytest.mark.parametrize("engine", ["lanes", "reference"])
@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_the_loss_is_that_of_the_table_without_the_rows_that_do_not_matter(loss, engine):
    problem = Boolean(n_inputs=3, functions=["a ^ b where a | c"])
    of = block(problem, problem.names().tolist(), range(4), loss=loss, width=3, epochs=25, stop="last_epoch")
    of = replace(of, engine=engine)
    found = train_block(of).arrays
    whole = table("a ^ b where a | c", 3)
    matters, signs = whole.matters, 2 * whole.outputs[:, 0].astype(int) - 1
    alone = train(
        of.protocol,
        inputs(3)[matters],
        np.tile(signs[matters], (4, 1)),
        of.initial_parameters(),
        engine=engine,
        keep_parameters=True,
    )
    np.testing.assert_allclose(found["final_loss"].ravel(), alone.loss, rtol=2e-5)
    np.testing.assert_allclose(found["parameters"].reshape(4, -1), alone.parameters, rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(found["rows_right"].ravel(), alone.rows_right + (~matters).sum())


@pytest.mark.parametrize("batch", [0, 4])
def test_bits_do_not_depend_on_whether_other_functions_have_rows_that_do_not_matter(batch):
    names = ("a ^ b", "a ^ c where a | b")
    of = block(Boolean(n_inputs=3, functions=names), names, range(5), epochs=40, batch=batch, engine="lanes")
    part = replace(of, labels=names[:1], trials=range(2, 4))
    alone = replace(part, problem=Boolean(n_inputs=3, functions=names[:1]))
    whole, *others = (train_block(one).arrays for one in (of, part, alone))
    for other in others:
        assert all(whole[name][0, 2:4].tobytes() == array[0].tobytes() for name, array in other.items())


@pytest.mark.parametrize("engine", ["lanes", "reference"])
def test_networks_of_several_outputs_learn_all_of_them(engine):
    problem = Boolean(n_inputs=2, functions=["a & b; a ^ b", "a | b; a where a"])
    of = block(problem, problem.names().tolist(), range(10), width=4, epochs=1500)
    found = train_block(replace(of, engine=engine)).arrays
    solved = found["success_epoch"] >= 0
    assert (found["rows_right"][solved] == 4).all()
    assert solved.mean(axis=1).min() > 0.3


def test_starts_of_own_functions_are_drawn_by_their_text():
    network = Network(n_inputs=2, width=2, depth=1)
    starts = [initial_parameters(network, 0, text, range(2)) for text in ("a ^ b", "a & b")]
    assert not np.array_equal(*starts)
    with pytest.raises(ValueError, match=r"no Boolean function is named 'a \^ c'"):
        initial_parameters(network, 0, "a ^ c", range(2))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"functions": "a ^ d"}, "names d, input 4, and there are 2"),
        ({"functions": ["a", "a; b"]}, "functions of 1 and 2 outputs cannot be in one sweep"),
        ({"functions": "a; b", "random": 1}, "functions of 1 and 2 outputs cannot be in one sweep"),
        ({"functions": "a", "n_outputs": 2}, "n_outputs is of functions by import path, and there is none"),
        ({"n_outputs": 2}, "n_outputs is of functions by import path; give some"),
        ({"functions": "a", "problems": "all"}, "beside which problems have names .* not numbers"),
        ({"functions": []}, "functions holds none"),
        ({"functions": "0-1"}, "has 3 rows; a truth table of 2 inputs has 4"),
    ],
)
def test_boolean_functions_that_cannot_be_are_refused(fields, says):
    with pytest.raises(ValidationError, match=says):
        Boolean(n_inputs=2, **fields)


def test_without_own_functions_specifications_are_those_of_before():
    assert Boolean(n_inputs=5, random=2).model_dump() == {
        "kind": "boolean",
        "n_inputs": 5,
        "problems": (),
        "random": 2,
        "classes": (),
    }


def test_reading_a_specification_imports_nothing(monkeypatch):
    monkeypatch.setattr(own, "import_module", None)
    given = Boolean(n_inputs=2, functions=["nowhere:f"], n_outputs=3)
    assert (given.n_outputs_of({}), given.own_code, given.count_names()) == (3, ("nowhere:f",), 1)


def test_code_that_draws_random_numbers_is_refused(monkeypatch):
    module, numbers = ModuleType("bits_that_vary"), np.random.default_rng(0)
    monkeypatch.setitem(sys.modules, "bits_that_vary", module)
    module.drawn = lambda bits: numbers.random(len(bits)) < 0.5
    module.same = lambda bits: bits.all(axis=1)
    Boolean(n_inputs=4, functions="bits_that_vary:same").check(0)
    with pytest.raises(ValueError, match="bits_that_vary:drawn gives other values when it is called again"):
        Boolean(n_inputs=4, functions="bits_that_vary:drawn").check(0)
