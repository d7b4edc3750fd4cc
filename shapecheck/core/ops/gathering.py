"""Elements picked and placed by tensors of indices: gather, scatter, index_select, masks, diagonals, triangles."""

from __future__ import annotations

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.indexing import indexed, require_fits, setitem
from shapecheck.core.ops.promotion import BOOLEAN, dtype_text, require_dtype
from shapecheck.core.ops.readers import Number
from shapecheck.core.ops.shapes import (
    agree,
    broadcast_shapes,
    dim_index,
    drop,
    no_more_than,
    product,
    replace,
    shape_text,
)
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size, maximum, minimum
from shapecheck.core.tensors import TensorValue, Undecided, Value

ZERO = Size.of(0)
_INT64 = frozenset({"int64"})
_INTEGERS = frozenset({"int64", "int32"})


def _require_index(name: str, index: TensorValue, allowed: frozenset[str] = _INTEGERS) -> None:
    require_dtype(name, index, allowed, "int64", "`.long()`")


def _same_rank(input: TensorValue, name: str, other: TensorValue) -> None:
    """The same number of dims, one without dims counting as a vector."""
    if max(input.rank, 1) != max(other.rank, 1):
        reason = f"`{name}` {shape_text(other.dims)} must have as many dims as `input` {shape_text(input.dims)}"
        raise OpError.at(reason, ("input", None, None), (name, None, None))


def _no_larger(name: str, small: TensorValue, other_name: str, large: TensorValue, skip: int | None = None) -> None:
    """No dim of `small` is larger than the same of `large`, but for one dim."""
    one = (Size.of(1),)
    for dim, (size, most) in enumerate(zip(small.dims or one, large.dims or one, strict=False)):
        if dim != skip:
            reason = (
                f"dim {dim} of `{name}` {shape_text(small.dims)} is {size}, "
                f"more than dim {dim} of `{other_name}` {shape_text(large.dims)}, which is {most}"
            )
            no_more_than(size, most, OpError.at(reason, (name, dim, size), (other_name, dim, most)))


@rule("gather", kind="gather")
def gather(input: TensorValue, dim: int, index: TensorValue, *, sparse_grad: Value = False) -> TensorValue:
    """One element of `input` for each of `index`, in whose dims other than `dim` it is at most as large."""
    at = dim_index(dim, input.rank)
    if index.shape is None:
        return TensorValue(tuple(Size.unknown() for _ in input.dims), input.dtypes)
    _require_index("index", index)
    if product(index.dims).constant != 0:
        _same_rank(input, "index", index)
        _no_larger("index", index, "input", input, at)
    return TensorValue(index.shape, input.dtypes)


@rule("take_along_dim", kind="gather")
def take_along_dim(input: TensorValue, indices: TensorValue, dim: int | None = None) -> TensorValue:
    """`gather` with `input` and `indices` broadcast in the other dims."""
    _require_index("indices", indices, _INTEGERS if dim is None else _INT64)
    if dim is None:
        return TensorValue((product(indices.dims),), input.dtypes)
    at = dim_index(dim, input.rank)
    _same_rank(input, "indices", indices)
    if input.rank != indices.rank:
        raise Undecided
    one = Size.of(1)
    rest = broadcast_shapes([("input", replace(input.dims, at, one)), ("indices", replace(indices.dims, at, one))])
    return TensorValue(replace(rest, at, indices.dims[at]), input.dtypes)


@rule("index_select", kind="gather")
def index_select(input: TensorValue, dim: int, index: TensorValue) -> TensorValue:
    """The slices that a vector of indices lists."""
    at = dim_index(dim, input.rank)
    _require_index("index", index)
    _require_vector("index", index)
    if not input.rank:
        count = index.dims[0] if index.rank else Size.of(1)
        reason = f"`input` has one element, but `index` {count}"
        agree(Size.of(1), count, OpError.at(reason, ("index", 0, count)))
        return input
    return TensorValue(replace(input.dims, at, index.dims[0] if index.rank else Size.of(1)), input.dtypes)


def _require_vector(name: str, index: TensorValue) -> None:
    if index.rank > 1:
        reason = f"`{name}` {shape_text(index.dims)} is no vector"
        raise OpError.at(reason, (name, None, None), hint="`torch.gather` or `x[index]` take more dims")


@rule("take", kind="gather")
def take(input: TensorValue, index: TensorValue) -> TensorValue:
    """Elements of the flattened `input`."""
    _require_index("index", index, _INT64)
    return TensorValue(index.shape, input.dtypes)


@rule("masked_select", kind="gather")
def masked_select(input: TensorValue, mask: TensorValue) -> TensorValue:
    """A vector of the elements where `mask` is true: its size isn't known before."""
    require_dtype("mask", mask, BOOLEAN, "bool")
    if input.shape is not None and mask.shape is not None:
        broadcast_shapes([("input", input.shape), ("mask", mask.shape)])
    return TensorValue((Size.unknown(),), input.dtypes)


# --- writing ---------------------------------------------------------------------------------------------------


def _scattered(input: TensorValue, dim: int, index: TensorValue, src: Number) -> TensorValue:
    at = dim_index(dim, input.rank)
    _require_index("index", index)
    if product(index.dims).constant == 0:
        return input
    _same_rank(input, "index", index)
    _no_larger("index", index, "input", input, at)
    if isinstance(src, TensorValue):
        _same_rank(input, "src", src)
        _no_larger("index", index, "src", src)
    return TensorValue(input.shape, input.dtypes)


def _same_dtype_as_input(input: TensorValue, name: str, src: Value) -> None:
    if isinstance(src, TensorValue) and input.dtypes and src.dtypes and not input.dtypes & src.dtypes:
        reason = f"`{name}` is {dtype_text(src.dtypes)}, but `input` is {dtype_text(input.dtypes)}"
        raise OpError(reason, kind="dtype", operands=("input", name), hint="`.to(input.dtype)`")


@rule("scatter", kind="scatter")
def scatter(
    input: TensorValue, dim: int, index: TensorValue, src: Value = None, *, value: Value = None, reduce: Value = None
) -> TensorValue:
    """`input` with the elements of `src` written where `index` says."""
    source = value if src is None else src
    _same_dtype_as_input(input, "src", source)
    return _scattered(input, dim, index, source)


@rule("scatter_add", kind="scatter")
def scatter_add(input: TensorValue, dim: int, index: TensorValue, src: TensorValue) -> TensorValue:
    _same_dtype_as_input(input, "src", src)
    return _scattered(input, dim, index, src)


@rule("scatter_reduce", kind="scatter")
def scatter_reduce(
    input: TensorValue, dim: int, index: TensorValue, src: TensorValue, reduce: Value, *, include_self: Value = True
) -> TensorValue:
    _same_dtype_as_input(input, "src", src)
    return _scattered(input, dim, index, src)


@rule("index_add", kind="scatter")
def index_add(
    input: TensorValue, dim: int, index: TensorValue, source: TensorValue, *, alpha: Value = 1
) -> TensorValue:
    """The slices of `source` added to those of `input` that a vector of indices lists."""
    _require_index("index", index)
    _same_dtype_as_input(input, "source", source)
    return _with_slices(input, dim, index, source)


@rule("index_copy", kind="scatter")
def index_copy(input: TensorValue, dim: int, index: TensorValue, source: TensorValue) -> TensorValue:
    _require_index("index", index, _INT64)
    _same_dtype_as_input(input, "source", source)
    return _with_slices(input, dim, index, source)


def _with_slices(input: TensorValue, dim: int, index: TensorValue, source: TensorValue) -> TensorValue:
    at = dim_index(dim, input.rank)
    _require_vector("index", index)
    if input.rank == source.rank == 0:
        return input
    if input.rank != source.rank:
        if not source.rank or not input.rank:
            raise Undecided
        _same_rank(input, "source", source)
    count = index.dims[0] if index.rank else Size.of(1)
    for place, (own, size) in enumerate(zip(replace(input.dims, at, count), source.dims, strict=True)):
        who = "the number of indices" if place == at else f"dim {place} of `input`"
        reason = f"dim {place} of `source` {shape_text(source.dims)} is {size}, but {who} is {own}"
        agree(own, size, OpError.at(reason, ("source", place, size)))
    return TensorValue(input.shape, input.dtypes)


@rule("index_fill", kind="scatter")
def index_fill(input: TensorValue, dim: int, index: TensorValue, value: Number) -> TensorValue:
    dim_index(dim, input.rank)
    _require_index("index", index, _INT64)
    _require_vector("index", index)
    return TensorValue(input.shape, input.dtypes)


@rule("index_put", kind="scatter")
def index_put(input: TensorValue, indices: Value, values: TensorValue, accumulate: Value = False) -> TensorValue:
    """``x[indices] = values`` with tensors for indices."""
    _same_dtype_as_input(input, "values", values)
    places = tuple(indices) if isinstance(indices, list) else indices
    setitem(input, places, values)
    require_fits("values", values.dims, indexed(input.dims, places), strip=False)
    return TensorValue(input.shape, input.dtypes)


@rule("masked_scatter", kind="scatter")
def masked_scatter(input: TensorValue, mask: TensorValue, source: TensorValue) -> TensorValue:
    require_dtype("mask", mask, BOOLEAN, "bool")
    _same_dtype_as_input(input, "source", source)
    return TensorValue(broadcast_shapes([("input", input.dims), ("mask", mask.dims)]), input.dtypes)


# --- diagonals and triangles -----------------------------------------------------------------------------------


def _diagonal_size(rows: Size, columns: Size, offset: Size) -> Size:
    if offset.constant is None:
        return Size.unknown()
    if offset.constant >= 0:
        columns = maximum(columns - offset, 0)
    else:
        rows = maximum(rows + offset, 0)
    return rows if rows == columns else minimum(rows, columns)


@rule("linalg.diagonal", kind="view")
def matrix_diagonal(input: TensorValue, *, offset: Size = ZERO, dim1: int = -2, dim2: int = -1) -> TensorValue:
    return diagonal(input, offset, dim1, dim2)


@rule("diagonal", kind="view")
def diagonal(input: TensorValue, offset: Size = ZERO, dim1: int = 0, dim2: int = 1) -> TensorValue:
    """The diagonal of two dims, as the last dim."""
    first, second = dim_index(dim1, input.rank, "dim1"), dim_index(dim2, input.rank, "dim2")
    if first == second:
        raise OpError.argument(f"`dim1` and `dim2` are both dim {first}", "dim1", "dim2")
    size = _diagonal_size(input.dims[first], input.dims[second], offset)
    return TensorValue((*drop(input.dims, (first, second)), size), input.dtypes)


@rule("diag")
def diag(input: TensorValue, diagonal: Size = ZERO) -> TensorValue:
    """The diagonal of a matrix, or a matrix with a vector on its diagonal."""
    if input.rank == 2:
        return TensorValue((_diagonal_size(input.dims[0], input.dims[1], diagonal),), input.dtypes)
    if input.rank != 1:
        reason = f"`diag` takes a vector or a matrix, but `input` {shape_text(input.dims)} has {input.rank} dims"
        hint = "`torch.diag_embed` and `torch.diagonal` take batches"
        raise OpError.at(reason, ("input", None, None), hint=hint)
    size = input.dims[0] + _distance(diagonal)
    return TensorValue((size, size), input.dtypes)


def _distance(offset: Size) -> Size:
    return Size.of(abs(offset.constant)) if offset.constant is not None else Size.unknown()


@rule("diag_embed")
def diag_embed(input: TensorValue, offset: Size = ZERO, dim1: int = -2, dim2: int = -1) -> TensorValue:
    """The last dim as the diagonal of two new dims."""
    if not input.rank:
        raise OpError.at("`input` has no dim to put on a diagonal", ("input", None, None))
    first, second = dim_index(dim1, input.rank + 1, "dim1"), dim_index(dim2, input.rank + 1, "dim2")
    if first == second:
        raise OpError.argument(f"`dim1` and `dim2` are both dim {first}", "dim1", "dim2")
    size = input.dims[-1] + _distance(offset)
    rest = iter(input.dims[:-1])
    return TensorValue(
        tuple(size if dim in (first, second) else next(rest) for dim in range(input.rank + 1)), input.dtypes
    )


@rule("tril triu", kind="pointwise")
def tril(input: TensorValue, diagonal: Value = 0) -> TensorValue:
    """The lower or upper triangle of matrices, the rest 0."""
    if input.rank < 2:
        reason = f"`input` {shape_text(input.dims)} is no matrix"
        raise OpError.at(reason, ("input", None, None))
    return TensorValue(input.shape, input.dtypes)


@rule("trace", kind="reduction")
def trace(input: TensorValue) -> TensorValue:
    if input.rank != 2:
        raise OpError.at(f"`input` {shape_text(input.dims)} is no matrix", ("input", None, None))
    return TensorValue((), frozenset({"int64"}) if input.dtype in ("int32", "bool", "uint8") else input.dtypes)


@rule("torch.tril_indices torch.triu_indices", kind="creation")
def tril_indices(row: Size, col: Size, offset: Size = ZERO, *, dtype: Value = None) -> TensorValue:
    """The positions of a triangle, ``(2, count)``."""
    return TensorValue((Size.of(2), Size.unknown()), _INT64 if dtype is None else None)


@rule("nonzero argwhere", kind="gather")
def nonzero(input: TensorValue, *, as_tuple: bool = False) -> Value:
    """The positions of what isn't zero: how many isn't known before."""
    count = Size.unknown()
    if as_tuple:
        return tuple(TensorValue((count,), _INT64) for _ in range(max(1, input.rank)))
    return TensorValue((count, Size.of(input.rank)), _INT64)
