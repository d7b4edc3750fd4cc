"""einops: rearrange, reduce, repeat, pack and unpack, with the patterns of `patterns`."""

from __future__ import annotations

from collections.abc import Mapping

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.joining import stack
from shapecheck.core.ops.patterns import ELLIPSIS, Pattern, Side, bind_groups, names_of, parse_pattern, result_of
from shapecheck.core.ops.promotion import accumulated, promote
from shapecheck.core.ops.readers import Tensors, read_sizes, read_tensors
from shapecheck.core.ops.shapes import agree, no_more_than, product, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import UNKNOWN, Repeated, Shape, TensorValue, Undecided, Value

__all__ = ["rearranged"]


@rule("einops.rearrange", kind="view")
def rearrange(tensor: Value, pattern: str, **axes_lengths: Value) -> TensorValue:
    """Dims in another order, split and merged; every name stands on both sides."""
    return rearranged(tensor, pattern, axes_lengths)


def rearranged(tensor: Value, pattern: str, axes_lengths: Mapping[str, Value]) -> TensorValue:
    parsed = parse_pattern(pattern)
    _refuse_numbers(parsed, pattern)
    left, right = set(names_of(parsed.left)), set(names_of(parsed.right))
    odd = sorted(left ^ right)
    if odd:
        raise OpError.argument(f"`{odd[0]}` stands on only one side of {pattern!r}", "pattern")
    return _transformed(_one_tensor(tensor), parsed, pattern, axes_lengths)


@rule("einops.reduce", kind="reduction")
def reduce(tensor: Value, pattern: str, reduction: Value, **axes_lengths: Value) -> TensorValue:
    """Names that stand only on the left are reduced."""
    parsed = parse_pattern(pattern)
    _require_on_the_left(parsed, set(names_of(parsed.right)), pattern)
    input = _one_tensor(tensor)
    result = _transformed(input, parsed, pattern, axes_lengths)
    shape_only = left_only(parsed) and reduction in ("sum", "prod")
    return TensorValue(result.shape, accumulated(input.dtypes) if shape_only else input.dtypes)


def left_only(pattern: Pattern) -> bool:
    """Whether anything is reduced."""
    return bool(set(names_of(pattern.left)) - set(names_of(pattern.right)))


def _require_on_the_left(parsed: Pattern, names: set[str], pattern: str) -> None:
    missing = sorted(name for name in names - set(names_of(parsed.left)))
    if missing:
        raise OpError.argument(f"`{missing[0]}` stands only on the right side of {pattern!r}", "pattern")


@rule("einops.repeat", kind="other")
def repeat(tensor: Value, pattern: str, **axes_lengths: Value) -> TensorValue:
    """Names that stand only on the right are new and need a size."""
    parsed = parse_pattern(pattern)
    left, right = set(names_of(parsed.left)), set(names_of(parsed.right))
    lost = sorted(name for name in left - right)
    if lost:
        raise OpError.argument(f"`{lost[0]}` stands only on the left side of {pattern!r}", "pattern")
    new = [name for name in right - left if not name.isdecimal() and name not in axes_lengths]
    if new:
        raise OpError.argument(f"`{sorted(new)[0]}` in {pattern!r} needs a size", "pattern")
    return _transformed(_one_tensor(tensor), parsed, pattern, axes_lengths)


def _one_tensor(value: Value) -> TensorValue:
    """A list of tensors counts as their stack."""
    if value == UNKNOWN:
        return TensorValue(None)
    return value if isinstance(value, TensorValue) else stack(read_tensors(value))


def _refuse_numbers(parsed: Pattern, pattern: str) -> None:
    numbers = [name for name in names_of((*parsed.left, *parsed.right)) if name.isdecimal()]
    if numbers:
        raise OpError.argument(f"{pattern!r} has the anonymous size {numbers[0]}", "pattern")


def _transformed(input: TensorValue, parsed: Pattern, pattern: str, axes_lengths: Mapping[str, Value]) -> TensorValue:
    names = {*names_of(parsed.left), *names_of(parsed.right)}
    unused = sorted(axes_lengths.keys() - names)
    if unused:
        raise OpError.argument(f"`{unused[0]}` has a size but isn't in {pattern!r}", unused[0])
    if ELLIPSIS in set(names_of(parsed.right)) - set(names_of(parsed.left)):
        raise OpError.argument(f"`...` stands only on the right side of {pattern!r}", "pattern")
    sizes = {name: _as_size(value) for name, value in axes_lengths.items()}
    bound = bound_names(parsed.left, input.shape, sizes, pattern)
    return TensorValue(result_of(parsed.right, bound), input.dtypes)


def bound_names(groups: Side, shape: Shape | None, sizes: Mapping[str, Size], pattern: str) -> Mapping[str, Shape]:
    """The sizes of the left side's names; of an unknown shape those that aren't given are unknown."""
    if shape is not None:
        return bind_groups(groups, shape, sizes, "tensor", pattern)
    if ELLIPSIS in names_of(groups):
        raise Undecided
    return {name: (sizes[name] if name in sizes else Size.unknown(),) for name in (*names_of(groups), *sizes)}


def _as_size(value: Value) -> Size:
    return Size.of(value) if isinstance(value, Size | int) else Size.unknown()


# --- pack and unpack -------------------------------------------------------------------------------------------


def _around_star(pattern: str) -> tuple[int, int]:
    """How many dims stand before and behind the ``*``."""
    words = pattern.split()
    if words.count("*") != 1 or not all(word == "*" or word.isidentifier() for word in words):
        raise OpError.argument(f"{pattern!r} is no pattern: names and one `*`", "pattern")
    return words.index("*"), len(words) - words.index("*") - 1


@rule("einops.pack", kind="join")
def pack(tensors: Tensors, pattern: str) -> Value:
    """The dims of ``*`` flattened and laid end to end; the second result says how to unpack them."""
    before, after = _around_star(pattern)
    if isinstance(tensors, Repeated):
        return _pack_alike(tensors, before, after)
    if not tensors:
        raise OpError.empty("tensors")
    packed: list[Shape] = []
    total = Size.of(0)
    outside: Shape | None = None
    for index, one in enumerate(tensors):
        own, star = _split_at_star(one, before, after, f"tensors[{index}]", pattern)
        outside = own if outside is None else _same_outside(outside, own, index, pattern)
        packed.append(star)
        total += product(star)
    assert outside is not None
    shape = (*outside[:before], total, *outside[before:])
    return (TensorValue(shape, promote(TensorValue((total,), one.dtypes) for one in tensors)), list(packed))


def _pack_alike(tensors: Repeated, before: int, after: int) -> Value:
    if not isinstance(tensors.element, TensorValue):
        raise Undecided
    own, star = _split_at_star(tensors.element, before, after, "tensors[0]", "*")
    shape = (*own[:before], product(star) * tensors.length, *own[before:])
    return (TensorValue(shape, tensors.element.dtypes), Repeated(star, tensors.length))


def _split_at_star(one: TensorValue, before: int, after: int, name: str, pattern: str) -> tuple[Shape, Shape]:
    """The dims outside of the star, and those that it stands for."""
    if one.rank < before + after:
        reason = f"`{name}` {shape_text(one.dims)} has too few dims for {pattern!r}"
        raise OpError.at(reason, (name, None, None))
    end = one.rank - after
    return (*one.dims[:before], *one.dims[end:]), one.dims[before:end]


def _same_outside(left: Shape, right: Shape, index: int, pattern: str) -> Shape:
    reason = f"`tensors[0]` and `tensors[{index}]` differ outside of `*` in {pattern!r}"
    return tuple(
        agree(a, b, OpError(f"{reason}: {a} and {b}", operands=("tensors[0]", f"tensors[{index}]"), sizes=(a, b)))
        for a, b in zip(left, right, strict=True)
    )


@rule("einops.unpack", kind="split")
def unpack(tensor: TensorValue, packed_shapes: Value, pattern: str) -> Value:
    """The other way round; one size may be -1."""
    before, after = _around_star(pattern)
    if tensor.rank != before + 1 + after:
        reason = f"`tensor` {shape_text(tensor.dims)} must have {before + 1 + after} dims for {pattern!r}"
        raise OpError.at(reason, ("tensor", None, None))
    if isinstance(packed_shapes, Repeated):
        star = read_sizes(packed_shapes.element)
        shape = (*tensor.dims[:before], *star, *tensor.dims[before + 1 :])
        return Repeated(TensorValue(shape, tensor.dtypes), packed_shapes.length)
    if not isinstance(packed_shapes, tuple | list):
        raise Undecided
    stars = _without_minus_one([read_sizes(star) for star in packed_shapes], tensor.dims[before])
    return [TensorValue((*tensor.dims[:before], *star, *tensor.dims[before + 1 :]), tensor.dtypes) for star in stars]


def _without_minus_one(stars: list[Shape], total: Size) -> list[Shape]:
    """The packed shapes with the one -1 solved."""
    opened = [index for index, star in enumerate(stars) if any(size == -1 for size in star)]
    if len(opened) > 1:
        raise Undecided
    known = sum((product(star) for index, star in enumerate(stars) if index not in opened), Size.of(0))
    if not opened:
        reason = f"the packed shapes have {known} elements, but the packed dim is {total}"
        agree(total, known, OpError(reason, operands=("tensor",), sizes=(total, known)))
        return stars
    reason = f"the other packed shapes have {known} elements, but the packed dim is {total}"
    no_more_than(known, total, OpError(reason, operands=("tensor",), sizes=(total, known)))
    star = stars[opened[0]]
    rest = product(size for size in star if size != -1)
    solved = tuple((total - known) // rest if size == -1 else size for size in star)
    return [solved if index == opened[0] else one for index, one in enumerate(stars)]
