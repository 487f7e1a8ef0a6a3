"""Sweeps of activations of the user's own and of lists by layer."""

import pytest

import relusweep as rs
from relusweep.errors import InvalidSweep
from relusweep.pipeline.planning.plan import make_plan
from relusweep.tasks.training_block import train_block
from tests.tasks.training.examples import equal_bits

FIELDS = {"width": 2, "depth": 2, "leak": 0, "engine": "reference", "trials": 3, "epochs": 50}


@pytest.fixture
def module(tmp_path, monkeypatch):
    source = "import torch\ndef own_tanh(z): return torch.tanh(z)\ndef own_sum(z): return z.sum()\n"
    (tmp_path / "own_of_sweeps.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    return "own_of_sweeps"


def test_a_sweep_trains_it_as_the_same_function_of_relusweep(module):
    sweep = rs.sweep("npn2", activation=[f"relu-{module}:own_tanh", "relu-tanh"], **FIELDS)
    assert sweep.own_code == (f"{module}:own_tanh",)
    arrays = [train_block(sweep.block(block)).arrays for block in make_plan(sweep, None).blocks]
    assert len(arrays) == 2
    assert equal_bits(*([of[name] for name in sorted(of)] for of in arrays))


def test_it_is_tried_before_anything_is_planned(module):
    sweep = rs.sweep("npn2", activation=f"{module}:own_sum", **FIELDS)
    with pytest.raises(InvalidSweep, match=f"npn2: activation {module}:own_sum of a Tensor .* gave a Tensor"):
        make_plan(sweep, None)


def test_a_list_may_be_beside_depths_that_a_condition_leaves_out():
    where = "activation != 'relu-tanh' or depth == 2"
    fields = FIELDS | {"activation": ["relu-tanh", "tanh"], "depth": [1, 2]}
    assert len(make_plan(rs.sweep("npn2", **fields, where=where), None).blocks) == 3
    with pytest.raises(InvalidSweep, match="relu-tanh is of 2 hidden layers, and depth is 1; set depth=2"):
        make_plan(rs.sweep("npn2", **fields), None)
