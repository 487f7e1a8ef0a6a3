"""What `import relusweep as rs` gives by name, and what it costs."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import relusweep as rs
from relusweep.cluster import errors as cluster_errors
from relusweep.pipeline.common import errors as pipeline_errors
from relusweep.storage import errors as store_errors
from relusweep.tasks.images import errors as data_errors

PARTS = [rs.boolean, rs.comparison, rs.hypersphere, rs.images, rs.jacobians, rs.optima, rs.regions]
HEAVY = {"torch", "numba", "dask", "distributed", "xarray", "numpy", "zarr", "icechunk"}


def test_what_is_typed_is_what_there_is() -> None:
    (typed,) = (node for node in ast.parse(Path(rs.__file__).read_text()).body if isinstance(node, ast.If))
    homes = {
        alias.asname or alias.name: (str(node.module), alias.name)
        for node in typed.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {*homes, "__version__"} == set(rs.__all__)
    for name, (module, there) in homes.items():
        assert getattr(rs, name) is getattr(import_module(module), there)


def test_all_of_them_are_listed_and_can_be_had() -> None:
    assert set(rs.__all__) <= set(dir(rs))
    assert list(rs.__all__) == sorted(rs.__all__)
    assert all(getattr(rs, name) is not None for name in rs.__all__)


def test_a_mistyped_name_is_told_the_nearest() -> None:
    fresh = subprocess.run(
        [sys.executable, "-c", "import relusweep as rs\nrs.swep"], capture_output=True, text=True, check=False
    )
    assert "module 'relusweep' has no attribute 'swep'. Did you mean: 'sweep'?" in fresh.stderr


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_parts_have_documented_names(part: ModuleType) -> None:
    assert part.__doc__
    assert list(part.__all__) == sorted(part.__all__)
    for name in part.__all__:
        thing = getattr(part, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert inspect.getdoc(thing), name


def test_every_error_is_among_the_errors() -> None:
    rooms = (cluster_errors, pipeline_errors, store_errors, data_errors)
    found = {name for room in rooms for name in room.__all__}
    assert found == set(rs.errors.__all__)


def test_importing_it_loads_nothing_heavy() -> None:
    code = f"import sys, relusweep; print({HEAVY} & set(sys.modules) or '', dir(relusweep)[0])"
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert fresh.stdout.split() == ["Adam"]


def test_importing_it_takes_no_time() -> None:
    def seconds(code: str) -> float:
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - begin

    took = min(seconds("import relusweep") - seconds("") for _ in range(5))
    assert took < 0.3
