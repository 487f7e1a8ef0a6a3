"""Sixteen networks in one vector: a Numba type whose LLVM model is ``<16 x float>``.

Plain Python source over this type compiles to full-width vector instructions of whatever processor it
runs on; LLVM splits the vector where the hardware is narrower. Arithmetic is IEEE and never reordered, so
each lane's bits are those of a scalar program.

Memory is a one-dimensional ``float32`` array made by :func:`bank` and indexed in whole vectors:
``load(array, 3)`` reads elements 48 to 63.
"""

import operator
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, models, register_model
from numpy.typing import NDArray

from relusweep.tasks.compiled import LANES

__all__ = [
    "bank",
    "broadcast",
    "fma",
    "load",
    "load_beside",
    "mask_positive",
    "mask_unordered",
    "maximum",
    "merged",
    "minimum",
    "one_unless_positive",
    "reciprocal_seed",
    "scale_by_power",
    "signed_as",
    "sqrt",
    "store",
    "store_beside",
    "where_above",
]

_ALIGNMENT = 4 * LANES

_FLOAT = ir.FloatType()
VECTOR = ir.VectorType(_FLOAT, LANES)
_BITS = ir.VectorType(ir.IntType(32), LANES)
ZERO = ir.Constant(VECTOR, [0.0] * LANES)
_ONE = ir.Constant(VECTOR, [1.0] * LANES)


class Floats(types.Type):
    """The Numba type of a vector of single-precision numbers."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(name=f"float32x{count}")


float32x16 = Floats(LANES)


@register_model(Floats)
class _FloatsModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, ir.VectorType(_FLOAT, fe_type.count))


def bank(n_vectors: int) -> NDArray[np.float32]:
    """Allocate zeroed vectors on a cache-line boundary.

    Parameters
    ----------
    n_vectors : int
        Number of vectors of `LANES` elements.

    Returns
    -------
    ndarray of shape (n_vectors * LANES,), dtype float32
    """
    raw = np.zeros(n_vectors * _ALIGNMENT + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + n_vectors * _ALIGNMENT].view(np.float32)


# Arithmetic


def _spread(builder: Any, value: Any, kind: Any, count: int) -> Any:
    """Give a vector of so many numbers: what is narrower, and a scalar of any floating type, is repeated."""
    if isinstance(kind, Floats):
        if kind.count == count:
            return value
        places = [i % kind.count for i in range(count)]
        return builder.shuffle_vector(value, value, ir.Constant(_indices(count), places))
    if value.type != _FLOAT:
        value = builder.fptrunc(value, _FLOAT)
    nothing = ir.Constant(ir.VectorType(_FLOAT, count), ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, first, ir.Constant(_indices(count), [0] * count))


def _indices(count: int) -> Any:
    return ir.VectorType(ir.IntType(32), count)


def _operation(write: Callable[..., Any], *operands: Any) -> tuple[Any, Callable[..., Any]]:
    """Give the signature and the code of an operation on vectors and scalars, lane by lane."""
    kinds = [kind if isinstance(kind, Floats) else types.float64 for kind in operands]
    result = max((kind for kind in kinds if isinstance(kind, Floats)), key=lambda kind: kind.count)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pairs = zip(args, sig.args, strict=True)
        return write(builder, *(_spread(builder, value, kind, result.count) for value, kind in pairs))

    return result(*kinds), codegen


_BINARY = {operator.add: "fadd", operator.sub: "fsub", operator.mul: "fmul", operator.truediv: "fdiv"}


def _register_binary(function: Any, instruction: str) -> None:
    class _Template(AbstractTemplate):
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            if any(isinstance(kind, Floats) for kind in args):
                return _operation(getattr, *args)[0]
            return None

    infer_global(function)(_Template)
    for kinds in ((Floats, Floats), (Floats, types.Float), (types.Float, Floats)):

        @lower_builtin(function, *kinds)
        def _lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            _, codegen = _operation(lambda b, x, y: getattr(b, instruction)(x, y), *sig.args)
            return codegen(context, builder, sig, args)


for _function, _instruction in _BINARY.items():
    _register_binary(_function, _instruction)


@intrinsic
def broadcast(typingctx: Any, x: Any) -> Any:
    """Sixteen copies of a scalar."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _spread(builder, args[0], types.float64, LANES)

    return float32x16(types.float32), codegen


def call_intrinsic(builder: Any, name: str, *args: Any) -> Any:
    kind = args[0].type
    function = ir.FunctionType(kind, [kind] * len(args))
    return builder.call(
        cgutils.get_or_insert_function(builder.module, function, f"{name}.v{kind.count}f32"), args
    )


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c`` rounded once, each of them a vector or a scalar."""
    return _operation(lambda builder, *args: call_intrinsic(builder, "llvm.fma", *args), a, b, c)


@intrinsic
def sqrt(typingctx: Any, a: Any) -> Any:
    """Correctly rounded square roots."""
    return _operation(lambda builder, x: call_intrinsic(builder, "llvm.sqrt", x), a)


@intrinsic
def signed_as(typingctx: Any, a: Any, b: Any) -> Any:
    """``abs(a)`` with the sign of `b`."""
    return _operation(lambda builder, x, y: call_intrinsic(builder, "llvm.copysign", x, y), a, b)


def _choice(builder: Any, relation: str, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(relation, a, b), a, b)


@intrinsic
def minimum(typingctx: Any, a: Any, b: Any) -> Any:
    """The smaller of each pair; `b` where either is NaN."""
    return _operation(lambda builder, x, y: _choice(builder, "<", x, y), a, b)


@intrinsic
def maximum(typingctx: Any, a: Any, b: Any) -> Any:
    """The larger of each pair; `b` where either is NaN."""
    return _operation(lambda builder, x, y: _choice(builder, ">", x, y), a, b)


@intrinsic
def where_above(typingctx: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
    """`x` where a lane of `a` is above that of `b` or NaN, else `y`."""

    def write(builder: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
        unordered = builder.fcmp_unordered("uno", a, a)
        return builder.select(builder.or_(builder.fcmp_ordered(">", a, b), unordered), x, y)

    return _operation(write, a, b, x, y)


@intrinsic
def one_unless_positive(typingctx: Any, a: Any) -> Any:
    """0 where a lane is above zero, else 1, also where it is NaN."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", args[0], ZERO), ZERO, _ONE)

    return float32x16(float32x16), codegen


def _mask(builder: Any, flags: Any) -> Any:
    return builder.zext(builder.bitcast(flags, ir.IntType(LANES)), ir.IntType(64))


@intrinsic
def mask_positive(typingctx: Any, a: Any) -> Any:
    """An integer whose bit i says whether lane i is above zero."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _mask(builder, builder.fcmp_ordered(">", args[0], ZERO))

    return types.int64(float32x16), codegen


@intrinsic
def mask_unordered(typingctx: Any, a: Any) -> Any:
    """An integer whose bit i says whether lane i is NaN."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _mask(builder, builder.fcmp_unordered("uno", args[0], args[0]))

    return types.int64(float32x16), codegen


@intrinsic
def reciprocal_seed(typingctx: Any, a: Any) -> Any:
    """Approximate ``1 / a`` for normal a > 0 by its bit pattern, relative error below 12.5 %."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits = builder.bitcast(args[0], _BITS)
        return builder.bitcast(builder.sub(ir.Constant(_BITS, [0x7EF311C7] * LANES), bits), VECTOR)

    return float32x16(float32x16), codegen


@intrinsic
def scale_by_power(typingctx: Any, a: Any, k: Any) -> Any:
    """``a * 2**k`` for a whole k held in the low bits of ``1.5 * 2**23 + k``."""

    def write(builder: Any, a: Any, k: Any) -> Any:
        kind = _indices(a.type.count)
        bits, power = (builder.bitcast(v, kind) for v in (a, k))
        scaled = builder.add(bits, builder.shl(power, ir.Constant(kind, [23] * kind.count)))
        return builder.bitcast(scaled, a.type)

    return _operation(write, a, k)


# Memory


def bank_pointer(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(data, VECTOR.as_pointer())


def read_vector(builder: Any, pointer: Any, index: Any) -> Any:
    value = builder.load(builder.gep(pointer, [index]))
    value.align = _ALIGNMENT
    return value


def write_vector(builder: Any, value: Any, pointer: Any, index: Any) -> None:
    builder.store(value, builder.gep(pointer, [index]), align=_ALIGNMENT)


@intrinsic
def load(typingctx: Any, array: Any, index: Any) -> Any:
    """Vector number `index` of a bank."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return read_vector(builder, bank_pointer(context, builder, sig.args[0], args[0]), args[1])

    return float32x16(array, types.int64), codegen


@intrinsic
def store(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Put a vector at place `index` of a bank."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        write_vector(builder, args[2], bank_pointer(context, builder, sig.args[0], args[0]), args[1])
        return context.get_dummy_value()

    return types.void(array, types.int64, float32x16), codegen


@intrinsic
def load_beside(typingctx: Any, array: Any, places: Any) -> Any:
    """Two vectors of a bank, as one of twice the length."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = bank_pointer(context, builder, sig.args[0], args[0])
        pair = (read_vector(builder, pointer, place) for place in cgutils.unpack_tuple(builder, args[1]))
        return builder.shuffle_vector(*pair, ir.Constant(_indices(2 * LANES), list(range(2 * LANES))))

    return Floats(2 * LANES)(array, places), codegen


@intrinsic
def store_beside(typingctx: Any, array: Any, places: Any, value: Any) -> Any:
    """Put the halves of a vector at two places of a bank."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = bank_pointer(context, builder, sig.args[0], args[0])
        both = _spread(builder, args[2], sig.args[2], 2 * LANES)
        for place, first in zip(cgutils.unpack_tuple(builder, args[1]), (0, LANES), strict=True):
            lanes = ir.Constant(_BITS, list(range(first, first + LANES)))
            write_vector(builder, builder.shuffle_vector(both, both, lanes), pointer, place)
        return context.get_dummy_value()

    return types.void(array, places, value), codegen


# Functions

_MERGED: dict[str, Any] = {"nogil": True, "error_model": "numpy", "forceinline": True, "_nrt": False}
merged = numba.njit(**_MERGED)
"""Decorator of a function that LLVM makes a part of its callers.

With ``inline="always"`` Numba does so, which gives the same code, but takes long where functions are long or
inline others in their turn.
"""


def call_shared(builder: Any, name: str, write: Callable[..., None], *args: Any) -> None:
    """Call a function of the module, which is written into it if it is not there yet.

    Its code is compiled once, and what it needs of registers is its own. Loops are not unrolled, which costs
    more than it gives.
    """
    function = builder.module.globals.get(name)
    if function is None:
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in args])
        function = ir.Function(builder.module, kind, name)
        function.linkage = "internal"
        function.attributes.add("noinline")
        function.attributes.add("optsize")
        inside = ir.IRBuilder(function.append_basic_block("entry"))
        write(inside, *function.args)
        inside.ret_void()
    builder.call(function, args)
