"""Real processes that write, to be killed."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def python(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run code in a process of its own, which can import `tests`; killed at the end at the latest."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        with process:
            yield process
            process.send_signal(signal.SIGKILL)
    finally:
        process.kill()


def wait_for(process: subprocess.Popen[str], line: str) -> None:
    """Read what a process prints until a line comes."""
    for got in process.stdout:
        if got.strip() == line:
            return
    raise AssertionError(f"the process ended before it said {line!r}")
