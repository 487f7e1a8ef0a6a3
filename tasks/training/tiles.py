"""Products of small matrices of vectors, computed in register tiles.

A matrix is a tuple ``(bank, first, stride)``: the vector of entry (i, j) lies at ``first + i * stride + j``
and holds that entry of sixteen networks. Sizes are literal integers, known when the kernel is compiled;
strides and places may be known only when it runs.

Every sum runs over its index in ascending order with one fused multiply-add a term, whatever the tile, so the
tiling changes no bit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from relusweep.tasks.training.simd import (
    VECTOR,
    ZERO,
    bank_pointer,
    call_intrinsic,
    float32x16,
    read_vector,
    write_vector,
)

__all__ = ["affine", "gated", "leaky", "outer"]


class _Matrix:
    """A pointer and the strides of two indices, in vectors."""

    def __init__(self, builder: Any, pointer: Any, row: Any, column: Any) -> None:
        self.builder, self.pointer, self.row, self.column = builder, pointer, row, column

    @classmethod
    def unpack(cls, context: Any, builder: Any, kind: Any, value: Any) -> "_Matrix":
        array, start, row = cgutils.unpack_tuple(builder, value, 3)
        pointer = builder.gep(bank_pointer(context, builder, kind[0], array), [start])
        return cls(builder, pointer, row, _index(1))

    @property
    def transposed(self) -> "_Matrix":
        return _Matrix(self.builder, self.pointer, self.column, self.row)

    def at(self, row: Any, column: Any) -> Any:
        b = self.builder
        return b.gep(self.pointer, [b.add(b.mul(row, self.row), b.mul(column, self.column))])

    def read(self, row: Any, column: Any) -> Any:
        return read_vector(self.builder, self.at(row, column), _index(0))


def _index(value: int) -> ir.Constant:
    return ir.Constant(ir.IntType(64), value)


def _runs(total: int, most: int) -> Iterator[tuple[int, int, int]]:
    """Cut `total` into the fewest pieces of at most `most`, nearly equal: starts, lengths and counts."""
    pieces = -(-total // most)
    length, longer = divmod(total, pieces)
    if longer:
        yield 0, length + 1, longer
    yield longer * (length + 1), length, pieces - longer


def _tile(
    a: _Matrix, b: _Matrix, c: _Matrix, corner: Any, shape: Any, depth: Any, start: Any, end: Any
) -> None:
    """Compute one tile of ``c[p, q] = end(start(p, q) + Σ_k a[p, k] b[q, k])`` in registers."""
    builder = a.builder
    p, q = ([builder.add(o, _index(i)) for i in range(n)] for o, n in zip(corner, shape, strict=True))
    left, right = ([m.at(i, _index(0)) for i in rows] for m, rows in ((a, p), (b, q)))
    first = [[start(i, j) for j in q] for i in p]
    entry = builder.block
    body, after = (builder.append_basic_block(name) for name in ("tile.body", "tile.after"))
    builder.branch(body)
    builder.position_at_end(body)
    k = builder.phi(ir.IntType(64))
    sums = [[builder.phi(VECTOR) for _ in q] for _ in p]
    shared = [read_vector(builder, pointer, builder.mul(k, b.column)) for pointer in right]
    grown = []
    for pointer, row in zip(left, sums, strict=True):
        x = read_vector(builder, pointer, builder.mul(k, a.column))
        grown.append([call_intrinsic(builder, "llvm.fma", x, y, s) for y, s in zip(shared, row, strict=True)])
    following = builder.add(k, _index(1))
    k.add_incoming(_index(0), entry)
    k.add_incoming(following, body)
    for row, before, after_one in zip(sums, first, grown, strict=True):
        for phi, old, new in zip(row, before, after_one, strict=True):
            phi.add_incoming(old, entry)
            phi.add_incoming(new, body)
    builder.cbranch(builder.icmp_signed("<", following, depth), body, after)
    builder.position_at_end(after)
    for i, new in zip(p, grown, strict=True):
        for j, value in zip(q, new, strict=True):
            write_vector(builder, end(value, i, j), c.at(i, j), _index(0))


# Tiles that keep the sums, a column of one factor and an entry of the other in 32 registers: widest, and
# the tallest for each width.
_WIDEST = 5
_TALLEST = {1: 16, 2: 8, 3: 6, 4: 5, 5: 4}


def _product(a: _Matrix, b: _Matrix, c: _Matrix, sizes: tuple[int, int, int], start: Any, end: Any) -> None:
    builder = a.builder
    rows, columns, depth = sizes
    for q0, nq, q_count in _runs(columns, _WIDEST):
        for p0, np_, p_count in _runs(rows, _TALLEST[nq]):
            with _places(builder, q0, nq, q_count) as q, _places(builder, p0, np_, p_count) as p:
                _tile(a, b, c, (p, q), (np_, nq), _index(depth), start, end)


@contextmanager
def _places(builder: Any, first: int, step: int, count: int) -> Iterator[Any]:
    if count == 1:
        yield _index(first)
    else:
        with cgutils.for_range(builder, _index(count)) as loop:
            yield builder.add(_index(first), builder.mul(loop.index, _index(step)))


def _matrices(context: Any, builder: Any, sig: Any, args: Any) -> list[_Matrix]:
    return [
        _Matrix.unpack(context, builder, kind, value)
        for kind, value in zip(sig.args, args, strict=True)
        if isinstance(kind, types.BaseTuple)
    ]


def _slope(builder: Any, positive: Any, value: Any, leak: Any) -> Any:
    """`value` where the unit is active, else `leak` times it."""
    return builder.select(builder.fcmp_ordered(">", positive, ZERO), value, builder.fmul(value, leak))


@intrinsic(prefer_literal=True)
def affine(typingctx: Any, rows: Any, units: Any, fan_in: Any, x: Any, w: Any, z: Any) -> Any:
    """``z[r, u] = w[u, fan_in] + Σ_i w[u, i] x[r, i]``: the last column of `w` holds the biases."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x, w, z = _matrices(context, builder, sig, args)
        sizes = tuple(t.literal_value for t in sig.args[:3])
        _product(x, w, z, sizes, lambda r, u: w.read(u, _index(sizes[2])), lambda s, r, u: s)
        return context.get_dummy_value()

    return types.void(rows, units, fan_in, x, w, z), codegen


@intrinsic(prefer_literal=True)
def leaky(typingctx: Any, rows: Any, units: Any, fan_in: Any, x: Any, w: Any, h: Any, leak: Any) -> Any:
    """``h = max(z, leak * z)`` of the map of :func:`affine`, for leaks from 0 to 1."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x, w, h = _matrices(context, builder, sig, args)
        sizes = tuple(t.literal_value for t in sig.args[:3])

        def activate(z: Any, r: Any, u: Any) -> Any:
            leaked = builder.fmul(z, args[6])
            return builder.select(builder.fcmp_ordered(">", z, leaked), z, leaked)

        _product(x, w, h, sizes, lambda r, u: w.read(u, _index(sizes[2])), activate)
        return context.get_dummy_value()

    return types.void(rows, units, fan_in, x, w, h, float32x16), codegen


@intrinsic(prefer_literal=True)
def gated(
    typingctx: Any, rows: Any, fan_in: Any, units: Any, error: Any, w: Any, h: Any, below: Any, leak: Any
) -> Any:
    """Errors of the layer below: ``below[r, i] = (Σ_u error[r, u] w[u, i]) * (h[r, i] > 0 ? 1 : leak)``."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        error, w, h, below = _matrices(context, builder, sig, args)
        sizes = tuple(t.literal_value for t in sig.args[:3])

        def gate(s: Any, r: Any, i: Any) -> Any:
            return _slope(builder, h.read(r, i), s, args[7])

        _product(error, w.transposed, below, sizes, lambda r, i: ZERO, gate)
        return context.get_dummy_value()

    return types.void(rows, fan_in, units, error, w, h, below, float32x16), codegen


@intrinsic(prefer_literal=True)
def outer(
    typingctx: Any, units: Any, fan_in: Any, rows: Any, error: Any, h: Any, gradient: Any, more: Any
) -> Any:
    """Gradient of the weights: ``gradient[u, i] = Σ_r error[r, u] h[r, i]``, i to `fan_in`, rows in order.

    Where the literal `more` is not zero, the sums go on from those that `gradient` holds.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        error, h, gradient = _matrices(context, builder, sig, args)
        units, fan_in, rows = (t.literal_value for t in sig.args[:3])
        sizes = (units, fan_in + 1, rows)
        start = gradient.read if sig.args[6].literal_value else lambda u, i: ZERO
        _product(error.transposed, h.transposed, gradient, sizes, start, lambda s, u, i: s)
        return context.get_dummy_value()

    return types.void(units, fan_in, rows, error, h, gradient, more), codegen
