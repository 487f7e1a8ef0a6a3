import pickle

import numpy as np
import pytest

from relusweep.tasks.boolean.fourier import degree, influence, spectral_entropy
from relusweep.tasks.boolean.measures import measure
from relusweep.tasks.boolean.npn import npn_classes
from relusweep.tasks.boolean.swaps import swaps
from relusweep.tasks.boolean.truth_tables import parity, truth_table
from relusweep.tasks.quantities import QuantityBlock, compute_block
from relusweep.tasks.quantities.measures import Measures

# Of all classes of five inputs, exactly these reach nine swaps; below, how many classes have how many.
MOST_SWAPS = [26990475, 56007375, 56159193, 56224721, 56229030, 56597670, 108260050, 395227860]
CLASSES_BY_SWAPS = [1, 62, 1205, 12152, 74879, 210804, 261679, 54216, 1120, 8]


def test_a_block_holds_every_measure_of_every_function() -> None:
    ids = np.array([0, 1, parity(5), 26990475], np.uint64)
    tables = truth_table(ids, 5)
    block = QuantityBlock(Measures(name="a", n_inputs=5, problems="all"), {"problem": tuple(ids.tolist())})
    result = compute_block(pickle.loads(pickle.dumps(block)))
    assert result.arrays["swaps"].tolist() == swaps(tables).count.tolist() == [0, 1, 5, 9]
    assert result.arrays["degree"].tolist() == degree(tables).tolist()
    assert result.arrays["influence"].tolist() == influence(tables).tolist()
    assert result.arrays["entropy"].tolist() == spectral_entropy(tables).tolist()
    assert result.network_epochs == 0
    assert result.kernel_seconds > 0


def test_blocks_do_not_matter() -> None:
    ids = npn_classes(4).representative
    whole = measure(ids, 4)
    parts = [measure(ids[start : start + 100], 4) for start in range(0, len(ids), 100)]
    for name, values in whole.items():
        assert np.concatenate([part[name] for part in parts]).tolist() == values.tolist()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_swaps_of_all_classes_of_five_inputs() -> None:
    ids = npn_classes(5).representative
    counts = np.concatenate([measure(part, 5)["swaps"] for part in np.array_split(ids, 100)])
    assert np.bincount(counts).tolist() == CLASSES_BY_SWAPS
    assert ids[counts == 9].tolist() == MOST_SWAPS
