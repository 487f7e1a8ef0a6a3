"""Probes on pruning: what they keep of networks that succeeded and of others, and what they refuse."""

import numpy as np
import pytest

from relusweep.tasks.axes import fixed
from relusweep.tasks.probes.masks import Masks
from relusweep.tasks.probes.outcome import Outcome
from relusweep.tasks.probes.parameters import Parameters
from relusweep.tasks.probes.removals import Removals
from relusweep.tasks.probes.subsets import Subsets
from relusweep.tasks.problems.ball_and_shell import BallAndShell
from relusweep.tasks.problems.boolean import Boolean
from relusweep.tasks.problems.function import Function
from relusweep.tasks.pruning.masks import solving_masks
from relusweep.tasks.training_block import train_block
from tests.tasks.blocks import block, digest, equal

PARITY = Boolean(n_inputs=2)
SETTINGS = {
    "n_inputs": (2,),
    "width": (3,),
    "depth": (1,),
    "widths": fixed(""),
    "batch": fixed(0),
    "activation": fixed("relu"),
}
PROBES = (
    Outcome(),
    Masks(most=3),
    Parameters(),
    Removals(prunings=2, most_epochs=100),
    Subsets(trajectories=2, most_epochs=100),
)


def networks(trials=range(8), **fields):
    fields = {"epochs": 200, "stop": "first_success", **fields}
    return block(PARITY, ("parity",), trials, probes=PROBES, **fields)


@pytest.fixture(scope="module")
def found():
    return {name: array[0] for name, array in train_block(networks()).arrays.items()}


def test_networks_that_failed_are_missing(found):
    lost = found["success_epoch"] < 0
    assert 0 < lost.sum() < len(lost)
    np.testing.assert_array_equal(found["least_units"] == -1, lost)
    np.testing.assert_array_equal((found["layer_units"] == -1).all(axis=(1, 2)), lost)
    np.testing.assert_array_equal((found["masks_right"] == -1).all(axis=1), lost)
    assert np.isnan(found["trajectory_loss"][lost]).all()
    assert (found["trajectory_success"][lost] == -2).all()
    assert (found["pruning_end"][lost] == -1).all()


def test_bits_are_those_of_every_machine(found):
    """The digest was written down on 30 November 2026; it may change only with a result schema."""
    assert digest(found[name] for name in sorted(found)) == "ed531044f1517b9a"


def test_xor_needs_two_units_of_a_hidden_layer(found):
    learned = found["success_epoch"] >= 0
    assert set(found["least_units"][learned].tolist()) == {2}
    # As many as all subsets of so many units that are tried say; of one unit none is right.
    assert (found["subsets_right"][learned, 0] == 0).all()
    assert (found["subsets_right"][learned, 1] >= 1).all()
    assert (found["layer_units"][learned] >= 2).all()


def test_any_part_of_a_block_has_the_bits_of_the_whole(found):
    parts = [train_block(networks(range(first, first + 4))).arrays for first in (0, 4)]
    both = {name: np.concatenate([part[name][0] for part in parts]) for name in parts[0]}
    assert equal(both, found)


def test_masks_are_those_of_the_parameters(found):
    of = networks()
    trial = int(np.flatnonzero(found["success_epoch"] >= 0)[0])
    trials = PARITY.draw(of.setting, ("parity",), of.trials, 0)
    for place, kind in enumerate(("units", "weights")):
        rows = found["parameters"][trial], trials.inputs, trials.targets[trial]
        expected = solving_masks(of.protocol, *rows, kind)
        count = min(3, len(expected.minimal))
        assert found["masks_right"][trial, place] == expected.right
        assert found["masks_minimal"][trial, place] == len(expected.minimal)
        assert found["mask_minimal"][trial, place, :count].tolist() == expected.minimal[:3].tolist()
        assert (found["mask_minimal"][trial, place, count:] == -1).all()


def test_networks_with_rows_of_their_own_are_pruned_on_these():
    """A region around a disc needs more than one unit; any trial alone has the bits of all together."""

    def learned(trials):
        fields = {"width": 4, "epochs": 400, "stop": "first_success"}
        of = block(BallAndShell(n_inputs=2, samples=16), trials=trials, probes=PROBES, **fields)
        return train_block(of).arrays

    whole, alone = learned(range(4)), learned(range(3, 4))
    assert (whole["success_epoch"] >= 0).all()
    assert (whole["least_units"] > 1).all()
    assert equal({name: array[3:] for name, array in whole.items()}, alone)


def test_rows_that_do_not_matter_are_none_that_parts_must_be_right_on():
    """Without the row 00, XOR is what one unit does; with it, two are needed."""
    problem, label = Boolean(n_inputs=2, functions=["a ^ b where a | b"]), ("a ^ b where a | b",)
    of = block(problem, label, range(4), probes=PROBES, epochs=200, stop="first_success")
    found = {name: array[0] for name, array in train_block(of).arrays.items()}
    learned = found["success_epoch"] >= 0
    assert found["least_units"][learned].min() == 1
    assert found["layer_units"][learned].min() == 1
    trial = int(np.flatnonzero(learned)[0])
    trials = problem.draw(of.setting, label, of.trials, 0)
    rows = trials.inputs[1:], trials.targets[trial][1:]
    expected = solving_masks(of.protocol, found["parameters"][trial], *rows, "weights")
    assert found["masks_right"][trial, 1] == expected.right


def test_smaller_networks_of_a_sweep_leave_the_room_of_larger_ones_missing():
    of = networks()
    room = of.extent._replace(most_width=5, most_depth=2)
    arrays = train_block(block_with(of, room)).arrays
    assert arrays["subsets_right"].shape[-1] == 5
    assert (arrays["subsets_right"][..., 3:] == -1).all()
    assert arrays["layer_units"].shape[-1] == 2
    assert (arrays["layer_units"][..., 1] == -1).all()
    assert arrays["removed_unit"].shape[-1] == 10


def block_with(of, extent):
    from dataclasses import replace

    return replace(of, extent=extent)


@pytest.mark.parametrize(
    ("probe", "problem", "settings", "says"),
    [
        (Subsets(), Function(), {}, "rows of function are not right or wrong; leave it out"),
        (Masks(), Function(), {}, "rows of function are not right or wrong; leave it out"),
        (Subsets(), PARITY, {"depth": (1, 2)}, "subsets is of networks of one hidden layer; set depth=1"),
        (Subsets(), PARITY, {"width": (4, 21)}, "21 units have 2,097,152 subsets; subsets takes up to 20"),
        (
            Subsets(),
            PARITY,
            {"batch": (0, 2)},
            "fine-tunes with all rows at once, and batch is 2; set",
        ),
        (Removals(), PARITY, {"batch": (1,)}, "removals fine-tunes with all rows at once, and batch is 1"),
        (Removals(), PARITY, {"bar": (0.1,)}, "removals is of networks without restarts; leave out either"),
        (
            Removals(),
            PARITY,
            {"activation": ("relu", "softplus")},
            "removals makes units zeros, which would train again: softplus of 0 is not known to be 0; set",
        ),
        (
            Removals(),
            PARITY,
            {"activation": ("relu", "vrelu", "maximum")},
            "removals takes out units of one sum .* not vrelu, maximum; leave it out",
        ),
        (Masks(), PARITY, {"activation": ("tanh",)}, "masks is of networks of relu units, not of tanh"),
        (
            Masks(),
            PARITY,
            {"width": (2, 7)},
            r"up to 25 weights, .* of 2 inputs, width 7 and depth 1 have 29; set smaller .* of: units",
        ),
        (Masks(of=("units",)), PARITY, {"width": (13,), "depth": (1, 2)}, "up to 25 units, .* have 26; set"),
    ],
)
def test_what_cannot_be_pruned_is_refused(probe, problem, settings, says):
    with pytest.raises(ValueError, match=says):
        probe.check(problem, SETTINGS | settings)


def test_what_can_be_pruned_is_not_refused():
    for probe in PROBES:
        probe.check(PARITY, SETTINGS)
    Masks(of="units").check(PARITY, SETTINGS | {"width": (25,)})
    Removals().check(PARITY, SETTINGS | {"depth": (3,), "activation": ("relu", "tanh")})
