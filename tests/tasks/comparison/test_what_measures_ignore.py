"""What each measure declares to leave it alone does, and what it does not declare does not."""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest
from scipy.stats import ortho_group

from relusweep.tasks.comparison.affine import apply_coefficients, fit_affine, mapped_outputs, row_space
from relusweep.tasks.comparison.distances import Distances
from relusweep.tasks.comparison.grams import Grams
from relusweep.tasks.comparison.measures import INVARIANCES, Invariance, cka, cross_entropy, n_right
from relusweep.tasks.comparison.moments import Moments

PAIRS = ((0, 0), (0, 1), (1, 1))
TRAIN, TEST = slice(0, 60), slice(60, 100)


@dataclass(frozen=True)
class Case:
    """Rows of two networks, of shape (samples, outputs, columns), with inputs and classes."""

    first: np.ndarray
    second: np.ndarray
    inputs: np.ndarray
    labels: np.ndarray


def case(seed):
    rng = np.random.default_rng(seed)
    first, inputs = rng.normal(0.5, 1, (100, 3, 6)), rng.normal(size=(100, 5))
    second = 2 * first @ rng.normal(size=(6, 6)) + 0.3 * rng.normal(size=first.shape)
    return Case(first, second, inputs, apply_coefficients(second, inputs).argmax(axis=1))


def affine(it):
    chunk = np.stack([it.first, it.second])
    moments = Moments(PAIRS, 2, 3, 6)
    moments.update(chunk[:, TRAIN])
    maps = fit_affine([row_space(second, 60) for second in moments.second((0, 0))], [moments.second((0, 1))])
    outputs = mapped_outputs(maps, it.first[TEST], it.inputs[TEST])[0]
    return [n_right(outputs, it.labels[TEST]), *np.sort(outputs, axis=0).ravel()]


def distance(it):
    distances = Distances([(0, 1)], 2, 3, 6)
    distances.update(np.stack([it.first, it.second]))
    return distances.values()


def cka_by_columns(it, *, unbiased=False):
    moments = Moments(PAIRS, 2, 3, 6)
    moments.update(np.stack([it.first, it.second]))
    hsic = moments.hsic(unbiased=unbiased)
    return cka(PAIRS, hsic, hsic[[0, 2]])[1].mean()


def cka_by_samples(it, *, unbiased=False):
    values = []
    for j in range(3):
        grams = Grams(PAIRS, [it.first[0, j], it.second[0, j]], 100)
        grams.update(np.stack([it.first[:, j], it.second[:, j]]), 0)
        hsic = grams.hsic(unbiased=unbiased)
        values.append(cka(PAIRS, hsic, hsic[[0, 2]])[1])
    return np.mean(values)


def entropies(it):
    return cross_entropy([it.first[:, 0]], [it.second[:, 0]])


MEASURES = {
    "affine": [affine],
    "distance": [distance],
    "cka": [
        cka_by_columns,
        cka_by_samples,
        lambda it: cka_by_columns(it, unbiased=True),
        lambda it: cka_by_samples(it, unbiased=True),
    ],
    "cross_entropy": [entropies],
}


def permuted(it, rng):
    order = np.concatenate([rng.permutation(60), 60 + rng.permutation(40)])  # training stays training
    return Case(it.first[order], it.second[order], it.inputs[order], it.labels[order])


def mapped(it, matrix):
    return replace(it, first=it.first @ matrix)


TRANSFORMATIONS = {
    Invariance.SAMPLES: permuted,
    Invariance.SYMMETRY: lambda it, rng: replace(it, first=it.second, second=it.first),
    Invariance.ORTHOGONAL: lambda it, rng: mapped(it, ortho_group(6).rvs(random_state=rng)),
    Invariance.SCALING: lambda it, rng: mapped(it, rng.uniform(2, 3) * np.eye(6)),
    Invariance.LINEAR: lambda it, rng: mapped(it, rng.normal(size=(6, 6))),
    Invariance.TRANSLATION: lambda it, rng: replace(it, first=it.first + rng.normal(size=6)),
    Invariance.SHIFT: lambda it, rng: replace(it, first=it.first + rng.normal(size=(100, 3, 1))),
}


def test_every_measure_and_every_transformation_is_tried():
    assert MEASURES.keys() == INVARIANCES.keys()
    assert TRANSFORMATIONS.keys() == set(Invariance)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("measure", "transformation"),
    list(product(INVARIANCES, Invariance)),
    ids=lambda value: value.name.lower() if isinstance(value, Invariance) else value,
)
def test_what_is_declared_holds_and_what_is_not_fails(measure, transformation, seed):
    it = case(seed)
    moved = TRANSFORMATIONS[transformation](it, np.random.default_rng([seed, 1]))
    for function in MEASURES[measure]:
        before, after = np.array(function(it)), np.array(function(moved))
        if transformation in INVARIANCES[measure]:
            np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9)
        else:
            assert abs(after - before).max() > 1e-3
