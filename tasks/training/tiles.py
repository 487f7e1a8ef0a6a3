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
_ONE = _INDEX(1)


class _Matrix(NamedTuple):
    """A pointer and the strides of two indices, in vectors."""

    pointer: Any
    row: Any
    column: Any = _ONE

    @property
    def transposed(self) -> "_Matrix":
        return _Matrix(self.pointer, self.column, self.row)

    def at(self, b: Any, row: Any, column: Any) -> Any:
        return b.gep(self.pointer, [b.add(b.mul(row, self.row), b.mul(column, self.column))])

    def read(self, b: Any, row: Any, column: Any) -> Any:
        return read_vector(b, self.at(b, row, column), _INDEX(0))


class _Product(NamedTuple):
    """``c[p, q] = end(start[p, q] + Σ_k a[p, k] b[q, k])``, for which `start` and `end` are given the builder."""

    a: _Matrix
    b: _Matrix
    c: _Matrix
    sizes: tuple[Any, Any, Any]
    start: Callable[[Any, list[Any], list[Any]], list[list[Any]]]
    end: Callable[[Any, Any, Any, Any], Any] = lambda b, value, p, q: value


def _tile(b: Any, product: _Product, corner: tuple[Any, Any], shape: tuple[int, int]) -> None:
    """Compute some rows and columns of a product in registers."""
    p, q = ([b.add(o, _INDEX(i)) for i in range(n)] for o, n in zip(corner, shape, strict=True))
    left = [product.a.at(b, i, _INDEX(0)) for i in p]
    right = [product.b.at(b, j, _INDEX(0)) for j in q]
    first = product.start(b, p, q)
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
    b.cbranch(b.icmp_signed("<", following, product.sizes[2]), body, after)
    b.position_at_end(after)
    for i, new in zip(p, grown, strict=True):
        for j, value in zip(q, new, strict=True):
            write_vector(b, product.end(b, value, i, j), product.c.at(b, i, j), _INDEX(0))


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
    b.ret_void()


def _call(builder: Any, write: Callable[..., _Product], *args: Any) -> None:
    """Call the function of a kind of product, which is written into the module if it is not there yet."""
    function = builder.module.globals.get(write.__name__)
    if function is None:
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in args])
        function = ir.Function(builder.module, kind, write.__name__)
        function.linkage = "internal"
        function.attributes.add("noinline")
        inside = ir.IRBuilder(function.append_basic_block("entry"))
        _write(inside, write(*function.args))
    builder.call(function, args)


def _parts(context: Any, builder: Any, sig: Any, args: Any) -> list[Any]:
    """Give the pointer and the stride of each matrix among the arguments of an intrinsic."""
    parts = []
    for kind, value in zip(sig.args, args, strict=True):
        if isinstance(kind, types.BaseTuple):
            array, start, stride = cgutils.unpack_tuple(builder, value, 3)
            parts += [builder.gep(bank_pointer(context, builder, kind[0], array), [start]), stride]
    return parts


def _biases(w: _Matrix, fan_in: Any) -> Any:
    return lambda b, p, q: [[w.read(b, unit, fan_in) for unit in q]] * len(p)


def _affine(
    rows: Any, units: Any, fan_in: Any, x: Any, sx: Any, w: Any, sw: Any, z: Any, sz: Any
) -> _Product:
    weights = _Matrix(w, sw)
    return _Product(_Matrix(x, sx), weights, _Matrix(z, sz), (rows, units, fan_in), _biases(weights, fan_in))


def _leaky(
    rows: Any, units: Any, fan_in: Any, x: Any, sx: Any, w: Any, sw: Any, h: Any, sh: Any, leak: Any
) -> _Product:
    def activate(b: Any, z: Any, row: Any, unit: Any) -> Any:
        leaked = b.fmul(z, leak)
        return b.select(b.fcmp_ordered(">", z, leaked), z, leaked)

    return _affine(rows, units, fan_in, x, sx, w, sw, h, sh)._replace(end=activate)


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
    def gate(b: Any, value: Any, row: Any, i: Any) -> Any:
        active = b.fcmp_ordered(">", _Matrix(h, sh).read(b, row, i), ZERO)
        return b.select(active, value, b.fmul(value, leak))

    return _Product(
        _Matrix(error, se),
        _Matrix(w, sw).transposed,
        _Matrix(below, sb),
        (rows, fan_in, units),
        lambda b, p, q: [[ZERO] * len(q)] * len(p),
        gate,
    )


def _outer(
    units: Any,
    fan_in: Any,
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

    def start(b: Any, p: Any, q: Any) -> Any:
        entry = b.block
        with b.if_then(more):
            read, inside = [[sums.read(b, unit, i) for i in q] for unit in p], b.block
        return [[_merged(b, value, inside, entry) for value in row] for row in read]

    return _Product(
        _Matrix(error, se).transposed, _Matrix(h, sh).transposed, sums, (units, fan_in, rows), start
    )


def _merged(b: Any, value: Any, inside: Any, entry: Any) -> Any:
    """The value that was read inside of a condition, else zeros."""
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
def gated(
    typingctx: Any, rows: Any, fan_in: Any, units: Any, error: Any, w: Any, h: Any, below: Any, leak: Any
) -> Any:
    """Errors of the layer below: ``below[r, i] = (Σ_u error[r, u] w[u, i]) * (h[r, i] > 0 ? 1 : leak)``."""

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
