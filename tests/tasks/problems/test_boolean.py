"""Boolean functions as a problem: which there are, what they are trained on and start from."""

import numpy as np
import pytest
from pydantic import ValidationError

from relusweep.tasks.boolean.functions import PARITY, class_name, named_tables, random_name
from relusweep.tasks.boolean.ids import classes_of
from relusweep.tasks.boolean.npn import N_CLASSES
from relusweep.tasks.boolean.truth_tables import inputs, truth_table
from relusweep.tasks.networks import Network
from relusweep.tasks.problems.boolean import Boolean, initial_parameters
from relusweep.tasks.training import Protocol, train
from relusweep.tasks.training_block import train_block
from tests.tasks.blocks import block

NAMED = Boolean(n_inputs=6, random=4, classes=(105,))


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_all_problems_are_the_npn_classes(n):
    problem = Boolean(n_inputs=n, problems="all")
    assert problem.names().tolist() == classes_of(n).representative.tolist()
    assert problem.count_names() == len(problem.names()) == N_CLASSES[n]


def test_classes_of_five_inputs_are_counted_without_listing_them(monkeypatch):
    monkeypatch.setattr("relusweep.tasks.problems.boolean.classes_of", None)
    assert Boolean(n_inputs=5, problems="all").count_names() == 616_126


def test_names_ascend_as_text():
    names = Boolean(n_inputs=4, random=10_000, classes="all").names().tolist()
    assert names == sorted(names)
    assert names[221:224] == ["class 27030 xor parity", "parity", "random 0000"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"n_inputs": 4, "problems": "all", "random": 1}, "not both; give one"),
        ({"n_inputs": (4, 5), "problems": "all"}, "n_inputs = 4,5: NPN classes of one number of inputs"),
        ({"n_inputs": 6, "problems": "all"}, "n_inputs = 6: NPN classes of one number of inputs, 1 to 5"),
        ({"n_inputs": (3, 5), "classes": "all"}, "n_inputs holds 3; leave it out, or set classes=none"),
        ({"n_inputs": 13}, "less than or equal to 12"),
    ],
)
def test_functions_that_there_are_not(fields, says):
    with pytest.raises(ValidationError, match=says):
        Boolean(**fields)


def test_rows_are_all_inputs_and_targets_the_tables():
    drawn = Boolean(n_inputs=4, problems=(6, 1785)).draw({"n_inputs": 4}, (6, 1785), range(5, 8), 0)
    assert drawn.inputs.tolist() == inputs(4).tolist()
    assert drawn.targets.tolist() == np.repeat(truth_table(np.uint64([6, 1785]), 4), 3, axis=0).tolist()
    assert drawn.test is None


def test_training_by_name_is_training_on_its_table_from_its_own_starts():
    network = Network(n_inputs=6, width=3, depth=1, leak=0.1)
    names = (class_name(105), PARITY, random_name(3))
    result = train_block(block(NAMED, names, range(1, 3), seed=7, leak=0.1)).arrays
    initial = [initial_parameters(network, 7, name, range(1, 3)) for name in names]
    assert len({start.tobytes() for start in initial}) == 3
    targets = np.repeat(named_tables(names, 6, 7), 2, axis=0)
    protocol = Protocol(network=network, epochs=12, stop="last_epoch")
    alone = train(protocol, inputs(6), targets, np.concatenate(initial), keep_parameters=True)
    assert result["final_loss"].tobytes() == alone.loss.tobytes()
    assert result["rows_right"].ravel().tolist() == alone.rows_right.tolist()
    assert result["parameters"].tobytes() == alone.parameters.tobytes()


def test_seeds_sizes_and_leaks_draw_different_starts():
    networks = [Network(n_inputs=4, width=2, depth=2, leak=leak) for leak in (0.0, 0.1)]
    drawn = {initial_parameters(net, seed, 27030, range(2)).tobytes() for net in networks for seed in (0, 1)}
    assert len(drawn) == 4


def test_random_functions_are_those_of_the_seed():
    known = [NAMED.coordinates(seed)["truth_table"][1][-1, 0] for seed in (0, 0, 1)]
    assert known[0] == known[1] != known[2]
    assert [2 * int(bit) - 1 for bit in known[2]] == named_tables([random_name(3)], 6, 1)[0].tolist()


def test_measures_are_taken_a_part_at_a_time(monkeypatch):
    whole = NAMED.coordinates(0)
    monkeypatch.setattr("relusweep.tasks.boolean.described._MEASURED_AT_ONCE", 4)
    for name, (_, values, _) in NAMED.coordinates(0).items():
        assert values.tolist() == whole[name][1].tolist()


def test_starts_are_those_of_the_number_whatever_its_type():
    network = Network(n_inputs=2, width=2, depth=1)
    starts = initial_parameters(network, 0, 6, range(3))
    np.testing.assert_array_equal(initial_parameters(network, np.int64(0), np.uint64(6), range(3)), starts)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 6, 3), r"trials is a range of trial numbers, as range\(10\), got 3"),
        ((0, 6, [0, 1]), "trials is a range"),
        ((0, range(3), 3), "trials is a range"),
        ((0, 16, range(3)), "16 is no function of 2 inputs: ids end at 15"),
        ((0, -1, range(3)), "-1 is no function"),
        ((0, "xor", range(3)), "no Boolean function is named 'xor'; there are 'parity'"),
        ((0, True, range(3)), "function is a whole number, got True"),
        ((0.5, 6, range(3)), "seed is a whole number, got 0.5"),
    ],
)
def test_starts_of_what_is_not_there_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        initial_parameters(Network(n_inputs=2, width=2, depth=1), *arguments)
