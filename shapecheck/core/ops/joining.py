"""Several tensors to one: cat, stack and their kin, meshgrid, padded sequences."""

from __future__ import annotations

from collections.abc import Sequence

from shapecheck.core.equality import equal
from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.promotion import promote
from shapecheck.core.ops.readers import Tensors
from shapecheck.core.ops.shapes import (
    agree,
    broadcast_shapes,
    dim_index,
    product,
    replace,
    shape_text,
)
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size, maximum
from shapecheck.core.tensors import Dtypes, Repeated, Shape, TensorValue, Undecided, Value


def _names(tensors: Sequence[TensorValue]) -> list[str]:
    return [f"tensors[{index}]" for index in range(len(tensors))]


def _some(tensors: Tensors) -> tuple[TensorValue, ...]:
    """At least one tensor, all listed."""
    if isinstance(tensors, Repeated):
        raise Undecided
    if not tensors:
        raise OpError.empty("tensors")
    return tensors


def _joined(tensors: Sequence[TensorValue], dim: int, names: Sequence[str]) -> Shape:
    """The shape of tensors laid end to end along `dim`, alike in every other dim.

    One of unknown shape is taken to fit; only how long it is stays open.
    """
    known = [(name, one) for name, one in zip(names, tensors, strict=True) if one.shape is not None]
    if not known:
        raise Undecided
    (name, first), *others = known
    shape, total = list(first.dims), first.dims[dim]
    for other_name, other in others:
        if other.rank != first.rank:
            reason = f"`{name}` {shape_text(first.dims)} and `{other_name}` {shape_text(other.dims)} differ in rank"
            raise OpError.at(reason, (name, None, None), (other_name, None, None))
        for index, (own, size) in enumerate(zip(shape, other.dims, strict=True)):
            if index != dim:
                reason = (
                    f"dim {index} of `{name}` {shape_text(first.dims)} is {own}, "
                    f"but dim {index} of `{other_name}` {shape_text(other.dims)} is {size}"
                )
                shape[index] = agree(own, size, OpError.at(reason, (name, index, own), (other_name, index, size)))
        total += other.dims[dim]
    shape[dim] = total if len(known) == len(tensors) else Size.unknown()
    return tuple(shape)


@rule("torch.cat torch.concat torch.concatenate", kind="join")
def cat(tensors: Tensors, dim: int = 0) -> TensorValue:
    """End to end along `dim`; an empty tensor of shape ``(0,)`` is skipped."""
    if isinstance(tensors, Repeated):
        element = _tensor(tensors)
        index = dim_index(dim, element.rank, scalar=False)
        return TensorValue(replace(element.dims, index, element.dims[index] * tensors.length), element.dtypes)
    return _concatenated(_some(tensors), dim)


def _concatenated(given: Sequence[TensorValue], dim: int) -> TensorValue:
    kept = [(name, one) for name, one in zip(_names(given), given, strict=True) if one.shape != (Size.of(0),)]
    if not kept:
        return TensorValue(given[0].shape, _common(given))
    shapes = [one.shape for _, one in kept if one.shape is not None]
    if len(set(map(len, shapes))) > 1 and any(len(one) == 1 and equal(one[0], 0) is None for one in shapes):
        raise Undecided
    for name, one in kept:
        if one.shape == ():
            hint = "`torch.stack` joins tensors without dims"
            raise OpError.at(f"`{name}` has no dims and can't be concatenated", (name, None, None), hint=hint)
    index = dim_index(dim, len(shapes[0]) if shapes else kept[0][1].rank)
    return TensorValue(_joined([one for _, one in kept], index, [name for name, _ in kept]), _common(given))


def _tensor(tensors: Repeated) -> TensorValue:
    if not isinstance(tensors.element, TensorValue):
        raise Undecided
    return tensors.element


def _common(tensors: Sequence[TensorValue]) -> Dtypes:
    """The dtype of tensors of which none is more of a number than the others."""
    return promote(TensorValue((Size.of(1),), one.dtypes) for one in tensors)


@rule("torch.stack", kind="join")
def stack(tensors: Tensors, dim: int = 0) -> TensorValue:
    """Along a new dim."""
    if isinstance(tensors, Repeated):
        element, length = _tensor(tensors), tensors.length
        index = dim_index(dim, element.rank + 1)
        return TensorValue((*element.dims[:index], length, *element.dims[index:]), element.dtypes)
    given = _some(tensors)
    index = dim_index(dim, next((one.rank for one in given if one.shape is not None), given[0].rank) + 1)
    stacked = [TensorValue(None if one.shape is None else (Size.of(1), *one.shape), one.dtypes) for one in given]
    shape = _joined(stacked, 0, _names(given))[1:]
    return TensorValue((*shape[:index], Size.of(len(given)), *shape[index:]), _common(given))


@rule("torch.hstack", kind="join")
def hstack(tensors: Tensors) -> TensorValue:
    given = [_widened(one, 1) for one in _some(tensors)]
    return _concatenated(given, 0 if given[0].rank == 1 else 1)


@rule("torch.vstack torch.row_stack", kind="join")
def vstack(tensors: Tensors) -> TensorValue:
    given = [_widened(one, 2) for one in _some(tensors)]
    return _concatenated(given, 0)


@rule("torch.dstack", kind="join")
def dstack(tensors: Tensors) -> TensorValue:
    given = [_widened(one, 3) for one in _some(tensors)]
    return _concatenated(given, 2)


@rule("torch.column_stack", kind="join")
def column_stack(tensors: Tensors) -> TensorValue:
    given = [
        TensorValue((*one.dims, *[Size.of(1)] * (2 - one.rank))[-max(2, one.rank) :], one.dtypes)
        if one.rank
        else _widened(one, 2)
        for one in _some(tensors)
    ]
    return _concatenated(given, 1)


def _widened(input: TensorValue, least: int) -> TensorValue:
    """`input` with at least so many dims, as `atleast_1d` to `atleast_3d` add them."""
    one, shape = Size.of(1), input.dims
    match least, len(shape):
        case _, rank if rank >= least:
            pass
        case 3, 2:
            shape = (*shape, one)
        case 3, 1:
            shape = (one, *shape, one)
        case _:
            shape = (*[one] * (least - len(shape)), *shape)
    return TensorValue(shape, input.dtypes)


def _each_widened(tensors: tuple[Value, ...], least: int) -> Value:
    if len(tensors) == 1 and isinstance(tensors[0], TensorValue):
        return _widened(tensors[0], least)
    return tuple(_widened(one, least) if isinstance(one, TensorValue) else _undecided() for one in tensors)


def _undecided() -> TensorValue:
    raise Undecided


@rule("torch.atleast_1d", kind="view")
def atleast_1d(*tensors: Value) -> Value:
    return _each_widened(tensors, 1)


@rule("torch.atleast_2d", kind="view")
def atleast_2d(*tensors: Value) -> Value:
    return _each_widened(tensors, 2)


@rule("torch.atleast_3d", kind="view")
def atleast_3d(*tensors: Value) -> Value:
    return _each_widened(tensors, 3)


@rule("torch.block_diag", kind="join")
def block_diag(*tensors: TensorValue) -> TensorValue:
    """Matrices along the diagonal."""
    for index, one in enumerate(tensors):
        if one.rank > 2:
            name = f"tensors[{index}]"
            raise OpError.at(f"`{name}` {shape_text(one.dims)} has more than 2 dims", (name, None, None))
    wide = [_widened(one, 2) for one in tensors]
    zero = Size.of(0)
    return TensorValue(
        (sum((one.dims[0] for one in wide), zero), sum((one.dims[1] for one in wide), zero)), _common(wide)
    )


@rule("torch.broadcast_tensors", kind="view")
def broadcast_tensors(*tensors: TensorValue) -> Value:
    shape = broadcast_shapes([(name, one.dims) for name, one in zip(_names(tensors), tensors, strict=True)])
    return tuple(TensorValue(shape, one.dtypes) for one in tensors)


@rule("torch.broadcast_shapes", kind="other")
def broadcast_shapes_(*shapes: Shape) -> Value:
    """Of tuples of sizes, a tuple of sizes."""
    return broadcast_shapes([(f"shapes[{index}]", shape) for index, shape in enumerate(shapes)]) if shapes else ()


@rule("torch.meshgrid", kind="creation")
def meshgrid(*tensors: TensorValue, indexing: str = "ij") -> Value:
    """One grid per vector, each of shape ``(len(x), len(y), ...)``; "xy" swaps the first two."""
    for name, one in zip(_names(tensors), tensors, strict=True):
        if one.rank > 1:
            raise OpError.at(f"`{name}` {shape_text(one.dims)} is no vector", (name, None, None))
    shape = tuple(one.dims[0] if one.rank else Size.of(1) for one in tensors)
    if indexing == "xy" and len(shape) > 1:
        shape = (shape[1], shape[0], *shape[2:])
    return tuple(TensorValue(shape, one.dtypes) for one in tensors)


@rule("torch.cartesian_prod", kind="creation")
def cartesian_prod(*tensors: TensorValue) -> TensorValue:
    """Every combination of the elements of some vectors."""
    for name, one in zip(_names(tensors), tensors, strict=True):
        if one.rank != 1:
            raise OpError.at(f"`{name}` {shape_text(one.dims)} is no vector", (name, None, None))
    if len(tensors) < 2:
        return tensors[0] if tensors else _undecided()
    return TensorValue((product(one.dims[0] for one in tensors), Size.of(len(tensors))), tensors[0].dtypes)


@rule("torch.nn.utils.rnn.pad_sequence", kind="join")
def pad_sequence(
    sequences: Tensors, batch_first: bool = False, padding_value: Value = 0.0, padding_side: Value = "right"
) -> TensorValue:
    """Sequences ``(length, *)`` to one tensor as long as the longest."""
    if isinstance(sequences, Repeated):
        raise Undecided
    if not sequences:
        raise OpError.argument("the list of sequences is empty", "sequences")
    first = sequences[0]
    for index, one in enumerate(sequences):
        reason = f"`sequences[{index}]` {shape_text(one.dims)} and `sequences[0]` {shape_text(first.dims)} differ"
        if one.rank != first.rank:
            raise Undecided
        if not one.rank:
            raise OpError.at(reason, (f"sequences[{index}]", None, None))
        for dim, (own, size) in enumerate(zip(first.dims[1:], one.dims[1:], strict=True), start=1):
            agree(own, size, OpError.at(reason, (f"sequences[{index}]", dim, size)))
    longest = maximum(*(one.dims[0] for one in sequences))
    count = Size.of(len(sequences))
    leading = (count, longest) if batch_first else (longest, count)
    return TensorValue((*leading, *first.dims[1:]), promote(sequences))
