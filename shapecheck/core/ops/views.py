"""Another shape for the same elements: reshape, permute, squeeze, expand and their kin."""

from __future__ import annotations

from shapecheck.core.equality import equal
from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.promotion import dtype_named
from shapecheck.core.ops.readers import Dims, Sizes, read_any_size, read_size
from shapecheck.core.ops.shapes import (
    agree,
    dim_index,
    dim_indices,
    drop,
    is_one,
    product,
    replace,
    shape_text,
)
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size, at_least
from shapecheck.core.tensors import Shape, TensorValue, Undecided, Value

__all__ = ["permuted", "reshaped"]

# --- the same elements in the same order -----------------------------------------------------------------------


def reshaped(shape: Shape, target: Shape, operand: str = "input") -> Shape:
    """`shape` as `target`, in which one size may be -1.

    Raises:
        OpError: the number of elements certainly differs.
    """
    inferred = [index for index, size in enumerate(target) if size.constant == -1]
    if len(inferred) > 1:
        raise OpError.argument("only one size of a shape can be -1", "shape")
    if any(size.constant is not None and size.constant < -1 for size in target):
        raise OpError.argument(f"{shape_text(target)} has a negative size", "shape")
    error = _other_count(shape, target, operand)
    if not inferred:
        agree(product(shape), product(target), error)
        return target
    source, wanted = _without_common(shape, drop(target, inferred))
    count, rest = product(source), product(wanted)
    if any(size.constant == 0 for size in drop(target, inferred)):
        reason = f"-1 in {shape_text(target)} can't be inferred beside a size of 0"
        raise OpError.argument(reason, "shape")
    agree(count, count // rest * rest, error)
    return replace(target, inferred[0], count // rest)


def _without_common(left: Shape, right: Shape) -> tuple[list[Size], list[Size]]:
    """Both without the sizes that they share, so that ``b*n*d // (b*n)`` is `d` at once."""
    rest, others = list(left), []
    for size in right:
        if size in rest and size.constant != 0:
            rest.remove(size)
        else:
            others.append(size)
    return rest, others


def _other_count(shape: Shape, target: Shape, operand: str) -> OpError:
    elements = product(size for size in target if size.constant != -1)
    multiple = "a multiple of " if any(size.constant == -1 for size in target) else ""
    reason = (
        f"{shape_text(target)} needs {multiple}{elements} elements, "
        f"but `{operand}` {shape_text(shape)} has {product(shape)}"
    )
    return OpError(reason, operands=(operand,), dims=(None,), sizes=(product(shape), elements))


def _as(input: TensorValue, target: Shape) -> TensorValue:
    """`input` as `target`; of an unknown shape at least the rank is known then."""
    if input.shape is None:
        return TensorValue(tuple(Size.unknown() if size == -1 else size for size in target), input.dtypes)
    return TensorValue(reshaped(input.shape, target), input.dtypes)


@rule("reshape", kind="view")
def reshape(input: TensorValue, *shape: Size) -> TensorValue:
    return _as(input, shape)


@rule("Tensor.view", kind="view")
def view(input: TensorValue, *shape: Value) -> TensorValue:
    """As `reshape`, or the same bits as another dtype."""
    if len(shape) == 1 and isinstance(shape[0], str):
        dtypes = dtype_named(shape[0])
        if dtypes is None or input.dtypes is None or len({_bits(name) for name in dtypes | input.dtypes}) > 1:
            raise Undecided
        return TensorValue(input.shape, dtypes)
    return _as(input, tuple(map(read_any_size if len(shape) > 1 else read_size, shape)))


def _bits(name: str) -> str:
    return "".join(filter(str.isdigit, name.split("_")[0])) or "8"


@rule("Tensor.view_as Tensor.reshape_as", kind="view")
def view_as(input: TensorValue, other: TensorValue) -> TensorValue:
    return _as(input, other.dims)


@rule("flatten", kind="view")
def flatten(input: TensorValue, start_dim: int = 0, end_dim: int = -1) -> TensorValue:
    start, end = dim_index(start_dim, input.rank, "start_dim"), dim_index(end_dim, input.rank, "end_dim")
    if start > end:
        reason = f"`start_dim` {start_dim} lies behind `end_dim` {end_dim}"
        raise OpError.argument(reason, "start_dim", "end_dim")
    shape = input.dims
    return TensorValue((*shape[:start], product(shape[start : end + 1]), *shape[end + 1 :]), input.dtypes)


@rule("ravel", kind="view")
def ravel(input: TensorValue) -> TensorValue:
    return TensorValue((product(input.dims),), input.dtypes)


@rule("unflatten", kind="view")
def unflatten(input: TensorValue, dim: int, sizes: Sizes) -> TensorValue:
    index = dim_index(dim, input.rank, scalar=False)
    if not sizes:
        raise OpError.argument("`sizes` is empty", "sizes")
    return TensorValue(replace(input.dims, index, *reshaped(input.dims[index : index + 1], sizes)), input.dtypes)


# --- the same dims in another order ----------------------------------------------------------------------------


def permuted(input: TensorValue, order: Dims) -> TensorValue:
    """The dims of `input` in the order of their indices."""
    return TensorValue(tuple(input.dims[index] for index in order), input.dtypes)


@rule("permute", kind="view")
def permute(input: TensorValue, *dims: int) -> TensorValue:
    if len(dims) != input.rank:
        reason = f"`dims` lists {len(dims)} dims, but `input` {shape_text(input.dims)} has {input.rank}"
        raise OpError.at(reason, ("input", None, None))
    return permuted(input, dim_indices(dims, input.rank, "dims"))


@rule("transpose swapaxes swapdims", kind="view")
def transpose(input: TensorValue, dim0: int, dim1: int) -> TensorValue:
    first, second = dim_index(dim0, input.rank, "dim0"), dim_index(dim1, input.rank, "dim1")
    order = list(range(input.rank))
    if order:
        order[first], order[second] = order[second], order[first]
    return permuted(input, tuple(order))


@rule("t", kind="view")
def t(input: TensorValue) -> TensorValue:
    if input.rank > 2:
        reason = f"`t` takes at most 2 dims, but `input` {shape_text(input.dims)} has {input.rank}"
        raise OpError.at(reason, ("input", None, None), hint="`.mT` swaps the last two dims")
    return permuted(input, tuple(reversed(range(input.rank))))


@rule("Tensor.T", kind="view")
def reversed_dims(input: TensorValue) -> TensorValue:
    return permuted(input, tuple(reversed(range(input.rank))))


@rule("Tensor.H", kind="view")
def conjugate_transpose(input: TensorValue) -> TensorValue:
    if input.rank not in (0, 2):
        reason = f"`.H` takes a matrix, but `input` {shape_text(input.dims)} has {input.rank} dims"
        raise OpError.at(reason, ("input", None, None), hint="`.mH` swaps the last two dims")
    return permuted(input, tuple(reversed(range(input.rank))))


@rule("Tensor.mT Tensor.mH adjoint", kind="view")
def matrix_transpose(input: TensorValue) -> TensorValue:
    if input.rank == 1:
        reason = f"swapping the last two dims needs 2 of them, but `input` {shape_text(input.dims)} has {input.rank}"
        raise OpError.at(reason, ("input", None, None))
    return permuted(input, (*range(input.rank - 2), input.rank - 1, input.rank - 2) if input.rank else ())


@rule("movedim moveaxis", kind="view")
def movedim(input: TensorValue, source: Dims, destination: Dims) -> TensorValue:
    if len(source) != len(destination):
        reason = f"`source` names {len(source)} dims, `destination` {len(destination)}"
        raise OpError.argument(reason, "source", "destination")
    origins = dim_indices(source, input.rank, "source")
    targets = dim_indices(destination, input.rank, "destination")
    rest = iter(index for index in range(input.rank) if index not in origins)
    moved = dict(zip(targets, origins, strict=True))
    return permuted(input, tuple(moved[index] if index in moved else next(rest) for index in range(input.rank)))


# --- dims of size 1 --------------------------------------------------------------------------------------------


@rule("unsqueeze", kind="view")
def unsqueeze(input: TensorValue, dim: int) -> TensorValue:
    index = dim_index(dim, input.rank + 1)
    return TensorValue((*input.dims[:index], Size.of(1), *input.dims[index:]), input.dtypes)


@rule("squeeze", kind="view")
def squeeze(input: TensorValue, dim: Dims | None = None) -> TensorValue:
    """Drop dims of size 1; a size that may or may not be 1 leaves even the rank open."""
    candidates = range(input.rank) if dim is None else dim_indices(dim, input.rank)
    verdicts = {index: equal(input.dims[index], 1) for index in candidates if index < input.rank}
    if None in verdicts.values():
        raise Undecided
    return TensorValue(drop(input.dims, (index for index, one in verdicts.items() if one)), input.dtypes)


# --- repeated elements -----------------------------------------------------------------------------------------


def expanded(shape: Shape, target: Shape) -> Shape:
    """`shape` stretched to `target`, in which -1 keeps a size."""
    new = len(target) - len(shape)
    if new < 0:
        reason = f"{shape_text(target)} has fewer dims than `input` {shape_text(shape)}"
        raise OpError.at(reason, ("input", None, None))
    sizes = []
    for index, wanted in enumerate(target):
        own = shape[index - new] if index >= new else None
        if (wanted.constant is not None and wanted.constant < -1) or (wanted.constant == -1 and own is None):
            raise OpError.argument(f"dim {index} of {shape_text(target)} has no size to keep", "size")
        if own is None or is_one(own):
            sizes.append(wanted if wanted.constant != -1 or own is None else own)
        elif wanted.constant == -1:
            sizes.append(own)
        elif equal(own, 1) is None:
            sizes.append(wanted)
        else:
            reason = f"dim {index - new} of `input` {shape_text(shape)} is {own}: only 1 can be expanded to {wanted}"
            error = OpError(reason, operands=("input",), dims=(index - new,), sizes=(own, wanted))
            sizes.append(agree(own, wanted, error))
    return tuple(sizes)


@rule("Tensor.expand", kind="view")
def expand(input: TensorValue, *size: Size) -> TensorValue:
    return TensorValue(expanded(input.dims, size), input.dtypes)


@rule("broadcast_to", kind="view")
def broadcast_to(input: TensorValue, *size: Size) -> TensorValue:
    return TensorValue(expanded(input.dims, size), input.dtypes)


@rule("Tensor.expand_as", kind="view")
def expand_as(input: TensorValue, other: TensorValue) -> TensorValue:
    return TensorValue(expanded(input.dims, other.dims), input.dtypes)


@rule("Tensor.repeat")
def repeat(input: TensorValue, *repeats: Size) -> TensorValue:
    if len(repeats) < input.rank:
        reason = f"{len(repeats)} repeats for the {input.rank} dims of `input` {shape_text(input.dims)}"
        raise OpError.at(reason, ("input", None, None))
    _refuse_negative(repeats, "repeats")
    new = len(repeats) - input.rank
    shape = (*[Size.of(1)] * new, *input.dims)
    return TensorValue(tuple(size * times for size, times in zip(shape, repeats, strict=True)), input.dtypes)


@rule("tile")
def tile(input: TensorValue, *dims: Size) -> TensorValue:
    _refuse_negative(dims, "dims")
    rank = max(len(dims), input.rank)
    times = (*[Size.of(1)] * (rank - len(dims)), *dims)
    shape = (*[Size.of(1)] * (rank - input.rank), *input.dims)
    return TensorValue(tuple(size * many for size, many in zip(shape, times, strict=True)), input.dtypes)


def _refuse_negative(sizes: Sizes, parameter: str) -> None:
    if any(at_least(size, 0) is False for size in sizes):
        raise OpError.argument(f"{shape_text(sizes)} has a negative size", parameter)


@rule("repeat_interleave")
def repeat_interleave(
    input: TensorValue, repeats: Value = None, dim: int | None = None, *, output_size: Value = None
) -> TensorValue:
    """Each element several times; with a tensor of repeats the size isn't known unless `output_size` says it."""
    if repeats is None:
        size = output_size if isinstance(output_size, Size | int) else Size.unknown()
        return TensorValue((Size.of(size),), frozenset({"int64"}))
    source = TensorValue((product(input.dims),), input.dtypes) if dim is None else input
    index = dim_index(dim or 0, source.rank, scalar=dim is None)
    own = source.dims[index] if source.rank else Size.of(1)
    shape = source.dims or (own,)
    match repeats:
        case Size() | int():
            _refuse_negative((Size.of(repeats),), "repeats")
            return TensorValue(replace(shape, index, own * repeats), input.dtypes)
        case TensorValue():
            _require_repeats(repeats, own, index)
            size = output_size if isinstance(output_size, Size | int) else Size.unknown()
            return TensorValue(replace(shape, index, size), input.dtypes)
    raise Undecided


def _require_repeats(repeats: TensorValue, own: Size, dim: int) -> None:
    if repeats.rank > 1:
        reason = f"`repeats` {shape_text(repeats.dims)} has more than 1 dim"
        raise OpError.at(reason, ("repeats", None, None))
    if repeats.rank == 1 and equal(repeats.dims[0], 1) is False:
        reason = f"`repeats` has {repeats.dims[0]} elements, but dim {dim} of `input` is {own}"
        agree(own, repeats.dims[0], OpError.at(reason, ("input", dim, own), ("repeats", 0, repeats.dims[0])))
