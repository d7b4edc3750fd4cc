"""What the rules are written with: dims counted from the end, sizes that must agree, shapes broadcast together.

A rule rejects only what is certainly wrong: a comparison that can't be decided passes and leaves a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import zip_longest

from shapecheck.core.equality import compare, equal
from shapecheck.core.ops.errors import AtLeast, Equal, OpError, assume
from shapecheck.core.sizes import Size, at_least, symbols
from shapecheck.core.tensors import Shape, TensorValue

__all__ = [
    "agree",
    "broadcast",
    "broadcast_shapes",
    "dim_index",
    "dim_indices",
    "drop",
    "in_range",
    "is_one",
    "no_more_than",
    "product",
    "replace",
    "shape_text",
    "the_more_definite",
]


def dim_index(dim: int, rank: int, parameter: str = "dim", *, scalar: bool = True) -> int:
    """`dim` counted from 0; where `scalar`, a tensor without dims has the dims 0 and -1, as in most of torch."""
    count = max(rank, 1) if scalar else rank
    if not -count <= dim < count:
        span = f"{-count} to {count - 1}" if count else "none"
        reason = f"`{parameter}` {dim} is out of range for rank {rank} (dims {span})"
        raise OpError.argument(reason, parameter)
    return dim % count


def dim_indices(dims: Sequence[int], rank: int, parameter: str = "dim", *, scalar: bool = True) -> tuple[int, ...]:
    """`dims` counted from 0, none of them twice."""
    indices = tuple(dim_index(dim, rank, parameter, scalar=scalar) for dim in dims)
    for position, index in enumerate(indices):
        if index in indices[:position]:
            raise OpError.argument(f"dim {index} stands twice in `{parameter}`", parameter)
    return indices


def drop(shape: Shape, dims: Iterable[int]) -> Shape:
    """`shape` without some dims."""
    gone = set(dims)
    return tuple(size for index, size in enumerate(shape) if index not in gone)


def replace(shape: Shape, dim: int, *sizes: Size | int) -> Shape:
    """`shape` with other sizes in the place of one dim."""
    return (*shape[:dim], *map(Size.of, sizes), *shape[dim + 1 :])


def product(sizes: Iterable[Size]) -> Size:
    """The number of elements."""
    return reduce(Size.__mul__, sizes, Size.of(1))


def is_one(size: Size) -> bool:
    """Whether a size is certainly 1."""
    return size.constant == 1


def the_more_definite(left: Size, right: Size) -> Size:
    """Of two sizes that are equal, the one that says more: a number, then rigid names, then the rest."""

    def vagueness(size: Size) -> int:
        return 0 if size.constant is not None else 1 + any(not symbol.rigid for symbol in symbols(size))

    return right if vagueness(right) < vagueness(left) else left


def agree(left: Size, right: Size, error: OpError) -> Size:
    """The size that both are.

    Raises:
        OpError: `error`, where they certainly differ.
    """
    verdict = compare(left, right)
    if verdict.equal is False:
        raise error
    for condition in sorted(verdict.given, key=str):
        assume(condition)
    if verdict.equal is None:
        assume(Equal(left, right))
    return the_more_definite(left, right)


def no_more_than(size: Size, most: Size, error: OpError) -> None:
    """Raise `error` where `size` is certainly above `most`; assume that it isn't where that can't be told."""
    verdict = at_least(most - size, 0)
    if verdict is False:
        raise error
    if verdict is None:
        assume(AtLeast(most, size))


def in_range(index: Size, size: Size, dim: int) -> None:
    """Refuse an index that is certainly outside of a dim."""
    reason = f"index {index} is out of range for dim {dim} of `input`, which is {size}"
    error = OpError.at(reason, ("input", dim, size))
    if index.constant is not None and index.constant < 0:
        no_more_than(-index, size, error)
    else:
        no_more_than(index + 1, size, error)


def shape_text(shape: Shape) -> str:
    """``(b, 3)``, as Python writes a tuple."""
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"


def broadcast(tensors: Sequence[tuple[str, TensorValue]]) -> Shape:
    """The common shape of some operands with their parameters' names, by torch's rules of broadcasting."""
    return broadcast_shapes([(name, tensor.dims) for name, tensor in tensors])


def broadcast_shapes(operands: Sequence[tuple[str, Shape]]) -> Shape:
    """`broadcast` of bare shapes."""
    name, shape = operands[0] if operands else ("", ())
    for other_name, other in operands[1:]:
        shape = _broadcast_pair(name, shape, other_name, other)
    return shape


def _broadcast_pair(name: str, left: Shape, other_name: str, right: Shape) -> Shape:
    sizes = []
    for back, (a, b) in enumerate(zip_longest(reversed(left), reversed(right)), start=1):
        if a is None or b is None or a == b:
            sizes.append(b if a is None else a)
        elif is_one(a) or is_one(b):
            sizes.append(b if is_one(a) else a)
        else:
            sizes.append(_stretch(a, b) or agree(a, b, _mismatch(name, left, other_name, right, back)))
    return tuple(reversed(sizes))


def _stretch(a: Size, b: Size) -> Size | None:
    """The size of the result where one of two sizes may turn out to be 1; None where that is ruled out."""
    unsure = [size for size in (a, b) if equal(size, 1) is None]
    if not unsure or equal(a, b) is not None:
        return None
    if len(unsure) == 1:
        return b if unsure[0] is a else a
    return Size.unknown()


def _mismatch(name: str, left: Shape, other_name: str, right: Shape, back: int) -> OpError:
    dims = (len(left) - back, len(right) - back)
    sizes = (left[-back], right[-back])
    reason = (
        f"dim {dims[0]} of `{name}` {shape_text(left)} is {sizes[0]}, "
        f"but dim {dims[1]} of `{other_name}` {shape_text(right)} is {sizes[1]}"
    )
    hint = _broadcast_hint(name, left, other_name, right)
    return OpError.at(reason, (name, dims[0], sizes[0]), (other_name, dims[1], sizes[1]), hint=hint)


def fits(left: Shape, right: Shape) -> bool:
    """Whether two shapes certainly broadcast."""
    pairs = zip_longest(reversed(left), reversed(right))
    return all(a is None or b is None or is_one(a) or is_one(b) or equal(a, b) is True for a, b in pairs)


def _broadcast_hint(name: str, left: Shape, other_name: str, right: Shape) -> str:
    """The one dim of size 1, or the transposition, that would make two shapes fit."""
    short_name, short, long = (name, left, right) if len(left) < len(right) else (other_name, right, left)
    if len(left) == len(right):
        for who, shape, other in ((name, left, right), (other_name, right, left)):
            if len(shape) > 1 and fits((*shape[:-2], shape[-1], shape[-2]), other):
                return f"`{who}` with its last two dims swapped (`.mT`) would fit"
        return ""
    for dim in range(len(short), 0, -1):
        wider = (*short[:dim], Size.of(1), *short[dim:])
        if len(wider) <= len(long) and fits(wider, long):
            return f"`{short_name}` needs a dim of size 1: keepdim=True where it was reduced, or .unsqueeze({dim})"
    missing = len(long) - len(short)
    if missing > 1 and fits((*short, *[Size.of(1)] * missing), long):
        return f"`{short_name}[{', '.join(['...', *['None'] * missing])}]` would fit"
    return ""
