from math import factorial

import numpy as np
import pytest

from relusweep.tasks.boolean._symmetries import symmetries
from relusweep.tasks.boolean.truth_tables import function_id, inputs, truth_table


@pytest.mark.parametrize("n", range(1, 6))
def test_the_walk_visits_every_symmetry_once(n):
    matrices = symmetries(n).matrices
    assert len(np.unique(matrices, axis=0)) == len(matrices) == 2**n * factorial(n)
    assert (np.abs(matrices).sum(axis=1) == 1).all()
    assert (np.abs(matrices).sum(axis=2) == 1).all()


@pytest.mark.parametrize("n", range(1, 6))
def test_up_to_sign_it_visits_one_of_each_opposite_pair(n):
    matrices = symmetries(n, up_to_sign=True).matrices
    assert 2 * len(matrices) == 2**n * factorial(n)
    assert len(np.unique(np.concatenate([matrices, -matrices]), axis=0)) == 2 * len(matrices)


@pytest.mark.parametrize("n", range(1, 6))
def test_words_and_matrices_are_the_same_symmetries(n):
    function = truth_table(np.random.default_rng(0).integers(2**2**n, dtype=np.uint64), n)
    word = function_id(function)
    for kept, moved, shift, matrix in zip(*symmetries(n), strict=True):
        word = word & kept | (word & moved) << shift | word >> shift & moved
        rows = (inputs(n) @ matrix.T > 0) @ (2 ** np.arange(n)[::-1])
        assert word == function_id(function[rows])
