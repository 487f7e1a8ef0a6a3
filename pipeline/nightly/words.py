"""Numbers of things, in words."""

__all__ = ["counted"]


def counted(number: int, what: str) -> str:
    """Say how many there are.

    Examples
    --------
    >>> counted(1, "cell"), counted(1200, "cell")
    ('1 cell', '1,200 cells')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"
