"""Starts of one's own: what is read, what is refused."""

import numpy as np
import pytest

from relusweep.tasks.given import digest, given_parameters
from relusweep.tasks.networks import Network, initial_parameters
from relusweep.tasks.streams import Stream

NETWORK = Network(n_inputs=2, width=3, depth=1)
STARTS = initial_parameters(NETWORK, Stream(("given",)), range(10)).astype(float)


@pytest.fixture
def path(tmp_path):
    np.save(tmp_path / "starts.npy", STARTS)
    return tmp_path / "starts.npy"


@pytest.mark.parametrize("trials", [range(10), range(3, 7), range(9, 10), range(2, 2)])
def test_the_row_of_a_trial_is_its_start(path, trials):
    found = given_parameters(path, NETWORK, trials)
    assert found.dtype == np.float32
    assert found.tobytes() == STARTS[trials.start : trials.stop].astype(np.float32).tobytes()
    assert found.flags.writeable


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "float16"])
def test_any_floats_in_any_order_are_read(path, dtype):
    np.save(path, np.asfortranarray(STARTS.astype(dtype)))
    expected = STARTS.astype(dtype).astype(np.float32)
    assert given_parameters(path, NETWORK, range(10)).tobytes() == expected.tobytes()


def test_only_the_rows_of_the_trials_are_looked_at(path):
    starts = STARTS.copy()
    starts[7, 0] = np.nan
    np.save(path, starts)
    assert len(given_parameters(path, NETWORK, range(7))) == 7
    with pytest.raises(ValueError, match="not finite in float32 for 1 of 3 trials, first for trial 7"):
        given_parameters(path, NETWORK, range(6, 9))


@pytest.mark.parametrize(
    ("array", "trials", "message"),
    [
        (STARTS[:, 1:], range(2), r"float64 of shape \(10, 12\); allowed .*n_parameters = 13"),
        (STARTS[0], range(1), r"shape \(13,\)"),
        (STARTS.astype(int), range(1), "holds int64"),
        (STARTS, range(11), "holds 10 starts, trials 0 to 10 are asked for; ask for at most 10"),
        (np.full((2, 13), 1e39), range(2), "not finite in float32 for 2 of 2"),
    ],
)
def test_what_does_not_fit_is_refused(path, array, trials, message):
    np.save(path, array)
    with pytest.raises(ValueError, match=message):
        given_parameters(path, NETWORK, trials)


def test_a_file_of_another_kind_is_refused(path):
    path.write_text("1,2,3")
    with pytest.raises(ValueError, match=r"cannot be read .* save the starts with numpy\.save"):
        given_parameters(path, NETWORK, range(1))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none"):
        given_parameters(tmp_path / "none.npy", NETWORK, range(1))


def test_objects_are_not_unpickled(path):
    np.save(path, np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(ValueError, match="cannot be read"):
        given_parameters(path, NETWORK, range(1))


def test_units_of_zeros_are_zeros_in_the_file(path):
    network = Network(n_inputs=2, width=3, depth=2, widths=(3, 1))
    starts = initial_parameters(network, Stream(("zeros",)), range(4))
    np.save(path, starts)
    assert given_parameters(path, network, range(4)).tobytes() == starts.tobytes()
    np.save(path, starts + np.float32(1))
    with pytest.raises(ValueError, match=r"holds 40 numbers that are not 0 in units of zeros"):
        given_parameters(path, network, range(4))


def test_a_digest_tells_whether_the_file_has_changed(path, tmp_path):
    before = digest(path)
    np.save(tmp_path / "copy.npy", STARTS)
    assert digest(tmp_path / "copy.npy") == before
    np.save(path, STARTS + 1e-9)
    assert digest(path) != before
    assert len(before) == 32
