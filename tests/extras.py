"""Tests of what comes with an extra: skipped where it is missing; in CI, which installs all, they fail."""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType

import pytest


def needs(module: str, extra: str) -> ModuleType:
    """Import a module that comes with an extra of relusweep."""
    if os.environ.get("CI"):
        return import_module(module)
    return pytest.importorskip(module, reason=f"needs {module}: pip install 'relusweep[{extra}]'")
