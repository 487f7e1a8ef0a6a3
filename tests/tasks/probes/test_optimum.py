"""The probe of stationary points: what it refuses, what it keeps, and the rates of a sum and of a mean."""

import numpy as np
import pytest
import torch

from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.overrides import find_sweep, override
from relusweep.tasks.probes.optimum import Optimum
from relusweep.tasks.probes.outcome import Outcome
from relusweep.tasks.probes.parameters import Parameters
from relusweep.tasks.problems.boolean import Boolean
from relusweep.tasks.problems.xor_line import XorLine
from relusweep.tasks.training import Sgd
from relusweep.tasks.training_block import train_block
from tests.tasks.blocks import block

PROBES = (Outcome(), Parameters(), Optimum())


def trained(problem=None, rate=0.4, **fields):
    fields = {"width": 2, "loss": "mse", "epochs": 500, "probes": PROBES, "trials": range(40)} | fields
    return block(problem or XorLine(), optimizer=Sgd(learning_rate=rate, momentum=0.0), **fields)


def test_networks_that_have_come_to_rest_are_in_families():
    found = train_block(trained()).arrays
    still = found["gradient_norm"] < 1e-4
    assert still.sum() > 30
    assert (found["family"][still] >= 0).all()
    assert abs(found["squared_error"][still, None] - [0, 8 / 3, 4]).min(axis=1).max() < 1e-3
    np.testing.assert_allclose(found["squared_error"], 4 * found["final_loss"], rtol=1e-5, atol=1e-9)


def test_functions_of_two_inputs_have_landscapes_of_their_own():
    found = train_block(trained(Boolean(n_inputs=2, problems=(1, 6)), 0.2, labels=(1, 6), epochs=2000)).arrays
    errors, family = found["squared_error"], found["family"]
    assert family.shape == (2, 40)
    known = {0: [0, 1, 2, 8 / 3, 3], 1: [0, 2, 8 / 3, 4]}
    for place, levels in known.items():
        there = family[place] >= 0
        assert there.mean() > 0.5
        assert abs(errors[place][there, None] - levels).min(axis=1).max() < 0.02


def test_networks_that_diverge_have_no_family():
    found = train_block(trained(rate=1e25)).arrays
    lost = found["stop_reason"] == 2
    assert lost.any()
    assert (found["family"][lost] == -2).all()
    assert (found["sign_cell"][lost] == -1).all()
    assert np.isnan(found["squared_error"][lost]).all()


def test_any_part_has_the_bits_of_the_whole():
    whole = train_block(trained()).arrays
    part = train_block(trained(trials=range(7, 9))).arrays
    for name in ("family", "sign_cell", "family_distance", "gradient_norm", "squared_error"):
        assert part[name].tobytes() == whole[name][7:9].tobytes()


@pytest.mark.parametrize(
    ("sweep", "settings", "says"),
    [
        ("xor_optima", ["width=2,4"], "width up to 3, .* not of width 4; set"),
        ("xor_optima", ["depth=2"], "depth 1, .* not of depth 2"),
        ("xor_optima", ["leak=0.1"], "leak 0"),
        ("xor_optima", ["loss=bce"], "loss mse"),
        ("xor_optima", ["activation=tanh", "engine=reference"], "relu units"),
        ("npn4", ["probes=optimum", "width=2", "depth=1", "leak=0", "loss=mse"], "at most 3 inputs"),
        ("sine", ["probes=optimum"], "boolean and xor_line problems, not of function"),
    ],
)
def test_what_is_not_enumerated_is_refused(sweep, settings, says):
    with pytest.raises(InvalidSweep, match=says):
        override(find_sweep(sweep), settings).check()


def by_hand(rows, loss, rate):
    """Descend as PyTorch does."""
    hidden = rows[:, :4].reshape(-1, 2, 2)
    w, b = hidden[:, :, 0].clone().requires_grad_(), hidden[:, :, 1].clone().requires_grad_()
    o, c = rows[:, 4:6].clone().requires_grad_(), rows[:, 6].clone().requires_grad_()
    x, y = torch.tensor([-1.0, 0, 0, 1]), torch.tensor([-1.0, 1, 1, -1])
    descent = torch.optim.SGD([w, b, o, c], lr=rate)
    for _ in range(50):
        descent.zero_grad()
        out = (o[:, :, None] * torch.relu(w[:, :, None] * x + b[:, :, None])).sum(1) + c[:, None]
        loss((out - y) ** 2).sum().backward()
        descent.step()
    inner = torch.stack([w, b], dim=2).reshape(-1, 4)
    return torch.cat([inner, o, c[:, None]], dim=1).detach().numpy()


def test_rate_04_of_the_mean_is_rate_01_of_the_sum_bit_for_bit():
    """Four rows: a power of two changes no bit of a product."""
    of = trained(epochs=50, trials=range(8))
    rows = torch.from_numpy(of.initial_parameters())
    of_sum, of_mean = by_hand(rows, lambda e: e.sum(1), 0.1), by_hand(rows, lambda e: e.mean(1), 0.4)
    assert of_sum.tobytes() == of_mean.tobytes()
    np.testing.assert_allclose(train_block(of).arrays["parameters"], of_sum, rtol=2e-4, atol=2e-5)
