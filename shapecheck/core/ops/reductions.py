"""Reductions: `dim` (one, several, or None for all) disappears, or stays as 1 with `keepdim`."""

from __future__ import annotations

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.pointwise import elementwise
from shapecheck.core.ops.promotion import (
    BOOLEAN,
    COMPLEX,
    FLOATING,
    accumulated,
    dtype_named,
    floating,
    is_number,
    real,
    require_dtype,
    same_dtype,
)
from shapecheck.core.ops.readers import Dims, Number
from shapecheck.core.ops.shapes import dim_index, dim_indices, drop, no_more_than
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import Dtypes, Named, Reduced, Shape, TensorValue, Undecided, Value

__all__ = ["reduced", "with_indices"]

INT64 = frozenset({"int64"})
_FLOATS = FLOATING | COMPLEX


def reduced(input: TensorValue, dim: Dims | None, keepdim: bool, dtypes: Dtypes) -> TensorValue:
    """`input` without some dims; no dims at all means every dim."""
    gone = dim_indices(dim, input.rank) if dim else tuple(range(input.rank))
    shape = input.dims
    if keepdim:
        one = Size.of(1)
        return TensorValue(tuple(one if index in gone else size for index, size in enumerate(shape)), dtypes)
    kept = tuple(index for index in range(len(shape)) if index not in gone)
    trailing = kept == tuple(range(len(shape) - len(kept), len(shape)))
    return TensorValue(drop(shape, gone), dtypes, None if trailing else Reduced(shape, kept))


def with_indices(input: TensorValue, dim: int, keepdim: bool) -> Named:
    """``(values, indices)`` along one dim."""
    refuse_empty(input.dims, (dim_index(dim, input.rank),))
    values = reduced(input, (dim,), keepdim, input.dtypes)
    return Named(("values", "indices"), (values, TensorValue(values.shape, INT64, values.reduced)))


def refuse_empty(shape: Shape, dims: tuple[int, ...] | None) -> None:
    """Refuse the largest of no elements: of some dims, or of all with None."""
    for dim in range(len(shape)) if dims is None else dims:
        if dim < len(shape) and shape[dim].constant == 0:
            reason = f"dim {dim} of `input` is 0: this reduction has no value for no elements"
            raise OpError.at(reason, ("input", dim, shape[dim]))


@rule("sum nansum", kind="reduction")
def sum(input: TensorValue, dim: Dims | None = None, keepdim: bool = False, *, dtype: Value = None) -> TensorValue:
    return reduced(input, dim, keepdim, dtype_named(dtype) if dtype is not None else accumulated(input.dtypes))


@rule("mean", kind="reduction")
def mean(input: TensorValue, dim: Dims | None = None, keepdim: bool = False, *, dtype: Value = None) -> TensorValue:
    """The average, of floating point numbers only."""
    if dtype is None:
        require_dtype("input", input, _FLOATS, "floating point to be averaged", "`.float()` first, or pass `dtype=`")
    return reduced(input, dim, keepdim, dtype_named(dtype) if dtype is not None else input.dtypes)


@rule("nanmean", kind="reduction")
def nanmean(input: TensorValue, dim: Dims | None = None, keepdim: bool = False, *, dtype: Value = None) -> TensorValue:
    require_dtype("input", input, _FLOATS, "floating point to be averaged", "`.float()` first")
    return reduced(input, dim, keepdim, dtype_named(dtype) if dtype is not None else input.dtypes)


@rule("prod", kind="reduction")
def prod(input: TensorValue, dim: int | None = None, keepdim: bool = False, *, dtype: Value = None) -> TensorValue:
    dims = None if dim is None else (dim,)
    return reduced(input, dims, keepdim, dtype_named(dtype) if dtype is not None else accumulated(input.dtypes))


@rule("all any", kind="reduction")
def all(input: TensorValue, dim: Dims | None = None, keepdim: bool = False) -> TensorValue:
    dtypes = frozenset({"uint8"}) if input.dtype == "uint8" else BOOLEAN
    return TensorValue(input.dims, dtypes) if dim == () else reduced(input, dim, keepdim, dtypes)


@rule("count_nonzero", kind="reduction")
def count_nonzero(input: TensorValue, dim: Dims | None = None) -> TensorValue:
    return reduced(input, dim, False, INT64)


@rule("amax amin", kind="reduction")
def amax(input: TensorValue, dim: Dims = (), keepdim: bool = False) -> TensorValue:
    refuse_empty(input.dims, dim_indices(dim, input.rank) or None)
    return reduced(input, dim, keepdim, input.dtypes)


@rule("argmax argmin", kind="reduction")
def argmax(input: TensorValue, dim: int | None = None, keepdim: bool = False) -> TensorValue:
    refuse_empty(input.dims, None if dim is None else (dim_index(dim, input.rank),))
    return reduced(input, None if dim is None else (dim,), keepdim, INT64)


@rule("max min", kind="reduction")
def max(input: TensorValue, dim: Value = None, keepdim: bool = False, *, other: Value = None) -> Value:
    """The largest of all, `(values, indices)` along `dim`, or the larger of two tensors."""
    second = dim if isinstance(dim, TensorValue) else other
    if isinstance(second, TensorValue):
        return elementwise({"input": input, "other": second})
    if dim is None:
        refuse_empty(input.dims, None)
        return reduced(input, None, False, input.dtypes)
    return with_indices(input, _known(dim), keepdim)


@rule("median nanmedian", kind="reduction")
def median(input: TensorValue, dim: int | None = None, keepdim: bool = False) -> Value:
    return reduced(input, None, False, input.dtypes) if dim is None else with_indices(input, dim, keepdim)


@rule("mode", kind="reduction")
def mode(input: TensorValue, dim: int = -1, keepdim: bool = False) -> Value:
    return with_indices(input, dim, keepdim)


@rule("kthvalue", kind="reduction")
def kthvalue(input: TensorValue, k: Size, dim: int = -1, keepdim: bool = False) -> Value:
    size = input.dims[dim_index(dim, input.rank)] if input.rank else Size.of(1)
    error = OpError.argument(f"`k` is {k}, but there are {size} elements along dim {dim}", "k")
    no_more_than(k, size, error)
    no_more_than(Size.of(1), k, error)
    return with_indices(input, dim, keepdim)


@rule("std var", kind="reduction")
def std(
    input: TensorValue, dim: Value = None, unbiased: Value = True, keepdim: bool = False, *, correction: Value = 1
) -> TensorValue:
    """The spread; `std(False)` is `std(unbiased=False)`."""
    require_dtype("input", input, _FLOATS, "floating point", "`.float()` first")
    dims = None if dim is None or isinstance(dim, bool) else _known_dims(dim)
    return reduced(input, dims, keepdim, real(input.dtypes))


@rule("torch.std_mean torch.var_mean", kind="reduction")
def std_mean(
    input: TensorValue, dim: Value = None, unbiased: Value = True, keepdim: bool = False, *, correction: Value = 1
) -> Value:
    require_dtype("input", input, _FLOATS, "floating point", "`.float()` first")
    dims = None if dim is None or isinstance(dim, bool) else _known_dims(dim)
    return (reduced(input, dims, keepdim, real(input.dtypes)), reduced(input, dims, keepdim, input.dtypes))


@rule("logsumexp special.logsumexp", kind="reduction")
def logsumexp(input: TensorValue, dim: Dims, keepdim: bool = False) -> TensorValue:
    if not dim and input.rank and not keepdim:
        raise Undecided
    return reduced(input, dim, keepdim, floating(input.dtypes))


@rule("norm", kind="reduction")
def norm(
    input: TensorValue, p: Value = "fro", dim: Dims | None = None, keepdim: bool = False, dtype: Value = None
) -> TensorValue:
    require_dtype("input", input, _FLOATS, "floating point", "`.float()` first")
    if dim is not None and len(dim) > 2 and not is_number(p):
        raise Undecided
    return reduced(input, dim, keepdim, dtype_named(dtype) if dtype is not None else real(input.dtypes))


@rule("quantile nanquantile", kind="reduction")
def quantile(
    input: TensorValue, q: Number, dim: int | None = None, keepdim: bool = False, *, interpolation: Value = "linear"
) -> TensorValue:
    """One quantile, or a leading dim of several with a tensor `q`."""
    require_dtype("input", input, frozenset({"float32", "float64"}), "float32 or float64", "`.float()` first")
    refuse_empty(input.dims, None)
    result = reduced(input, None if dim is None else (dim,), keepdim, input.dtypes)
    if isinstance(q, TensorValue):
        same_dtype((("input", input), ("q", q)))
    if isinstance(q, TensorValue) and q.rank:
        return TensorValue((*q.dims, *result.dims), result.dtypes)
    return TensorValue(result.shape, result.dtypes)


def _known(dim: Value) -> int:
    number = dim.constant if isinstance(dim, Size) else dim
    if not isinstance(number, int):
        raise Undecided
    return number


def _known_dims(dim: Value) -> Dims:
    return tuple(map(_known, dim)) if isinstance(dim, tuple | list) else (_known(dim),)
