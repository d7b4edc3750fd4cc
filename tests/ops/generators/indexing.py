"""Indices of every kind, read and written."""

from __future__ import annotations

from typing import Any

from shapecheck.core.tensors import Slice
from tests.ops.differential import Call, Draw, T, call, cases


def bound(g: Draw) -> int | None:
    return None if g.chance(0.35) else g.randint(-4, 6)


def slice_(g: Draw) -> Slice:
    return Slice() if g.chance(0.4) else Slice(bound(g), bound(g), g.choice([None, None, None, 1, 2, 3]))


def picked(g: Draw, size: int, shape: tuple[int, ...]) -> T:
    """An index tensor that broadcasts with `shape`, its values in range."""
    shape = g.broadcastable(shape) if shape != (1,) else shape
    return T(shape if size else (0,), g.dtype("int64 int64 int32"), high=max(size, 1))


def item(g: Draw, shape: tuple[int, ...], dim: int, common: tuple[int, ...]) -> tuple[Any, int]:
    """An item for the dims from `dim` on, and how many it uses."""
    size = shape[dim]
    match g.randrange(12):
        case 0 | 1 | 2:
            return slice_(g), 1
        case 3 | 4:
            return (g.randint(-size, size - 1) if size and g.chance(0.95) else g.randint(-3, 3)), 1
        case 5:
            return None, 0
        case 6 | 7 | 8 if size or common != (1,):
            return picked(g, size, common), 1
        case 9 if common != (1,):
            return [g.randrange(size) for _ in range(g.randint(1, 3))] if size else [], 1
        case 9 | 10:
            count = g.randint(1, len(shape) - dim)
            return T(g.corrupt(shape[dim : dim + count], 0.1), "bool"), count
        case _ if not size:
            return slice_(g), 1
        case _:
            return (g.chance(0.5), 0) if g.chance(0.2) and common != (1,) else (T((), "int64", high=max(size, 1)), 1)


def index(g: Draw, shape: tuple[int, ...]) -> Any:
    items: list[Any] = []
    dim, common, masked = 0, g.shape(0, 2), False
    if g.chance(0.4):
        common, masked = (1,), True  # how many elements a mask picks is for its values to say
    dots = g.chance(0.3)
    inside = dots and g.chance(0.5)
    while dim < len(shape) and (inside or g.chance(0.8)):
        one, used = item(g, shape, dim, common)
        if isinstance(one, T) and one.dtype == "bool":
            if not masked:
                continue
            masked = False
        items.append(one)
        dim += used
    if dots:
        items.insert(g.randint(0, len(items)) if inside else len(items), ...)
    if g.chance(0.03):
        items.append(0)
    return items[0] if len(items) == 1 and g.chance(0.8) and not isinstance(items[0], list) else tuple(items)


@cases("operator.getitem Tensor.__getitem__", open_sizes=True)
def getitem(g: Draw) -> Call:
    x = g.tensor("float32 int64", most=5)
    return call(x, index(g, x.shape))


@cases("operator.setitem Tensor.__setitem__")
def setitem(g: Draw) -> Call:
    x = g.tensor("float32", most=4)
    items = tuple(slice_(g) if g.chance(0.6) else g.randint(-size, size - 1) for size in x.shape if size)
    items = items[: g.randint(0, len(items))]
    if 0 in x.shape or g.chance(0.3):
        return call(x, index(g, x.shape), 1.0)
    return call(
        x, items, T(g.broadcastable(tuple(g.positive() for _ in x.shape)) if g.chance(0.3) else selected(g, x, items))
    )


def selected(g: Draw, x: T, items: tuple[Any, ...]) -> tuple[int, ...]:
    """What the items select, or something that broadcasts into it."""
    sizes = []
    for size, part in zip(x.shape, (*items, *[Slice()] * (len(x.shape) - len(items))), strict=True):
        if isinstance(part, Slice):
            sizes.append(len(range(*slice(part.start, part.stop, part.step).indices(size))))
    return g.broadcastable(sizes)
