import pickle

import pytest

from storage import errors

BUILTINS = {
    "StoreNotFound": FileNotFoundError,
    "StoreLocked": BlockingIOError,
    "StoreWriteError": OSError,
    "StoreReadError": OSError,
    "LayoutMismatch": ValueError,
    "BlockWrittenTwice": ValueError,
    "UnknownPlace": ValueError,
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
