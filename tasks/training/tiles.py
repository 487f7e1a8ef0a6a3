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
    float32x16,
    read_vector,
    write_vector,
)

__all__ = ["affine", "gated", "leaky", "outer"]

_INDEX = ir.IntType(64)
_MATRIX = [VECTOR.as_pointer(), _INDEX, _INDEX]


class _Matrix(NamedTuple):
    """A pointer and the strides of two indices, in vectors."""

    pointer: Any
    row: Any
    column: Any

    @property
    def transposed(self) -> "_Matrix":
        return _Matrix(self.pointer, self.column, self.row)

    def at(self, b: Any, row: Any, column: Any) -> Any:
        return b.gep(self.pointer, [b.add(b.mul(row, self.row), b.mul(column, self.column))])

    def read(self, b: Any, row: Any, column: Any) -> Any:
        return read_vector(b, self.at(b, row, column), _INDEX(0))


class _Product(NamedTuple):
    """What a function is given: ``c[p, q] = end(start[p, q] + Σ_k a[p, k] b[q, k])``, and more for its end."""

    a: _Matrix
    b: _Matrix
    start: _Matrix
    c: _Matrix
    gate: _Matrix
    leak: Any
    rows: Any
    columns: Any
    depth: Any


# Gives the entry (p, q) of a product from the sum.
_End = Callable[[Any, _Product, Any, Any, Any], Any]


def _tile(b: Any, product: _Product, corner: tuple[Any, Any], shape: tuple[int, int], end: _End) -> None:
    """Compute some rows and columns of a product in registers."""
    p, q = ([b.add(o, _INDEX(i)) for i in range(n)] for o, n in zip(corner, shape, strict=True))
    left = [product.a.at(b, i, _INDEX(0)) for i in p]
    right = [product.b.at(b, j, _INDEX(0)) for j in q]
    first = [[product.start.read(b, i, j) for j in q] for i in p]
    entry = b.block
    body, after = (b.append_basic_block(name) for name in ("tile.body", "tile.after"))
    b.branch(body)
    b.position_at_end(body)
    k = b.phi(_INDEX)
    sums = [[b.phi(VECTOR) for _ in q] for _ in p]
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
    b.cbranch(b.icmp_signed("<", following, product.depth), body, after)
    b.position_at_end(after)
    for i, new in zip(p, grown, strict=True):
        for j, value in zip(q, new, strict=True):
            write_vector(b, end(b, product, value, i, j), product.c.at(b, i, j), _INDEX(0))


# Tiles that keep the sums, a column of one factor and an entry of the other in 32 registers: heights for
# each width.
_HEIGHTS = {1: (8, 4, 2, 1), 2: (8, 4, 2, 1), 3: (4, 2, 1), 4: (4, 2, 1), 5: (4, 2, 1)}
_WIDEST = max(_HEIGHTS)


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


def _write(function: Any, end: _End) -> None:
    """Write a function over tiles of all shapes."""
    b = ir.IRBuilder(function.append_basic_block("entry"))
    numbers = iter(function.args)
    matrices = [_Matrix(*(next(numbers) for _ in _MATRIX)) for _ in range(5)]
    product = _Product(*matrices, *numbers)
    q, p = cgutils.alloca_once(b, _INDEX), cgutils.alloca_once(b, _INDEX)
    b.store(_INDEX(0), q)
    strip, done = b.append_basic_block("strip"), b.append_basic_block("done")
    b.branch(strip)
    b.position_at_end(strip)
    left = b.load(q)
    width = _width_of_tiles(b, b.sub(product.columns, left))
    b.store(_INDEX(0), p)
    b.store(b.add(left, width), q)
    after = b.append_basic_block("after")
    choice = b.switch(width, done)
    for columns, heights in _HEIGHTS.items():
        case = b.append_basic_block("columns")
        choice.add_case(_INDEX(columns), case)
        b.position_at_end(case)
        for height in heights:
            with _while_fitting(b, p, height, product.rows) as top:
                _tile(b, product, (top, left), (height, columns), end)
        b.branch(after)
    b.position_at_end(after)
    b.cbranch(b.icmp_signed("<", b.load(q), product.columns), strip, done)
    b.position_at_end(done)
    b.ret_void()


def _call(b: Any, name: str, end: _End, product: _Product) -> None:
    """Call a function of the module, which is written if it is not there yet."""
    function = b.module.globals.get(name)
    if function is None:
        kind = ir.FunctionType(ir.VoidType(), [*(_MATRIX * 5), VECTOR, _INDEX, _INDEX, _INDEX])
        function = ir.Function(b.module, kind, name)
        function.linkage = "internal"
        function.attributes.add("noinline")
        _write(function, end)
    b.call(function, [part for field in product[:5] for part in field] + list(product[5:]))


def _matrices(context: Any, builder: Any, sig: Any, args: Any) -> list[_Matrix]:
    return [
        _unpacked(context, builder, kind, value)
        for kind, value in zip(sig.args, args, strict=True)
        if isinstance(kind, types.BaseTuple)
    ]


def _unpacked(context: Any, builder: Any, kind: Any, value: Any) -> _Matrix:
    array, start, row = cgutils.unpack_tuple(builder, value, 3)
    return _Matrix(builder.gep(bank_pointer(context, builder, kind[0], array), [start]), row, _INDEX(1))


def _zeros(builder: Any) -> _Matrix:
    zero = cgutils.global_constant(builder, "zeros", ZERO)
    zero.align = 64
    return _Matrix(zero, _INDEX(0), _INDEX(0))


def _plain(b: Any, product: _Product, value: Any, p: Any, q: Any) -> Any:
    return value


def _activated(b: Any, product: _Product, value: Any, p: Any, q: Any) -> Any:
    leaked = b.fmul(value, product.leak)
    return b.select(b.fcmp_ordered(">", value, leaked), value, leaked)


def _gated(b: Any, product: _Product, value: Any, p: Any, q: Any) -> Any:
    active = b.fcmp_ordered(">", product.gate.read(b, p, q), ZERO)
    return b.select(active, value, b.fmul(value, product.leak))


def _map(context: Any, builder: Any, sig: Any, args: Any, end: Any, leak: Any) -> Any:
    x, w, z = _matrices(context, builder, sig, args)
    rows, units, fan_in = args[:3]
    biases = _Matrix(builder.gep(w.pointer, [fan_in]), _INDEX(0), w.row)
    product = _Product(x, w, biases, z, z, leak, rows, units, fan_in)
    _call(builder, end.__name__, end, product)
    return context.get_dummy_value()


@intrinsic
def affine(typingctx: Any, rows: Any, units: Any, fan_in: Any, x: Any, w: Any, z: Any) -> Any:
    """``z[r, u] = w[u, fan_in] + Σ_i w[u, i] x[r, i]``: the last column of `w` holds the biases."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _map(context, builder, sig, args, _plain, ZERO)

    return types.void(types.int64, types.int64, types.int64, x, w, z), codegen


@intrinsic
def leaky(typingctx: Any, rows: Any, units: Any, fan_in: Any, x: Any, w: Any, h: Any, leak: Any) -> Any:
    """``h = max(z, leak * z)`` of the map of :func:`affine`, for leaks from 0 to 1."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _map(context, builder, sig, args, _activated, args[6])

    return types.void(types.int64, types.int64, types.int64, x, w, h, float32x16), codegen


@intrinsic
def gated(
    typingctx: Any, rows: Any, fan_in: Any, units: Any, error: Any, w: Any, h: Any, below: Any, leak: Any
) -> Any:
    """Errors of the layer below: ``below[r, i] = (Σ_u error[r, u] w[u, i]) * (h[r, i] > 0 ? 1 : leak)``."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        error, w, h, below = _matrices(context, builder, sig, args)
        rows, fan_in, units = args[:3]
        start = _zeros(builder)
        product = _Product(error, w.transposed, start, below, h, args[7], rows, fan_in, units)
        _call(builder, "_gated", _gated, product)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, error, w, h, below, float32x16), codegen


@intrinsic
def outer(
    typingctx: Any, units: Any, fan_in: Any, rows: Any, error: Any, h: Any, gradient: Any, more: Any
) -> Any:
    """Gradient of the weights: ``gradient[u, i] = Σ_r error[r, u] h[r, i]``, i to `fan_in`, rows in order.

    If `more`, the sums go on from those that `gradient` holds.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        error, h, gradient = _matrices(context, builder, sig, args)
        units, fan_in, rows = args[:3]
        start = _Matrix(
            *(builder.select(args[6], *both) for both in zip(gradient, _zeros(builder), strict=True))
        )
        product = _Product(
            error.transposed,
            h.transposed,
            start,
            gradient,
            gradient,
            ZERO,
            units,
            builder.add(fan_in, _INDEX(1)),
            rows,
        )
        _call(builder, "_plain", _plain, product)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, error, h, gradient, types.boolean), codegen
