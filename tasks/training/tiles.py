"""Products of small matrices of vectors, computed in register tiles.

A matrix is a tuple ``(bank, first, stride)``: the vector of entry (i, j) lies at ``first + i * stride + j``
and holds that entry of sixteen networks. All sizes are known only when the code runs: each kind of product is
one function, which calls for all sizes share, and which cuts a product into tiles of a few fixed shapes.

Every sum runs over its index in ascending order with one fused multiply-add a term, whatever the tile, so the
tiling changes no bit.
"""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from relusweep.tasks.training.simd import (
    VECTOR,
    ZERO,
    bank_pointer,
    call_intrinsic,
    call_shared,
    float32x16,
    read_vector,
    write_vector,
)

__all__ = ["affine", "gated", "leaky", "outer", "returned", "scaled"]

_INDEX = ir.IntType(64)
_ONE = _INDEX(1)


class _Matrix(NamedTuple):
    """A pointer and the strides of two indices, in vectors."""

    pointer: Any
    row: Any
    column: Any = _ONE

    @property
    def transposed(self) -> "_Matrix":
        return _Matrix(self.pointer, self.column, self.row)

    def places(self, b: Any, corner: tuple[Any, Any], shape: tuple[int, int]) -> list[list[Any]]:
        """Give pointers to the entries of a tile, which follow one another row by row."""
        (p, q), (n_rows, n_columns) = corner, shape
        first = b.gep(self.pointer, [b.add(b.mul(p, self.row), b.mul(q, self.column))])
        rows = [first]
        for _ in range(n_rows - 1):
            rows.append(b.gep(rows[-1], [self.row]))
        columns = [b.mul(_INDEX(j), self.column) for j in range(n_columns)]
        return [[b.gep(row, [column]) for column in columns] for row in rows]

    def read(self, b: Any, corner: tuple[Any, Any], shape: tuple[int, int]) -> list[list[Any]]:
        return [[read_vector(b, at, _INDEX(0)) for at in row] for row in self.places(b, corner, shape)]


class _Product(NamedTuple):
    """``c[p, q] = end(start[p, q] + Σ_k a[p, k] b[q, k])``; `start` and `end` write those of a tile."""

    a: _Matrix
    b: _Matrix
    c: _Matrix
    sizes: tuple[Any, Any, Any]
    start: Callable[..., list[list[Any]]]
    end: Callable[..., Callable[[Any, int, int], Any]] = lambda b, corner, shape: lambda value, i, j: value


def _tile(b: Any, product: _Product, corner: tuple[Any, Any], shape: tuple[int, int]) -> None:
    """Compute some rows and columns of a product in registers."""
    (p, q), (n_rows, n_columns) = corner, shape
    left = [row[0] for row in product.a.places(b, (p, _INDEX(0)), (n_rows, 1))]
    right = [row[0] for row in product.b.places(b, (q, _INDEX(0)), (n_columns, 1))]
    first = product.start(b, corner, shape)
    entry = b.block
    body, after = (b.append_basic_block(name) for name in ("tile.body", "tile.after"))
    b.branch(body)
    b.position_at_end(body)
    k = b.phi(_INDEX)
    sums = [[b.phi(VECTOR) for _ in right] for _ in left]
    shared = [read_vector(b, pointer, b.mul(k, product.b.column)) for pointer in right]
    grown = []
    for pointer, row in zip(left, sums, strict=True):
        x = read_vector(b, pointer, b.mul(k, product.a.column))
        grown.append([call_intrinsic(b, "llvm.fma", x, y, s) for y, s in zip(shared, row, strict=True)])
    following = b.add(k, _INDEX(1))
    k.add_incoming(_INDEX(0), entry)
    k.add_incoming(following, body)
    for row, before, after_one in zip(sums, first, grown, strict=True):
        for phi, old, new in zip(row, before, after_one, strict=True):
            phi.add_incoming(old, entry)
            phi.add_incoming(new, body)
    b.cbranch(b.icmp_signed("<", following, product.sizes[2]), body, after)
    b.position_at_end(after)
    places, finished = product.c.places(b, corner, shape), product.end(b, corner, shape)
    for i, row in enumerate(grown):
        for j, value in enumerate(row):
            write_vector(b, finished(value, i, j), places[i][j], _INDEX(0))


# Tiles that keep the sums, a column of one factor and an entry of the other in 32 registers: heights for
# each width.
_HEIGHTS = {1: (8, 4, 2, 1), 2: (8, 4, 2, 1), 3: (4, 2, 1), 4: (4, 2, 1), 5: (4, 2, 1)}
_WIDEST = max(_HEIGHTS)

_SIZES = (types.int64, types.int64, types.int64)


def _width_of_tiles(b: Any, columns: Any) -> Any:
    """Choose how many of the columns that are left to take: nearly equal parts of the last ones."""
    half = b.lshr(b.add(columns, _INDEX(1)), _INDEX(1))
    some = b.select(b.icmp_signed("<", columns, _INDEX(2 * _WIDEST)), half, _INDEX(_WIDEST))
    return b.select(b.icmp_signed("<=", columns, _INDEX(_WIDEST)), columns, some)


@contextmanager
def _while_fitting(b: Any, place: Any, step: int, total: Any) -> Any:
    """Loop while `step` more are left, and give where they begin."""
    test, body, after = (b.append_basic_block(name) for name in ("fits", "fitting", "over"))
    b.branch(test)
    b.position_at_end(test)
    following = b.add(b.load(place), _INDEX(step))
    b.cbranch(b.icmp_signed("<=", following, total), body, after)
    b.position_at_end(body)
    yield b.load(place)
    b.store(following, place)
    b.branch(test)
    b.position_at_end(after)


def _write(b: Any, product: _Product) -> None:
    """Write the loops over tiles of all shapes."""
    rows, columns, _ = product.sizes
    q, p = cgutils.alloca_once(b, _INDEX), cgutils.alloca_once(b, _INDEX)
    b.store(_INDEX(0), q)
    strip, after, done = (b.append_basic_block(name) for name in ("strip", "after", "done"))
    b.branch(strip)
    b.position_at_end(strip)
    left = b.load(q)
    width = _width_of_tiles(b, b.sub(columns, left))
    b.store(_INDEX(0), p)
    b.store(b.add(left, width), q)
    choice = b.switch(width, done)
    for n, heights in _HEIGHTS.items():
        case = b.append_basic_block("columns")
        choice.add_case(_INDEX(n), case)
        b.position_at_end(case)
        for height in heights:
            with _while_fitting(b, p, height, rows) as top:
                _tile(b, product, (top, left), (height, n))
        b.branch(after)
    b.position_at_end(after)
    b.cbranch(b.icmp_signed("<", b.load(q), columns), strip, done)
    b.position_at_end(done)


def _call(builder: Any, kind: Callable[..., _Product], *args: Any) -> None:
    """Call the function of a kind of product."""
    call_shared(builder, kind.__name__, lambda b, *inside: _write(b, kind(*inside)), *args)


def _parts(context: Any, builder: Any, sig: Any, args: Any) -> list[Any]:
    """Give the pointer and the stride of each matrix among the arguments of an intrinsic."""
    pairs = zip(sig.args, args, strict=True)
    matrices: list[tuple[Any, Any]] = [pair for pair in pairs if isinstance(pair[0], types.BaseTuple)]
    parts = []
    for kind, value in matrices:
        array, start, stride = cgutils.unpack_tuple(builder, value, 3)
        parts += [builder.gep(bank_pointer(context, builder, kind[0], array), [start]), stride]
    return parts


def _affine(
    rows: Any, units: Any, fan_in: Any, x: Any, sx: Any, w: Any, sw: Any, z: Any, sz: Any
) -> _Product:
    weights = _Matrix(w, sw)

    def biases(b: Any, corner: tuple[Any, Any], shape: tuple[int, int]) -> list[list[Any]]:
        column = weights.read(b, (corner[1], fan_in), (shape[1], 1))
        return [[bias for (bias,) in column]] * shape[0]

    return _Product(_Matrix(x, sx), weights, _Matrix(z, sz), (rows, units, fan_in), biases)


def _leaky(
    rows: Any, units: Any, fan_in: Any, x: Any, sx: Any, w: Any, sw: Any, h: Any, sh: Any, leak: Any
) -> _Product:
    def end(b: Any, corner: Any, shape: Any) -> Callable[[Any, int, int], Any]:
        def activated(z: Any, i: int, j: int) -> Any:
            leaked = b.fmul(z, leak)
            return b.select(b.fcmp_ordered(">", z, leaked), z, leaked)

        return activated

    return _affine(rows, units, fan_in, x, sx, w, sw, h, sh)._replace(end=end)


def _returned(
    rows: Any, fan_in: Any, units: Any, error: Any, se: Any, w: Any, sw: Any, below: Any, sb: Any
) -> _Product:
    return _Product(
        _Matrix(error, se),
        _Matrix(w, sw).transposed,
        _Matrix(below, sb),
        (rows, fan_in, units),
        lambda b, corner, shape: [[ZERO] * shape[1]] * shape[0],
    )


def _scaled(
    rows: Any, fan_in: Any, units: Any, error: Any, se: Any, w: Any, sw: Any, below: Any, sb: Any
) -> _Product:
    def end(b: Any, corner: Any, shape: Any) -> Callable[[Any, int, int], Any]:
        factors = _Matrix(below, sb).places(b, corner, shape)

        def scaled(value: Any, i: int, j: int) -> Any:
            return b.fmul(value, read_vector(b, factors[i][j], _INDEX(0)))

        return scaled

    return _returned(rows, fan_in, units, error, se, w, sw, below, sb)._replace(end=end)


def _gated(
    rows: Any,
    fan_in: Any,
    units: Any,
    error: Any,
    se: Any,
    w: Any,
    sw: Any,
    h: Any,
    sh: Any,
    below: Any,
    sb: Any,
    leak: Any,
) -> _Product:
    def end(b: Any, corner: Any, shape: Any) -> Callable[[Any, int, int], Any]:
        gates = _Matrix(h, sh).places(b, corner, shape)

        def gated(value: Any, i: int, j: int) -> Any:
            active = b.fcmp_ordered(">", read_vector(b, gates[i][j], _INDEX(0)), ZERO)
            return b.select(active, value, b.fmul(value, leak))

        return gated

    return _returned(rows, fan_in, units, error, se, w, sw, below, sb)._replace(end=end)


def _outer(
    units: Any,
    columns: Any,
    rows: Any,
    error: Any,
    se: Any,
    h: Any,
    sh: Any,
    gradient: Any,
    sg: Any,
    more: Any,
) -> _Product:
    sums = _Matrix(gradient, sg)

    def start(b: Any, corner: Any, shape: Any) -> list[list[Any]]:
        entry = b.block
        with b.if_then(more):
            read, inside = sums.read(b, corner, shape), b.block
        return [[_merged(b, value, inside, entry) for value in row] for row in read]

    return _Product(
        _Matrix(error, se).transposed, _Matrix(h, sh).transposed, sums, (units, columns, rows), start
    )


def _merged(b: Any, value: Any, inside: Any, entry: Any) -> Any:
    """Give the value that was read inside of a condition, else zeros."""
    phi = b.phi(VECTOR)
    phi.add_incoming(value, inside)
    phi.add_incoming(ZERO, entry)
    return phi


@intrinsic
def affine(typingctx: Any, rows: Any, units: Any, fan_in: Any, x: Any, w: Any, z: Any) -> Any:
    """``z[r, u] = w[u, fan_in] + Σ_i w[u, i] x[r, i]``: the last column of `w` holds the biases."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _call(builder, _affine, *args[:3], *_parts(context, builder, sig, args))
        return context.get_dummy_value()

    return types.void(*_SIZES, x, w, z), codegen


@intrinsic
def leaky(typingctx: Any, rows: Any, units: Any, fan_in: Any, x: Any, w: Any, h: Any, leak: Any) -> Any:
    """``h = max(z, leak * z)`` of the map of :func:`affine`, for leaks from 0 to 1."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _call(builder, _leaky, *args[:3], *_parts(context, builder, sig, args), args[-1])
        return context.get_dummy_value()

    return types.void(*_SIZES, x, w, h, float32x16), codegen


@intrinsic
def returned(typingctx: Any, rows: Any, fan_in: Any, units: Any, error: Any, w: Any, below: Any) -> Any:
    """Errors of the activations below: ``below[r, i] = Σ_u error[r, u] w[u, i]``."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _call(builder, _returned, *args[:3], *_parts(context, builder, sig, args))
        return context.get_dummy_value()

    return types.void(*_SIZES, error, w, below), codegen


@intrinsic
def scaled(typingctx: Any, rows: Any, fan_in: Any, units: Any, error: Any, w: Any, below: Any) -> Any:
    """Errors of the sums below: ``below[r, i] *= Σ_u error[r, u] w[u, i]``, of derivatives that lie there."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _call(builder, _scaled, *args[:3], *_parts(context, builder, sig, args))
        return context.get_dummy_value()

    return types.void(*_SIZES, error, w, below), codegen


@intrinsic
def gated(
    typingctx: Any, rows: Any, fan_in: Any, units: Any, error: Any, w: Any, h: Any, below: Any, leak: Any
) -> Any:
    """Errors of the sums below: ``below[r, i] = (Σ_u error[r, u] w[u, i]) * (h[r, i] > 0 ? 1 : leak)``."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _call(builder, _gated, *args[:3], *_parts(context, builder, sig, args), args[-1])
        return context.get_dummy_value()

    return types.void(*_SIZES, error, w, h, below, float32x16), codegen


@intrinsic
def outer(
    typingctx: Any, units: Any, fan_in: Any, rows: Any, error: Any, h: Any, gradient: Any, more: Any
) -> Any:
    """Gradient of the weights: ``gradient[u, i] = Σ_r error[r, u] h[r, i]``, i to `fan_in`, rows in order.

    If `more`, the sums go on from those that `gradient` holds.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        units, fan_in, rows = args[:3]
        columns = builder.add(fan_in, _ONE)
        _call(builder, _outer, units, columns, rows, *_parts(context, builder, sig, args), args[-1])
        return context.get_dummy_value()

    return types.void(*_SIZES, error, h, gradient, types.boolean), codegen
