"""Rule `dims`: what operations that rearrange one tensor do to the names of its dims, and reshapes that permute them.

    permute, transpose, t, .T, .mT     the same names, moved
    unsqueeze, squeeze, x[:, None, 0]  names added (None), dropped, kept where the size is kept
    expand                             names kept where nothing is stretched
    reshape, view, flatten             names kept where a dim stays whole
    reductions                         dropped, or None with keepdim

`x.view(b, t, h * d)` of a tensor "b h t d" keeps every number and mixes up what they mean: the new dims are those of
the old ones in another order. It is reported where that is certain: every dim involved has a name, all sizes differ,
and the new shape can only be read as the old one permuted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations
from math import prod
from typing import Any

from torch import Tensor

from shapecheck.core.errors import ShapeError
from shapecheck.runtime.guard import ops
from shapecheck.runtime.guard.active import Active
from shapecheck.runtime.guard.calls import Arguments, Keywords, Op, name_of
from shapecheck.runtime.guard.keepdim import reduced_dims
from shapecheck.runtime.guard.report import expression_of, operands_at, report
from shapecheck.runtime.guard.site import site

Names = tuple[str | None, ...]
Segment = tuple[range, range]

RESHAPES: frozenset[Op] = frozenset(op for name in ("reshape", "view") for op in ops.spellings(name))
VIEWS: frozenset[Op] = (
    frozenset(
        op
        for name in """permute transpose t swapaxes swapdims unsqueeze squeeze expand expand_as broadcast_to flatten
                       unflatten view_as reshape_as __getitem__""".split()
        for op in ops.spellings(name)
    )
    | RESHAPES
    | frozenset(ops.REDUCTION)
    | {Tensor.T.__get__, Tensor.mT.__get__}  # type: ignore[attr-defined]
)
_MT = Tensor.mT.__get__  # type: ignore[attr-defined]


def names_after_view(
    op: Op, names: Names, source: Tensor, args: Arguments, kwargs: Keywords, result: Tensor
) -> Names | None:
    """The names of `result`, or None where they aren't certain."""
    if op in ops.REDUCTION:
        return _after_reduction(op, names, source, args, kwargs, result)
    rank = source.ndim
    match name_of(op), args[1:]:
        case (("transpose" | "swapaxes" | "swapdims"), (int(one), int(other))):
            return _swapped(names, one % rank, other % rank)
        case (("t" | "__get__"), _) if rank == 2 or op == _MT:
            return _swapped(names, rank - 2, rank - 1)
        case "permute", order:
            dims = order[0] if len(order) == 1 and isinstance(order[0], tuple | list) else order
            return tuple(names[dim] for dim in dims) if len(dims) == rank else None
        case "unsqueeze", (int(dim),):
            return _inserted(names, dim % (rank + 1))
        case "squeeze", (int(dim),):
            return names if result.ndim == rank else _without(names, {dim % rank})
        case "squeeze", ():
            return _without(names, {dim for dim, size in enumerate(source.shape) if size == 1})
        case (("expand" | "expand_as" | "broadcast_to"), _):
            kept = tuple(
                name if size == new else None
                for name, size, new in zip(names, source.shape, result.shape[result.ndim - rank :], strict=True)
            )
            return (None,) * (result.ndim - rank) + kept
        case (("reshape" | "view" | "flatten" | "unflatten" | "view_as" | "reshape_as"), _):
            return _after_reshape(names, tuple(source.shape), tuple(result.shape))
        case "__getitem__", (index,):
            return _indexed(names, source, index, result)
    return None


def check_reshape(active: Active, op: Op, args: Arguments, kwargs: Keywords, result: Any) -> None:
    """Look for a reshape whose new dims are the old ones in another order."""
    source = args[0] if args else kwargs.get("input")
    if not active.names or not isinstance(source, Tensor) or not isinstance(result, Tensor):
        return
    names = active.names.get(source)
    if names is None or len(names) != source.ndim:
        return
    for old, new in _segments(tuple(source.shape), tuple(result.shape)):
        order = _permutation([source.shape[dim] for dim in old], [result.shape[dim] for dim in new])
        if order is not None and all(names[dim] for dim in old):
            _found(active, op, args, source, tuple(result.shape), [dim + old.start for dim in order], old)
            return


def _after_reduction(
    op: Op, names: Names, source: Tensor, args: Arguments, kwargs: Keywords, result: Tensor
) -> Names | None:
    dims = reduced_dims(ops.REDUCTION[op], args, kwargs, source.ndim)
    if not dims:
        return None
    if result.ndim == source.ndim:
        return tuple(None if dim in dims else name for dim, name in enumerate(names))
    return _without(names, set(dims))


def _swapped(names: Names, one: int, other: int) -> Names:
    moved = list(names)
    moved[one], moved[other] = moved[other], moved[one]
    return tuple(moved)


def _inserted(names: Names, at: int) -> Names:
    return (*names[:at], None, *names[at:])


def _without(names: Names, gone: set[int]) -> Names:
    return tuple(name for dim, name in enumerate(names) if dim not in gone)


def _indexed(names: Names, source: Tensor, index: object, result: Tensor) -> Names | None:
    """Names after `x[index]`, for integers, slices, None and ``...``; any other index rearranges too freely."""
    parts = list(index) if isinstance(index, tuple) else [index]
    if not all(part is None or part is Ellipsis or type(part) in (int, slice) for part in parts):
        return None
    taken = sum(part is not None and part is not Ellipsis for part in parts)
    if Ellipsis not in parts:
        parts.append(Ellipsis)
    at = parts.index(Ellipsis)
    parts[at : at + 1] = [slice(None)] * (source.ndim - taken)
    remaining = iter(enumerate(names))
    after: list[str | None] = []
    for part in parts:
        if part is None:
            after.append(None)
            continue
        dim, name = next(remaining)
        if isinstance(part, slice):
            whole = len(after) < result.ndim and result.shape[len(after)] == source.shape[dim]
            after.append(name if whole else None)
    return tuple(after)


def _after_reshape(names: Names, old: Sequence[int], new: Sequence[int]) -> Names:
    after: list[str | None] = [None] * len(new)
    for before, now in _segments(old, new):
        if len(before) == len(now) == 1:
            after[now.start] = names[before.start]
    return tuple(after)


def _segments(old: Sequence[int], new: Sequence[int]) -> Iterator[Segment]:
    """The shortest runs of old and new dims that hold the same elements; nothing for shapes with a 0."""
    if 0 in old or 0 in new or prod(old) != prod(new):
        return
    i = j = 0
    while i < len(old) and j < len(new):
        first, second = i, j
        size, other = old[i], new[j]
        i, j = i + 1, j + 1
        while size != other:
            if size < other:
                size, i = size * old[i], i + 1
            else:
                other, j = other * new[j], j + 1
        yield range(first, i), range(second, j)


def _permutation(old: Sequence[int], new: Sequence[int]) -> tuple[int, ...] | None:
    """The order of the old dims that `new` must be read as, if it is one other than their own and the only one."""
    if len(old) < 2 or len(new) < 2 or len(old) > 5 or len(set(old)) < len(old) or 1 in old:
        return None
    orders = [order for order in permutations(range(len(old))) if _is_merged(order, old, new)]
    return orders[0] if len(orders) == 1 and orders[0] != tuple(range(len(old))) else None


def _is_merged(order: Sequence[int], old: Sequence[int], new: Sequence[int]) -> bool:
    """Whether each of `new` is one of the old dims in this order, or a run of them that kept their own order."""
    return all(
        len(after) == 1 and list(order[run.start : run.stop]) == sorted(order[run.start : run.stop])
        for run, after in _segments([old[dim] for dim in order], new)
    )


def _found(
    active: Active, op: Op, args: Arguments, source: Tensor, shape: tuple[int, ...], order: Sequence[int], old: range
) -> None:
    where = site()
    names = active.names.get(source)
    if where is None or names is None:
        return
    (operand,) = operands_at(where, active, args, (source,))
    dims = [*range(old.start), *order, *range(old.stop, source.ndim)]
    wanted = " ".join(names[dim] or "_" for dim in dims)
    report(
        active,
        ShapeError,
        "dims",
        where,
        f'{expression_of(where, op)}: {shape} takes "{operand.names}" for "{wanted}" without moving the elements',
        (operand,),
        f"move them first: `{operand.text or 'x'}.permute({', '.join(map(str, dims))})`",
        names=names,
    )
