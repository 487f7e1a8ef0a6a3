from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from relusweep.pipeline.common.usage import usage


def test_the_memory_of_a_process_is_not_that_of_its_parent() -> None:
    held = np.ones(2**29, np.uint8)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        child = fresh.submit(usage).result()
    assert 2**22 < child.peak_bytes < held.nbytes < usage().peak_bytes
