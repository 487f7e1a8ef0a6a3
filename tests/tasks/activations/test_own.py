"""Activations of the user's own, by import path: trained like others, tried before, and named in errors."""

import numpy as np
import pytest

from relusweep.tasks import activations
from relusweep.tasks.own import OwnCodeError
from relusweep.tasks.streams import Stream
from relusweep.tasks.training import Network, Protocol, initial_parameters, train
from tests.tasks.training.examples import equal_bits

SOURCE = """
import torch

def own_tanh(z): return torch.tanh(z)
def own_sum(z): return z.sum(dim=-1)
def own_double(z): return z.double()
def own_numbers(z): return [1, 2]
def own_constant(z): return z.detach().sin()
def own_failure(z): raise KeyError("here")
def own_exit(z): raise SystemExit(2)
def own_joined(z): return z / z.abs().max()
def own_random(z): return torch.dropout(z, 0.5, True)
"""
X, Y = [[-1, -1], [1, -1], [-1, 1], [1, 1]], np.tile([-1, 1, 1, -1], (30, 1))
OF = r"of a Tensor of torch.float32, of shape \(2, 4, 3\) gave"


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "own_activations.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    return "own_activations"


def trained(name, depth=2, engine="auto"):
    network = Network(n_inputs=2, width=3, depth=depth, activation=name)
    start = initial_parameters(network, Stream(("own",)), range(30))
    return train(Protocol(network=network, epochs=40), X, Y, start, engine=engine, keep_parameters=True)


@pytest.mark.parametrize(("own", "known"), [("{}:own_tanh", "tanh"), ("relu-{}:own_tanh", "relu-tanh")])
def test_it_trains_as_the_same_function_of_relusweep_does(module, own, known):
    found = trained(own.format(module))
    assert equal_bits(
        *([a for a in of if a is not None] for of in (found, trained(known, engine="reference")))
    )
    with pytest.raises(ValueError, match="lanes does not have the activation own_activations:own_tanh"):
        trained(own.format(module), engine="lanes")


def test_it_is_not_imported_before_it_is_applied():
    activation = activations.load("no_such_module:function")
    assert not activation.zero_at_zero
    assert not activation.in_lanes
    assert not activation.piecewise_linear
    assert activations.own_code("relu-no_such_module:function-tanh") == ("no_such_module:function",)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("own_sum", rf"{OF} a Tensor of torch.float32, of shape \(2, 4\)"),
        ("own_double", rf"{OF} a Tensor of torch.float64, of shape \(2, 4, 3\)"),
        ("own_numbers", f"{OF} a list"),
        ("own_constant", "autograd cannot differentiate what it gives"),
        ("own_failure", r"of an argument of shape \(2, 4, 3\) raised KeyError: 'here'"),
        ("own_exit", r"of an argument of shape \(2, 4, 3\) raised SystemExit: 2"),
        ("own_joined", "gives a network other numbers when it is alone than beside another one"),
        ("own_random", "may neither draw random numbers nor join the first dimension"),
        ("lacking", "own_activations has no lacking"),
    ],
)
def test_what_is_no_activation_is_refused_before_anything_runs(module, name, says):
    with pytest.raises(OwnCodeError, match=f"{module}:{name}.*{says}"):
        activations.try_own(f"relu-{module}:{name}")


def test_a_script_that_ends_python_is_refused(tmp_path, monkeypatch):
    (tmp_path / "own_script.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(OwnCodeError, match="own_script:f: importing own_script failed: SystemExit: 3"):
        activations.try_own("own_script:f")
