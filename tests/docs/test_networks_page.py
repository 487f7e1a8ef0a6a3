"""The commands and the Python of docs/networks.md do what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.extras import needs

PAGE = (Path(__file__).parents[2] / "docs" / "networks.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.slow
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    needs("pyarrow", "parquet")
    lines = [line for text in blocks("sh") for line in text.splitlines()]
    assert len(lines) == 5
    for line in lines:
        words = shlex.split(line)
        subprocess.run([Path(sys.executable).with_name("relusweep"), *words[1:]], cwd=tmp_path, check=True)
    for source in blocks("python"):
        subprocess.run([sys.executable, "-W", "error", "-c", source], cwd=tmp_path, check=True)
    assert {"again.zarr", "npn2.csv", "npn2.parquet", "narrow.csv"} <= {
        path.name for path in tmp_path.iterdir()
    }
