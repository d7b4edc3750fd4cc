"""One tensor to several, or to one part of it: split, chunk, unbind, select, narrow."""

from __future__ import annotations

from shapecheck.core.equality import Divides, equal
from shapecheck.core.ops.errors import OpError, assume
from shapecheck.core.ops.readers import read_sizes
from shapecheck.core.ops.shapes import (
    agree,
    dim_index,
    drop,
    in_range,
    no_more_than,
    replace,
    shape_text,
)
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import Repeated, Shape, TensorValue, Undecided, Value


@rule("split", kind="split")
def split(input: TensorValue, split_size: Value, dim: int = 0) -> Value:
    """Parts of one size, the last of which may be smaller, or of the sizes listed."""
    index = dim_index(dim, input.rank, scalar=False)
    match split_size:
        case Size() | int():
            return _equal_parts(input, index, Size.of(split_size))
        case tuple() | list():
            return _listed_parts(input, index, read_sizes(split_size))
    raise Undecided


@rule("Tensor.split_with_sizes torch.split_with_sizes", kind="split")
def split_with_sizes(input: TensorValue, split_sizes: Value, dim: int = 0) -> Value:
    return _listed_parts(input, dim_index(dim, input.rank, scalar=False), read_sizes(split_sizes))


def _listed_parts(input: TensorValue, dim: int, sizes: Shape) -> Value:
    own, total = input.dims[dim], sum(sizes, Size.of(0))
    reason = (
        f"the parts {shape_text(sizes)} add up to {total}, but dim {dim} of `input` {shape_text(input.dims)} is {own}"
    )
    agree(own, total, OpError.at(reason, ("input", dim, own)))
    return tuple(TensorValue(replace(input.dims, dim, size), input.dtypes) for size in sizes)


def _equal_parts(input: TensorValue, dim: int, size: Size) -> Value:
    own = input.dims[dim]
    if size.constant is not None and own.constant is not None:
        return _counted_parts(input, dim, own.constant, size.constant)
    count = (own // size).constant
    if equal(own, own // size * size) is True and count is not None:
        return (TensorValue(replace(input.dims, dim, size), input.dtypes),) * count
    assume(Divides(own, size))
    no_more_than(Size.of(1), own, OpError("there is no part"))
    return Repeated(TensorValue(replace(input.dims, dim, size), input.dtypes), own // size)


def _counted_parts(input: TensorValue, dim: int, own: int, size: int) -> Value:
    if size < 0 or (size == 0 and own):
        raise OpError.argument(f"`split_size` is {size}, but dim {dim} of `input` is {own}", "split_size")
    sizes = [min(size, own - start) for start in range(0, own, size)] if own else [0]
    return tuple(TensorValue(replace(input.dims, dim, part), input.dtypes) for part in sizes)


@rule("chunk", kind="split")
def chunk(input: TensorValue, chunks: int, dim: int = 0) -> Value:
    """At most so many parts; a symbolic size is taken to be divisible."""
    index = dim_index(dim, input.rank, scalar=False)
    own = input.dims[index]
    if chunks < 1:
        raise OpError.argument(f"`chunks` is {chunks}", "chunks")
    if own.constant is None:
        size = own // chunks
        assume(Divides(own, Size.of(chunks)))
        return (TensorValue(replace(input.dims, index, size), input.dtypes),) * chunks
    if own.constant == 0:
        return (TensorValue(input.shape, input.dtypes),) * chunks
    return _counted_parts(input, index, own.constant, -(-own.constant // chunks))


@rule("tensor_split", kind="split")
def tensor_split(input: TensorValue, indices_or_sections: Value, dim: int = 0) -> Value:
    """So many parts that differ by 1 at most, or cut at indices."""
    index = dim_index(dim, input.rank, scalar=False)
    own = input.dims[index]
    match indices_or_sections:
        case Size(constant=int() as sections) | int(sections):
            sizes = _near_equal(own, sections)
        case tuple() | list():
            cuts = [0, *(cut.constant if isinstance(cut, Size) else cut for cut in indices_or_sections)]
            if own.constant is None or not all(isinstance(cut, int) for cut in cuts):
                raise Undecided
            sizes = _between([cut for cut in cuts if isinstance(cut, int)], own.constant)
        case _:
            raise Undecided
    return tuple(TensorValue(replace(input.dims, index, size), input.dtypes) for size in sizes)


def _near_equal(own: Size, sections: int) -> list[Size]:
    if sections < 1:
        raise OpError.argument(f"the number of sections is {sections}", "indices_or_sections")
    if own.constant is None:
        agree(own, own // sections * sections, OpError("the parts differ in size"))
        return [own // sections] * sections
    return [Size.of(own.constant // sections + (index < own.constant % sections)) for index in range(sections)]


def _between(cuts: list[int], own: int) -> list[Size]:
    stops = [*cuts[1:], own]
    return [Size.of(len(range(*slice(start, stop).indices(own)))) for start, stop in zip(cuts, stops, strict=True)]


@rule("unbind", kind="split")
def unbind(input: TensorValue, dim: int = 0) -> Value:
    """The slices along `dim`, without it."""
    index = dim_index(dim, input.rank, scalar=False)
    part, count = TensorValue(drop(input.dims, (index,)), input.dtypes), input.dims[index]
    return Repeated(part, count) if count.constant is None else (part,) * count.constant


@rule("select", kind="view")
def select(input: TensorValue, dim: int, index: Size) -> TensorValue:
    """The slice at one index, without its dim."""
    at = dim_index(dim, input.rank, scalar=False)
    in_range(index, input.dims[at], at)
    return TensorValue(drop(input.dims, (at,)), input.dtypes)


@rule("narrow", kind="view")
def narrow(input: TensorValue, dim: int, start: Size, length: Size) -> TensorValue:
    """`length` slices from `start` on."""
    at = dim_index(dim, input.rank, scalar=False)
    own = input.dims[at]
    reason = f"start {start} and length {length} are out of range for dim {at} of `input`, which is {own}"
    error = OpError.at(reason, ("input", at, own))
    first = own + start if start.constant is not None and start.constant < 0 else start
    for least, most in ((Size.of(0), length), (Size.of(0), first), (first + length, own)):
        no_more_than(least, most, error)
    return TensorValue(replace(input.dims, at, length), input.dtypes)
