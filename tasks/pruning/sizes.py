"""How small networks that compute parity can be."""

__all__ = ["width_conjectured"]


def width_conjectured(n_inputs: int, depth: int) -> int:
    """Give the least width w with wˡ ≥ n: so wide networks of l layers can compute the parity of n inputs.

    Examples
    --------
    >>> [width_conjectured(n, 5) for n in (1, 2, 32, 33)]
    [1, 2, 2, 3]

    Notes
    -----
    B. Sattelberg, *Local Linearity of ReLU Neural Networks* (Colorado State University, 2026), chapter 3. So
    wide is enough, but not needed: one layer of three units computes the parity of four inputs
    (docs/pruning.md).
    """
    return next(width for width in range(1, n_inputs + 1) if width**depth >= n_inputs)
