"""Sums of vectors with scalar weights, over a list of terms, in registers."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from relusweep.tasks.compiled import LANES
from relusweep.tasks.training.simd import (
    VECTOR,
    ZERO,
    bank_pointer,
    call_intrinsic,
    read_vector,
    write_vector,
)

__all__ = ["weighted_sums"]

_INDEX = ir.IntType(64)


def _element(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.load(builder.gep(data, [index]))


def _splat(builder: Any, scalar: Any) -> Any:
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    first = builder.insert_element(ZERO, scalar, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, first, zeros)


@intrinsic(prefer_literal=True)
def weighted_sums(
    typingctx: Any, count: Any, n: Any, vectors: Any, places: Any, weights: Any, starts: Any, sums: Any
) -> Any:
    """``sums[t] = Σ_e weights[starts[e] + t] * vectors[places[e]]`` for t below a literal `count`.

    `vectors` and `weights` are pairs of an array and what to add to every index of it, `sums` an array, the
    place of the first sum, and the step to the next; vectors and sums lie in banks and are counted in
    vectors. The first `n` terms are added in their order, with one fused multiply-add each. A count of at
    most 16 leaves all sums in registers.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        numbers = range(sig.args[0].literal_value)
        v_array, v_first = cgutils.unpack_tuple(builder, args[2], 2)
        w_array, w_first = cgutils.unpack_tuple(builder, args[4], 2)
        s_array, s_first, s_step = cgutils.unpack_tuple(builder, args[6], 3)
        v, s = (bank_pointer(context, builder, sig.args[i][0], a) for i, a in ((2, v_array), (6, s_array)))
        entry = builder.block
        head, body, after = (builder.append_basic_block(f"sums.{name}") for name in ("head", "body", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        e = builder.phi(_INDEX)
        old = [builder.phi(VECTOR) for _ in numbers]
        builder.cbranch(builder.icmp_signed("<", e, args[1]), body, after)
        builder.position_at_end(body)
        place = _element(context, builder, sig.args[3], args[3], e)
        start = _element(context, builder, sig.args[5], args[5], e)
        vector = read_vector(builder, v, builder.add(place, v_first))
        start = builder.add(start, w_first)
        new = []
        for t, total in zip(numbers, old, strict=True):
            at = builder.add(start, ir.Constant(_INDEX, t))
            weight = _splat(builder, _element(context, builder, sig.args[4][0], w_array, at))
            new.append(call_intrinsic(builder, "llvm.fma", weight, vector, total))
        e.add_incoming(ir.Constant(_INDEX, 0), entry)
        e.add_incoming(builder.add(e, ir.Constant(_INDEX, 1)), body)
        for phi, value in zip(old, new, strict=True):
            phi.add_incoming(ZERO, entry)
            phi.add_incoming(value, body)
        builder.branch(head)
        builder.position_at_end(after)
        for t, total in zip(numbers, old, strict=True):
            at = builder.add(s_first, builder.mul(s_step, ir.Constant(_INDEX, t)))
            write_vector(builder, total, s, at)
        return context.get_dummy_value()

    return types.void(count, n, vectors, places, weights, starts, sums), codegen
