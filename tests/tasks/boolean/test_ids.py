"""Ids of NPN classes, put in order and checked."""

import pytest

from relusweep.tasks.boolean.ids import class_ids


def test_ids_ascend_each_once_and_name_classes():
    assert class_ids((6, 1, 6), 4) == (1, 6)
    with pytest.raises(ValueError, match="65536 is no function of 4 inputs: ids end at 65535"):
        class_ids((65536,), 4)
    with pytest.raises(ValueError, match="2 does not name an NPN class; its own is named 1"):
        class_ids((2,), 4)
