import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from relusweep.storage import errors, history
from tests.storage.stores import layout, store_with

BUILTINS = {
    "StoreNotFound": FileNotFoundError,
    "StoreLocked": BlockingIOError,
    "StoreWriteError": OSError,
    "StoreReadError": OSError,
    "LayoutMismatch": ValueError,
    "BlockWrittenTwice": ValueError,
    "InvalidStoreUrl": ValueError,
    "UnknownVersion": ValueError,
    "InvalidTag": ValueError,
    "ExpiryTooSoon": ValueError,
}


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_crosses_processes(name: str) -> None:
    error = getattr(errors, name)("what, what was got, what is allowed")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == "what, what was got, what is allowed"


def test_every_error_is_the_builtin_it_specialises_and_in_one_tree() -> None:
    assert {*BUILTINS, "StoreError"} == set(errors.__all__)
    for name, builtin in BUILTINS.items():
        assert issubclass(getattr(errors, name), builtin)
        assert issubclass(getattr(errors, name), errors.StoreError)


LOOK = """
import sys
from pathlib import Path
import icechunk
from relusweep.storage.repository import open_repository, reason
try:
    open_repository(sys.argv[1]).lookup_snapshot(sys.argv[2])
except icechunk.IcechunkError as error:
    Path(sys.argv[3]).write_text(reason(error))
"""


@pytest.mark.parametrize("terminal", [True, False])
def test_a_reason_is_one_line_without_colours(tmp_path: Path, terminal: bool) -> None:
    store, told = store_with(tmp_path / "store", layout()), tmp_path / "told"
    version = history(store)[0].id
    (tmp_path / "store" / "snapshots" / version).write_text("damaged")
    primary, secondary = os.openpty()
    streams = {"stdout": secondary, "stderr": secondary} if terminal else {"capture_output": True}
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    command = [sys.executable, "-c", LOOK, store, version, told]
    subprocess.run(command, env=environment | {"TERM": "xterm-256color"}, check=True, **streams)
    for end in (primary, secondary):
        os.close(end)
    assert told.read_text() == "I/O error: early eof"
