"""Files and stores are data: what somebody hides in them is refused, or read as data, and never run."""

from __future__ import annotations

import ast
import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zarr

from relusweep.cluster import InvalidCluster, read_config
from relusweep.pipeline.common.errors import InvalidSweep
from relusweep.pipeline.sweeps.overrides import find_sweep
from relusweep.storage import Committer, open_dataset

ROOMS = ("cluster", "pipeline", "storage", "tasks")
HOUSE = Path(__file__).parents[3]
MARK = "relusweep-was-here"


class Bomb:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.mark,)


def _sources() -> Iterator[tuple[Path, ast.AST]]:
    rooms = (file for room in ROOMS for file in (HOUSE / room).rglob("*.py"))
    for file in (*rooms, *(HOUSE / "relusweep").glob("*.py")):
        yield file, ast.parse(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system ['touch {mark}']",
        "!!python/object/apply:pathlib.Path.touch [{mark}]",
        "!!python/object/new:subprocess.Popen [[touch, {mark}]]",
        "!!python/name:os.system",
    ],
)
def test_a_sweep_file_runs_no_code(tag: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"base: npn2\ntrials: {tag.format(mark=tmp_path / MARK)}\n")
    with pytest.raises(InvalidSweep, match="is not YAML"):
        find_sweep(str(file))
    assert not (tmp_path / MARK).exists()


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system ['touch {mark}']", "!!python/name:os.system"]
)
def test_a_cluster_file_runs_no_code(tag: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"kind: local\nworkers: {tag.format(mark=tmp_path / MARK)}\n")
    with pytest.raises(InvalidCluster):
        read_config(file)
    assert not (tmp_path / MARK).exists()


def test_nothing_in_the_house_unpickles_or_loads_unsafe_yaml() -> None:
    """Processes of one run send one another pickles, through Dask; a file is never one."""
    loaders = {
        "yaml": {
            "SafeLoader",
            "safe_dump",
            "YAMLError",
            "MarkedYAMLError",
            "Node",
            "ScalarNode",
            "MappingNode",
            "SequenceNode",
        },
        "pickle": {"UnpicklingError"},  # what torch.load(weights_only=True) raises
    }
    for file, tree in _sources():
        for node in ast.walk(tree):
            names = _imported(node)
            assert not names & {"cloudpickle", "dill", "joblib", "shelve", "marshal"}, file
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                allowed = loaders.get(node.value.id)
                assert allowed is None or node.attr in allowed, f"{file}: {ast.unparse(node)}"
            if isinstance(node, ast.Call):
                _check_call(file, node)


def _imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    return {str(node.module).split(".")[0]} if isinstance(node, ast.ImportFrom) else set()


def _check_call(file: Path, call: ast.Call) -> None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = {word.arg: word.value for word in call.keywords}
    assert name not in {"eval", "exec"} or isinstance(call.func, ast.Attribute), f"{file}: {name}"
    assert "allow_pickle" not in given or ast.unparse(given["allow_pickle"]) == "False", file
    if name == "load" and isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "torch":
        assert "weights_only" in given, f"{file}: torch.load without weights_only"
        assert ast.unparse(given["weights_only"]) == "True", file


def _store_with_a_pickle(path: Path, mark: Path) -> None:
    """Hide a pickle where a reader would find it: a codec of numcodecs that unpickles what it decodes."""
    with Committer(path, create=True) as committer:
        store = committer._session.store
        group = zarr.open_group(store, mode="a").create_group("toy/toy")
        array = group.create_array("value", shape=(1,), dtype="float64", chunks=(1,), compressors=None)
        array[...] = 1.0
        assert array.metadata.to_dict()["codecs"]
        metadata = {
            **array.metadata.to_dict(),
            "data_type": "string",
            "fill_value": "",
            "codecs": [{"name": "numcodecs.pickle", "configuration": {"protocol": 5}}],
        }
        _put(store, "toy/toy/value/zarr.json", json.dumps(metadata, default=str).encode())
        _put(store, "toy/toy/value/c/0", pickle.dumps([Bomb(mark), [1], "|O"]))
        committer.commit("a trap", {})


def _put(store: zarr.abc.store.Store, key: str, content: bytes) -> None:
    from zarr.core.buffer import default_buffer_prototype
    from zarr.core.sync import sync

    sync(store.set(key, default_buffer_prototype().buffer.from_bytes(content)))


def test_the_trap_works(tmp_path: Path) -> None:
    """What is hidden in the store below does leave its mark, wherever somebody unpickles."""
    pickle.loads(pickle.dumps([Bomb(tmp_path / MARK), [1], "|O"]))
    assert (tmp_path / MARK).exists()


def test_a_pickle_in_a_store_is_never_unpickled(tmp_path: Path) -> None:
    _store_with_a_pickle(tmp_path / "store", tmp_path / MARK)
    assert not open_dataset(tmp_path / "store", "toy/toy").load().data_vars
    assert not (tmp_path / MARK).exists()


def test_a_pickled_array_in_a_data_file_is_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.array([Bomb(tmp_path / MARK)], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        np.load(tmp_path / "images.npy")
    assert not (tmp_path / MARK).exists()
