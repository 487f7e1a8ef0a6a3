"""What pip installs, from a wheel or for development, works in any folder, whatever modules lie there."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.extras import needs

ROOT = Path(__file__).parents[1]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
ALONE = ["--no-deps", "--no-build-isolation", "--no-index"]
SHADOWS = ("storage.py", "cluster.py", "numba_helpers.py", "tasks/__init__.py", "pipeline/__init__.py")
SMALL = ["--set", "trials=2", "--set", "width=2", "--set", "depth=1", "--set", "epochs=20"]
OPEN = """
import xarray
print(int(xarray.open_dataset("results", group="boolean/npn2", engine="relusweep")["done"].sum()))
import relusweep
print(relusweep.__file__)
"""


def _call(*command: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=250
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs("hatchling", "dev")
    needs("hatch_vcs", "dev")
    folder = tmp_path_factory.mktemp("wheel")
    _call(*PIP, "wheel", *ALONE, "--wheel-dir", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("relusweep-*.whl")
    return wheel


def _names(wheel: Path) -> set[str]:
    """The files of the package itself."""
    return {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("relusweep/")}


def test_the_wheel_holds_every_file(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "tasks", "storage", "cluster", "pipeline"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    tracked = {f"relusweep/{name}" for name in listed.stdout.split() if (ROOT / name).exists()}
    assert tracked <= _names(wheel)
    assert {"relusweep/py.typed", "relusweep/pipeline/report/templates/page.html"} <= _names(wheel)


def test_the_source_distribution_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    build = "import sys; from hatchling.build import build_sdist; build_sdist(sys.argv[1])"
    _call(sys.executable, "-P", "-c", build, tmp_path, cwd=ROOT)
    (archive,) = tmp_path.glob("relusweep-*.tar.gz")
    with tarfile.open(archive) as sources:
        sources.extractall(tmp_path, filter="data")
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    _call(*PIP, "wheel", *ALONE, "--wheel-dir", tmp_path, folder, cwd=tmp_path)
    (again,) = tmp_path.glob("relusweep-*.whl")
    assert _names(again) == _names(wheel)


@pytest.mark.parametrize("kind", ["wheel", pytest.param("editable", marks=pytest.mark.slow)])
def test_no_module_of_the_working_folder_is_taken_for_ours(kind: str, wheel: Path, tmp_path: Path) -> None:
    bin = _installed(tmp_path / "environment", ["--editable", ROOT] if kind == "editable" else [wheel])
    folder = tmp_path / "mine"
    for name in SHADOWS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("raise RuntimeError('imported from the working folder')")
    said = _call(bin / "relusweep", "run", "npn2", *SMALL, "--workers", "1", cwd=folder)
    assert "16 of 16 networks" in said
    done, path = _call(bin / "python", "-c", OPEN, cwd=folder).split()
    assert int(done) == 16
    assert Path(path).is_relative_to(ROOT if kind == "editable" else tmp_path / "environment")


def _installed(folder: Path, what: list[str | Path]) -> Path:
    """Make an environment with relusweep as pip installs it, and the libraries of the one that runs us."""
    _call(sys.executable, "-m", "venv", "--without-pip", folder, cwd=ROOT)
    (own,) = folder.glob("lib/*/site-packages")
    libraries = [path for path in sys.path if Path(path).name == "site-packages"]
    (own / "libraries.pth").write_text("\n".join(libraries))  # searched after its own
    _call(
        *PIP, "--python", folder / "bin" / "python", "install", *ALONE, "--ignore-installed", *what, cwd=ROOT
    )
    return folder / "bin"
