"""Rows gathered for sixteen networks, each from its own data in its own order, and turned into vectors."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tasks.training.simd import LANES, bank_pointer, write_vector

__all__ = ["gather"]

_INDEX = ir.IntType(64)


@intrinsic(prefer_literal=True)
def gather(typingctx: Any, size: Any, data: Any, order: Any, place: Any, rows: Any, first: Any) -> Any:
    """For each lane, put row ``order[lane, place]`` of its data into vectors `first`, … of the bank `rows`.

    Rows have the literal `size`, and their last number goes one vector further: the one before holds the ones
    of the biases. `data` is flat, the rows of one lane behind those of another, with room for `LANES` more
    numbers at its end.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        n, bank = sig.args[0].literal_value, bank_pointer(context, builder, sig.args[4], args[4])
        pointers = _row_pointers(context, builder, sig, args, n)
        for start in range(0, n, LANES):
            columns = _columns(builder, pointers, start, min(LANES, n - start))
            for i, column in enumerate(columns, start):
                place = builder.add(args[5], _INDEX(i if i < n - 1 else n))
                write_vector(builder, column, bank, place)
        return context.get_dummy_value()

    return types.void(size, data, order, types.int64, rows, types.int64), codegen


def _row_pointers(context: Any, builder: Any, sig: Any, args: Any, size: int) -> list[Any]:
    order = context.make_array(sig.args[2])(context, builder, args[2])
    n_rows = builder.extract_value(order.shape, 1)
    data = context.make_array(sig.args[1])(context, builder, args[1]).data
    pointers = []
    for lane in range(LANES):
        before = builder.mul(n_rows, _INDEX(lane))
        row = builder.load(builder.gep(order.data, [builder.add(before, args[3])]))
        place = builder.add(before, builder.zext(row, _INDEX))
        pointers.append(builder.gep(data, [builder.mul(place, _INDEX(size))]))
    return pointers


def _columns(builder: Any, pointers: list[Any], start: int, count: int) -> list[Any]:
    """Give columns `start`, … of sixteen rows: a transposition that halves its blocks again and again."""
    width = 1 << (count - 1).bit_length()
    part = ir.VectorType(ir.FloatType(), width)
    rows = []
    for pointer in pointers:
        at = builder.bitcast(builder.gep(pointer, [_INDEX(start)]), part.as_pointer())
        rows.append(builder.load(at, align=4))
    vectors = [_joined(builder, rows[i::width]) for i in range(width)]
    distance = width // 2
    while distance:
        left = [c if not c & distance else LANES + c - distance for c in range(LANES)]
        right = [c + distance if not c & distance else LANES + c for c in range(LANES)]
        for i in range(width):
            if not i & distance:
                pair = vectors[i], vectors[i + distance]
                vectors[i], vectors[i + distance] = (_shuffled(builder, pair, m) for m in (left, right))
        distance //= 2
    return vectors[:count]


def _joined(builder: Any, parts: list[Any]) -> Any:
    """One vector of parts that lie behind one another."""
    while len(parts) > 1:
        places = list(range(2 * parts[0].type.count))
        parts = [_shuffled(builder, pair, places) for pair in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def _shuffled(builder: Any, pair: tuple[Any, Any], places: list[int]) -> Any:
    return builder.shuffle_vector(*pair, ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places))
