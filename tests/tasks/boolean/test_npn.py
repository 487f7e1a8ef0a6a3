import logging

import numpy as np
import pytest

from relusweep.tasks.boolean._cache import cached
from relusweep.tasks.boolean.npn import canonical, npn_classes
from relusweep.tasks.boolean.truth_tables import parity

COUNTS = {1: 2, 2: 4, 3: 14, 4: 222, 5: 616_126}  # OEIS A000370


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "relusweep"


def assert_complete(classes, n):
    assert len(classes.representative) == len(classes.size) == COUNTS[n]
    assert classes.size.sum() == 2**2**n
    assert (np.diff(classes.representative.astype(np.int64)) > 0).all()


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_classes_share_out_all_functions(n):
    classes = npn_classes(n)
    assert_complete(classes, n)
    representatives, sizes = np.unique(canonical(np.arange(2**2**n), n), return_counts=True)
    assert representatives.tolist() == classes.representative.tolist()
    assert sizes.tolist() == classes.size.tolist()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_all_classes_of_five_inputs(cache, caplog):
    classes = npn_classes(5)
    assert_complete(classes, 5)
    sample = np.random.default_rng(0).choice(COUNTS[5], 1000)
    assert (canonical(classes.representative[sample], 5) == classes.representative[sample]).all()
    again = npn_classes(5)
    assert (again.representative == classes.representative).all()
    assert (again.size == classes.size).all()
    assert not caplog.records


def test_parity_and_constants_are_the_smallest_classes():
    classes = npn_classes(4)
    smallest = classes.representative[classes.size == 2].tolist()
    assert smallest == [0, parity(4)]


def test_canonical_keeps_shape_and_takes_nothing():
    assert canonical(np.zeros((2, 3), int), 3).shape == (2, 3)
    assert canonical([], 3).shape == (0,)


def test_canonical_of_five_inputs():
    assert canonical([2**32 - 1, 1, 2**31], 5).tolist() == [0, 1, 1]


@pytest.mark.parametrize("n", [0, 6])
def test_numbers_of_inputs_out_of_range_are_refused(n):
    with pytest.raises(ValueError, match=f"1 to 5 inputs, got n = {n}"):
        npn_classes(n)


def test_ids_out_of_range_are_refused():
    with pytest.raises(ValueError, match="function of 2 inputs is an integer from 0 to 15"):
        canonical([3, 16], 2)


class TestCache:
    def compute(self):
        self.computed += 1
        return {"squares": np.arange(1000) ** 2}

    def get(self):
        return cached("squares", self.compute, lambda arrays: arrays["squares"].sum() == 332_833_500)

    @pytest.fixture(autouse=True)
    def _fresh(self, cache):
        self.computed = 0
        self.path = cache / "squares.npz"

    def test_computes_once_and_leaves_one_file(self):
        assert self.get()["squares"].tolist() == self.get()["squares"].tolist()
        assert self.computed == 1
        assert list(self.path.parent.iterdir()) == [self.path]

    @pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "other"])
    def test_damage_is_found_and_mended(self, damage, caplog):
        self.get()
        whole = bytearray(self.path.read_bytes())
        flipped = whole[:600] + bytes([whole[600] ^ 1]) + whole[601:]
        contents = {"truncate": whole[:-500], "flip": flipped, "empty": b"", "other": b"no archive"}
        self.path.write_bytes(contents[damage])
        assert self.get()["squares"][-1] == 999**2
        assert self.computed == 2
        assert "is damaged and will be computed again" in caplog.text
        assert self.path.read_bytes() == whole

    def test_what_reads_well_but_is_not_right_is_computed_again(self):
        self.get()
        np.savez(self.path, squares=np.zeros(1000))
        assert self.get()["squares"][-1] == 999**2
        assert self.computed == 2

    def test_what_cannot_be_kept_is_returned_with_a_warning(self, caplog):
        self.path.parent.write_text("a file where the directory should be")
        with caplog.at_level(logging.WARNING):
            assert self.get()["squares"][-1] == 999**2
        assert "is not kept" in caplog.text
