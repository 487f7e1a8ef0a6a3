"""The files that docs/extending.md adds are found by their names, and do what the page says."""

from __future__ import annotations

import os
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text()
FILE = re.compile(r"# tasks/(\w+)/(\w+)\.py\n")


def sections() -> dict[str, list[str]]:
    """The code of each section, by its heading."""
    parts = (part.split("\n", 1) for part in PAGE.split("\n## ")[1:])
    return {heading: re.findall(r"```python\n(.*?)```", text, re.DOTALL) for heading, text in parts}


def added(source: str, folder: Path, patch: pytest.MonkeyPatch) -> ModuleType:
    """Write a file where its package finds it, and give the package."""
    named = FILE.match(source)
    assert named, "the first line is a comment with the path of the file"
    package = import_module(f"relusweep.tasks.{named[1]}")
    (folder / f"{named[2]}.py").write_text(source)
    patch.setattr(package, "__path__", [*package.__path__, str(folder)])
    return package


@pytest.mark.parametrize("heading", ["A new initialisation", "A new activation"])
def test_a_new_file_is_found_and_used(
    heading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, use = sections()[heading]
    package = added(source, tmp_path, monkeypatch)
    assert [name for name in package.names() if f'"{name}"' in use]
    exec(compile(use, heading, "exec"), {})
    assert 0.3 < float(capsys.readouterr().out) <= 1


def test_an_activation_of_the_users_own_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, use = sections()["An activation of your own, outside relusweep"]
    (tmp_path / source.split()[1]).write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    exec(compile(use, "an activation of your own", "exec"), {})
    assert all(0.3 < float(rate) <= 1 for rate in capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("heading", "share"), [("A new problem", 0.75), ("A new probe", 1.0), ("A new quantity", 0.6875)]
)
def test_a_new_part_of_a_sweep_is_found_run_and_read(
    heading: str,
    share: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, use = sections()[heading]
    added(source, tmp_path, monkeypatch)
    startup = f"import relusweep.tasks.{FILE.match(source)[1]} as p; p.__path__.append({str(tmp_path)!r})\n"
    (tmp_path / "sitecustomize.py").write_text(startup)  # workers are processes of their own
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    exec(compile(use, heading, "exec"), {"store": str(tmp_path / "store")})
    assert 0.2 < float(capsys.readouterr().out.split()[-1]) <= share


def test_a_file_that_defines_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = added("# tasks/activations/wrong.py\nACTIVATION = abs\n", tmp_path, monkeypatch)
    with pytest.raises(TypeError, match="let it define an instance of Activation"):
        package.load("wrong")
