"""Commands that take ``--set``: what looks like a field of the sweep is told how to be written."""

from __future__ import annotations

import re
from typing import Any

from typer import BadParameter
from typer.core import TyperCommand

__all__ = ["CommandOfFields"]

_UsageError: type[Exception] = BadParameter.__mro__[1]  # whichever click typer brings


class CommandOfFields(TyperCommand):
    """A command whose words ``trials=10`` and ``--trials`` belong behind ``--set``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words; of one that may be a field, say how it is set."""
        try:
            return super().parse_args(ctx, args)
        except _UsageError as error:
            if hint := _hint(error):
                error.message = f"{error.message}. Fields of the sweep are set as --set {hint}"  # type: ignore[attr-defined]
            raise


def _hint(error: Exception) -> str | None:
    if getattr(error, "possibilities", None):  # of the command itself
        return None
    if option := getattr(error, "option_name", None):  # no such option
        return f"{option.lstrip('-').replace('-', '_')}=…"
    words = re.search(r"\((\w[\w.]*=\S+)", str(getattr(error, "message", "")))
    return words[1].rstrip(")") if words else None
