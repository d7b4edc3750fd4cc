"""``x[...]`` and ``x[...] = y`` in full: numbers, slices, None, ellipsis, tensors, masks.

What torch does, and numpy not always: a number removes its dim at once, and only then do tensors count. The dims that
tensors pick stand where the first tensor stood if the tensors are side by side, else in front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import EllipsisType

from shapecheck.core.equality import equal
from shapecheck.core.ops.errors import AtLeast, OpError, assume
from shapecheck.core.ops.promotion import BOOLEAN, INTEGRAL, dtype_text
from shapecheck.core.ops.readers import read_size
from shapecheck.core.ops.shapes import agree, broadcast_shapes, in_range, is_one, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size, at_least
from shapecheck.core.tensors import Opaque, Repeated, Shape, Slice, TensorValue, Undecided, Value

__all__ = ["indexed", "require_fits"]

_MASK = frozenset({"bool", "uint8"})


@dataclass(frozen=True, slots=True)
class _Picked:
    """A dim whose elements a tensor picks; `shape` is the tensor's."""

    shape: Shape


Item = Size | Slice | TensorValue | bool | None | EllipsisType


@rule("operator.getitem Tensor.__getitem__", kind="index")
def getitem(input: TensorValue, index: Value) -> TensorValue:
    return TensorValue(indexed(input.dims, index), input.dtypes)


@rule("operator.setitem Tensor.__setitem__", kind="index")
def setitem(input: TensorValue, index: Value, value: Value) -> Value:
    """What is written has to broadcast into what the index selects."""
    room = indexed(input.dims, index)
    if isinstance(value, TensorValue):
        require_fits("value", value.dims, room)
    return None


def require_fits(name: str, value: Shape, room: Shape, strip: bool = True) -> None:
    """`value` broadcasts into `room`; leading dims of size 1 too many don't matter where they are stripped.

    Raises:
        OpError: it certainly doesn't.
    """
    given = value
    while strip and len(given) > len(room) and is_one(given[0]):
        given = given[1:]
    reason = f"`{name}` {shape_text(value)} doesn't fit into {shape_text(room)}"
    if len(given) > len(room):
        if strip and any(equal(size, 1) is None for size in given[: len(given) - len(room)]):
            raise Undecided
        raise OpError.at(reason, (name, None, None))
    for back in range(1, len(given) + 1):
        own, wanted = given[-back], room[-back]
        if equal(own, 1) is False:
            agree(wanted, own, OpError.at(reason, (name, len(value) - back, own)))


def indexed(shape: Shape, index: Value) -> Shape:
    """The shape that an index selects from `shape`.

    Raises:
        OpError: the index certainly doesn't fit.
        Undecided: what kind of index it is isn't known.
    """
    items = [_as_item(item) for item in (index if isinstance(index, tuple) else (index,))]
    parts: list[Size | _Picked] = []
    dim = 0
    for item in _without_ellipsis(items, shape):
        if dim + _dims_of(item) > len(shape):
            reason = f"{sum(map(_dims_of, items))} dims are indexed, but `input` {shape_text(shape)} has {len(shape)}"
            raise OpError.at(reason, ("input", None, None))
        parts.extend(_selected(shape, dim, item))
        dim += _dims_of(item)
    return _assembled([*parts, *shape[dim:]])


def _as_item(value: Value) -> Item:
    match value:
        case TensorValue():
            return _as_tensor_item(value)
        case bool() | None | Slice() | EllipsisType() | Size():
            return value
        case int():
            return Size.of(value)
        case Opaque("int"):
            return Size.unknown()
        case Opaque("bool"):
            return TensorValue((), BOOLEAN)
        case list() | tuple():
            return _as_listed(value)
        case Repeated(element=Size() | Opaque("int"), length=length):
            return TensorValue.of((length,), "int64")
    raise Undecided


def _as_tensor_item(tensor: TensorValue) -> Item:
    if tensor.dtypes is None and tensor.rank == 1:  # a mask or positions: one dim of some size in either case
        return TensorValue.of((Size.unknown(),), "int64")
    if tensor.dtypes is None:
        raise Undecided
    if not tensor.dtypes & (INTEGRAL | BOOLEAN):
        reason = f"`index` is {dtype_text(tensor.dtypes)}, but must be an integer or bool tensor"
        raise OpError(reason, kind="dtype", operands=("index",), hint="`.long()` for positions, `.bool()` for a mask")
    return tensor if tensor.rank or tensor.dtypes & _MASK else Size.unknown()


def _as_listed(values: Sequence[Value]) -> TensorValue:
    """A list of numbers, or of lists of numbers, as the tensor that torch makes of it."""
    if values and all(isinstance(value, bool) for value in values):
        return TensorValue.of((len(values),), "bool")
    if all(isinstance(value, Size | int | Opaque) and value not in (Opaque(), Opaque("float")) for value in values):
        return TensorValue.of((len(values),), "int64")
    if all(isinstance(value, list | tuple) for value in values):
        rows = [_as_listed(value) for value in values if isinstance(value, list | tuple)]
        if all(row == rows[0] for row in rows):
            return TensorValue((Size.of(len(rows)), *rows[0].dims), rows[0].dtypes)
    raise Undecided


def _without_ellipsis(items: Sequence[Item], shape: Shape) -> list[Item]:
    """`items` with the ellipsis as so many full slices."""
    places = [place for place, item in enumerate(items) if item is Ellipsis]
    if not places:
        return list(items)
    missing = max(0, len(shape) - sum(map(_dims_of, items)))
    before, after = items[: places[0]], [item for item in items[places[0] + 1 :] if item is not Ellipsis]
    return [*before, *[Slice()] * missing, *after]


def _dims_of(item: Item) -> int:
    """How many dims of the tensor an item consumes."""
    match item:
        case None | bool() | EllipsisType():
            return 0
        case TensorValue() if item.dtypes and item.dtypes <= _MASK:
            return item.rank
    return 1


def _selected(shape: Shape, dim: int, item: Item) -> list[Size | _Picked]:
    """What an item makes of the dims from `dim` on."""
    match item:
        case None:
            return [Size.of(1)]
        case bool():
            return [_Picked((Size.of(int(item)),))]
        case Size():
            in_range(item, shape[dim], dim)
            return []
        case Slice():
            return [sliced(shape[dim], item)]
        case TensorValue() if item.dtypes and item.dtypes <= _MASK:
            _mask_fits(item, shape, dim)
            return [_Picked((Size.unknown("?"),))] * max(1, item.rank)
        case TensorValue() if not (item.dtypes and item.dtypes & _MASK):
            return [_Picked(item.dims)]
    raise Undecided


def _mask_fits(mask: TensorValue, shape: Shape, dim: int) -> None:
    for index, size in enumerate(mask.dims):
        own = shape[dim + index]
        reason = f"dim {index} of the mask {shape_text(mask.dims)} is {size}, but dim {dim + index} of `input` is {own}"
        agree(own, size, OpError.at(reason, ("input", dim + index, own), ("index", index, size)))


def _assembled(parts: Sequence[Size | _Picked]) -> Shape:
    """The shape of the result: what tensors pick goes to the place of the first, or in front."""
    places = [place for place, part in enumerate(parts) if isinstance(part, _Picked)]
    plain = [part for part in parts if isinstance(part, Size)]
    if not places:
        return tuple(plain)
    picked = [(f"index {place}", part.shape) for place, part in enumerate(parts) if isinstance(part, _Picked)]
    together = broadcast_shapes(picked)
    side_by_side = places[-1] - places[0] + 1 == len(places)
    start = places[0] if side_by_side else 0
    return (*plain[:start], *together, *plain[start:])


# --- slices ----------------------------------------------------------------------------------------------------


def sliced(size: Size, part: Slice) -> Size:
    """The size of ``start:stop:step`` of a dim.

    Raises:
        OpError: a step that isn't positive.
    """
    bounds = [_bound(value) for value in (part.start, part.stop, part.step)]
    if None in bounds:
        return Size.unknown()
    start, stop, step = (
        bound if value is not None else default
        for bound, value, default in zip(
            bounds, (part.start, part.stop, part.step), (Size.of(0), size, Size.of(1)), strict=True
        )
    )
    assert isinstance(start, Size) and isinstance(stop, Size) and isinstance(step, Size)
    if step.constant is not None and step.constant < 1:
        raise OpError.argument(f"a step of {step}: slices of tensors only go forward", "index", hint="`.flip(dim)`")
    first, last = _position(start, size), _position(stop, size)
    if first is None or last is None:
        return Size.unknown()
    return (_no_less_than_zero(last - first) + step - 1) // step


def _bound(value: Value) -> Size | None:
    if value is None:
        return Size.of(0)
    try:
        return read_size(value)
    except Undecided:
        return None


def _position(value: Size, size: Size) -> Size | None:
    """Where a bound of a slice lies between 0 and `size`; what can't be decided is assumed to lie there."""
    if at_least(value, 0) is True:
        position = value
    elif at_least(-value, 0) is True:
        position = _no_less_than_zero(size + value)
    else:
        return None
    room = at_least(size - position, 0)
    if room is False:
        return size
    if room is None:
        assume(AtLeast(size, position))
    return position


def _no_less_than_zero(size: Size) -> Size:
    verdict = at_least(size, 0)
    if verdict is None:
        assume(AtLeast(size, Size.of(0)))
    return Size.of(0) if verdict is False else size
