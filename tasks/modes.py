"""Training and evaluation modes of PyTorch modules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

__all__ = ["in_mode"]


@contextmanager
def in_mode(network: nn.Module, *, training: bool) -> Iterator[None]:
    """Set the mode of a network for a while, and then that which each of its parts had before."""
    before = [(part, part.training) for part in network.modules()]
    network.train(training)
    try:
        yield
    finally:
        for part, its_mode in before:
            part.training = its_mode
