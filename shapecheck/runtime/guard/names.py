"""Rule `dims`: the names of a contract's annotations travel with its tensors, and two different ones may not line up.

    images: Float[Tensor, "n c h w"], scale: Float[Tensor, "n"]        images * scale

The sizes fit whenever n == w, so no rule of shapes can know; the names do. What an operation does to the names stands
in two tables: here for those that line operands up (pointwise, losses, products), in `named_views` for those that
rearrange one tensor. Anything else forgets them, and a dim without a name (size 1, a number, an expression, ``...``)
goes with any other: the rule speaks only where both sides are certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from shapecheck.core.errors import BroadcastError
from shapecheck.runtime.guard import ops
from shapecheck.runtime.guard.active import Active
from shapecheck.runtime.guard.calls import Arguments, Keywords, Op, tensors_of
from shapecheck.runtime.guard.named_views import Names, names_after_view
from shapecheck.runtime.guard.report import Operand, expression_of, operands_at, report
from shapecheck.runtime.guard.site import site

PRODUCTS: frozenset[Op] = frozenset(
    [op for name in ("matmul", "mm", "bmm", "mv", "dot", "__matmul__", "__rmatmul__") for op in ops.spellings(name)]
)

Pair = tuple[Tensor, int, Tensor, int]
"""Two dims that an operation lines up, each as its tensor and its index from the end."""


def check(active: Active, op: Op, args: Arguments, kwargs: Keywords) -> None:
    """Look for two named dims that don't belong together."""
    if not active.names:
        return
    for pair in _aligned(op, args, kwargs):
        one, i, other, j = pair
        mine, theirs = _name(active, one, i), _name(active, other, j)
        if mine and theirs and mine != theirs and one.shape[i] == other.shape[j] != 1:
            _found(active, op, args, pair, mine, theirs)


def carry(active: Active, op: Op, args: Arguments, kwargs: Keywords, result: Any) -> None:
    """Name the dims of what an operation made, as far as they are certain."""
    if not active.names:
        return
    for tensor in result if isinstance(result, tuple) else (result,):
        if isinstance(tensor, Tensor) and tensor.ndim:
            names = _names_after(active, op, args, kwargs, tensor)
            if names is not None and len(names) == tensor.ndim and any(names):
                active.names.put(tensor, names)
            else:
                active.names.drop(tensor)


def _names_after(active: Active, op: Op, args: Arguments, kwargs: Keywords, result: Tensor) -> Names | None:
    if op in PRODUCTS:
        return _product_names(active, args, kwargs)
    if op is F.linear:
        names = active.names.get(args[0]) if isinstance(args[0], Tensor) else None
        return (*names[:-1], None) if names else None
    if op in ops.POINTWISE or op in ops.IN_PLACE:
        tensors = tensors_of(args, kwargs)
        if len(tensors) > 1 or op not in ops.REDUCTION:
            return _merged(active, tensors, result)
    source = args[0] if args else kwargs.get("input")
    names = active.names.get(source) if isinstance(source, Tensor) else None
    if names is None or not isinstance(source, Tensor) or len(names) != source.ndim:
        return None
    if op in ops.SAME_SHAPE:
        return names if source.shape == result.shape else None
    return names_after_view(op, names, source, args, kwargs, result)


def _aligned(op: Op, args: Arguments, kwargs: Keywords) -> Sequence[Pair]:
    """The dims that the operation lines up."""
    tensors = tensors_of(args, kwargs)
    if op in PRODUCTS or op is F.linear:
        return _aligned_in_product(op, tensors[:2])
    if op in ops.LOSS:
        tensors = tensors[:2]
    return [
        (one, -1 - place, other, -1 - place)
        for one, other in combinations(tensors, 2)
        for place in range(min(one.ndim, other.ndim))
    ]


def _aligned_in_product(op: Op, tensors: Sequence[Tensor]) -> Sequence[Pair]:
    if len(tensors) < 2:
        return ()
    one, other = tensors
    if op is torch.Tensor.__rmatmul__:
        one, other = other, one
    if not one.ndim or not other.ndim:
        return ()
    contracted = -1 if op is F.linear or other.ndim == 1 else -2
    batches = range(3, min(one.ndim, other.ndim) + 1) if op is not F.linear else ()
    return [(one, -1, other, contracted), *((one, -place, other, -place) for place in batches)]


def _name(active: Active, tensor: Tensor, dim: int) -> str | None:
    names = active.names.get(tensor)
    return names[dim] if names is not None and len(names) == tensor.ndim else None


def _merged(active: Active, tensors: Sequence[Tensor], result: Tensor) -> Names:
    """The names of stretched operands: each dim takes the name of an operand that isn't stretched there."""
    merged: list[str | None] = [None] * result.ndim
    for tensor in tensors:
        for place in range(1, tensor.ndim + 1):
            if place <= result.ndim and tensor.shape[-place] == result.shape[-place]:
                merged[-place] = merged[-place] or _name(active, tensor, -place)
    return tuple(merged)


def _product_names(active: Active, args: Arguments, kwargs: Keywords) -> Names | None:
    tensors = tensors_of(args, kwargs)
    if len(tensors) != 2 or min(tensor.ndim for tensor in tensors) < 2:
        return None
    one, other = tensors
    rank = max(one.ndim, other.ndim)
    batch = [_name_of_batch(active, tensors, place) for place in range(rank, 2, -1)]
    return (*batch, _name(active, one, -2), _name(active, other, -1))


def _name_of_batch(active: Active, tensors: Sequence[Tensor], place: int) -> str | None:
    whole = (tensor for tensor in tensors if tensor.ndim >= place and tensor.shape[-place] != 1)
    return next((name for tensor in whole if (name := _name(active, tensor, -place))), None)


def _found(active: Active, op: Op, args: Arguments, pair: Pair, mine: str, theirs: str) -> None:
    where = site()
    if where is None:
        return
    one, i, other, _ = pair
    first, second = operands_at(where, active, args, (one, other))
    if len(first.shape) < len(second.shape):
        first, second, mine, theirs = second, first, theirs, mine
    report(
        active,
        BroadcastError,
        "dims",
        where,
        f"{expression_of(where, op)}: dim `{theirs}` of {second.label} lines up with dim `{mine}` of {first.label}, "
        f"both {one.shape[i]}",
        (first, second),
        _fix(first, second, mine, theirs),
        names=(mine, theirs),
    )


def _fix(first: Operand, second: Operand, mine: str, theirs: str) -> str:
    """The index that puts the second operand's dims below their namesakes, if it has all of them in order."""
    ours, wanted = first.names.split(), second.names.split()
    present = [name for name in ours if name in wanted]
    if wanted and present == wanted and second.text:
        index = ", ".join(":" if name in wanted else "None" for name in ours[ours.index(wanted[0]) :])
        return f"`{second.text}[{index}]`"
    return f"rearrange one of them so that namesakes line up; if `{mine}` and `{theirs}` are one dim, give it one name"
