"""Along one dim, or along none: sorting, running totals, softmax, flips and rolls, counting, searching."""

from __future__ import annotations

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.promotion import (
    BOOLEAN,
    COMPLEX,
    FLOATING,
    INTEGRAL,
    accumulated,
    dtype_named,
    require_dtype,
)
from shapecheck.core.ops.readers import Dims, Number, Sizes
from shapecheck.core.ops.shapes import agree, dim_index, dim_indices, no_more_than, replace, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import Named, TensorValue, Undecided, Value

_INT64 = frozenset({"int64"})
_HUNDRED = Size.of(100)

# --- order -----------------------------------------------------------------------------------------------------


def _values_and_indices(input: TensorValue) -> Named:
    return Named(("values", "indices"), (TensorValue(input.shape, input.dtypes), TensorValue(input.shape, _INT64)))


@rule("sort", kind="sort")
def sort(input: TensorValue, dim: int = -1, descending: Value = False, stable: Value = False) -> Value:
    dim_index(dim, input.rank)
    return _values_and_indices(input)


@rule("msort", kind="sort")
def msort(input: TensorValue) -> TensorValue:
    return input


@rule("argsort", kind="sort")
def argsort(input: TensorValue, dim: int = -1, descending: Value = False, stable: Value = False) -> TensorValue:
    dim_index(dim, input.rank)
    return TensorValue(input.shape, _INT64)


@rule("topk", kind="sort")
def topk(input: TensorValue, k: Size, dim: int = -1, largest: Value = True, sorted: Value = True) -> Value:
    """The `k` largest along `dim`, and where they are."""
    at = dim_index(dim, input.rank)
    own = input.dims[at] if input.rank else Size.of(1)
    reason = f"`k` is {k}, but dim {at} of `input` {shape_text(input.dims)} is {own}"
    error = OpError.at(reason, ("input", at, own))
    no_more_than(k, own, error)
    no_more_than(Size.of(0), k, error)
    found = TensorValue(replace(input.dims, at, k) if input.rank else (), input.dtypes)
    return _values_and_indices(found)


@rule("unique unique_consecutive", kind="sort")
def unique(
    input: TensorValue,
    sorted: Value = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Value:
    """The distinct elements, or slices along `dim`: how many isn't known before."""
    count = Size.unknown()
    if dim is None:
        values, inverse = TensorValue((count,), input.dtypes), TensorValue(input.shape, _INT64)
    else:
        at = dim_index(dim, input.rank, scalar=False)
        values = TensorValue(replace(input.dims, at, count), input.dtypes)
        inverse = TensorValue((input.dims[at],), _INT64)
    results = [values, *[inverse] * return_inverse, *[TensorValue((count,), _INT64)] * return_counts]
    return results[0] if len(results) == 1 else tuple(results)


# --- running along a dim ---------------------------------------------------------------------------------------


@rule("cumsum cumprod", kind="scan")
def cumsum(input: TensorValue, dim: int, *, dtype: Value = None) -> TensorValue:
    dim_index(dim, input.rank)
    return TensorValue(input.shape, accumulated(input.dtypes) if dtype is None else dtype_named(dtype))


@rule("logcumsumexp", kind="scan")
def logcumsumexp(input: TensorValue, dim: int) -> TensorValue:
    dim_index(dim, input.rank)
    return TensorValue(input.shape, input.dtypes)


@rule("cummax cummin", kind="scan")
def cummax(input: TensorValue, dim: int) -> Value:
    dim_index(dim, input.rank)
    return _values_and_indices(input)


@rule("softmax log_softmax F.softmax F.log_softmax special.softmax special.log_softmax F.softmin", kind="softmax")
def softmax(input: TensorValue, dim: int | None = None, _stacklevel: Value = 3, dtype: Value = None) -> TensorValue:
    """Along one dim, which `F.softmax` guesses where it isn't given."""
    if dim is not None:
        dim_index(dim, input.rank)
    if dtype is None:
        require_dtype("input", input, FLOATING | COMPLEX, "floating point", "`.float()` first")
    return TensorValue(input.shape, input.dtypes if dtype is None else dtype_named(dtype))


@rule("diff", kind="other")
def diff(
    input: TensorValue, n: int = 1, dim: int = -1, prepend: TensorValue | None = None, append: TensorValue | None = None
) -> TensorValue:
    """Differences of neighbors: one fewer each time."""
    if prepend is not None or append is not None:
        raise Undecided
    if not input.rank:
        raise OpError.at("`input` has no dim to take differences along", ("input", None, None))
    if n == 0:
        return input
    at = dim_index(dim, input.rank)
    own = input.dims[at]
    if own.constant is not None:
        return TensorValue(replace(input.dims, at, max(0, own.constant - n)), input.dtypes)
    no_more_than(Size.of(n), own, OpError(""))
    return TensorValue(replace(input.dims, at, own - n), input.dtypes)


# --- other places for the same elements ------------------------------------------------------------------------


@rule("flip", kind="view")
def flip(input: TensorValue, *dims: int) -> TensorValue:
    dim_indices(dims, input.rank, "dims")
    return TensorValue(input.shape, input.dtypes)


@rule("fliplr", kind="view")
def fliplr(input: TensorValue) -> TensorValue:
    return _with_rank(input, 2)


@rule("flipud", kind="view")
def flipud(input: TensorValue) -> TensorValue:
    return _with_rank(input, 1)


def _with_rank(input: TensorValue, least: int) -> TensorValue:
    if input.rank < least:
        reason = f"`input` {shape_text(input.dims)} has fewer than {least} dims"
        raise OpError.at(reason, ("input", None, None))
    return TensorValue(input.shape, input.dtypes)


@rule("roll", kind="view")
def roll(input: TensorValue, shifts: Sizes, dims: Dims | None = None) -> TensorValue:
    """Elements shifted around the end, along as many dims as there are shifts."""
    given = dims or ()
    for dim in given:
        dim_index(dim, input.rank, "dims", scalar=False)
    if not shifts or (len(shifts) != len(given) and not (len(shifts) == 1 and not given)):
        raise OpError.argument(f"{len(shifts)} shifts for {len(given)} dims", "shifts", "dims")
    return TensorValue(input.shape, input.dtypes)


@rule("rot90", kind="view")
def rot90(input: TensorValue, k: int = 1, dims: Dims = (0, 1)) -> TensorValue:
    """Two dims rotated by so many right angles."""
    if len(dims) != 2 or input.rank < 2:
        raise OpError.at(f"rotating takes 2 dims of `input` {shape_text(input.dims)}", ("input", None, None))
    first, second = dim_indices(dims, input.rank, "dims")
    shape = list(input.dims)
    if k % 2:
        shape[first], shape[second] = shape[second], shape[first]
    return TensorValue(tuple(shape), input.dtypes)


# --- counting and searching ------------------------------------------------------------------------------------


@rule("bincount", kind="other")
def bincount(input: TensorValue, weights: TensorValue | None = None, minlength: Value = 0) -> TensorValue:
    """How often each number occurs: as many as the largest of them, or `minlength`."""
    require_dtype("input", input, INTEGRAL, "an integer tensor", "`.long()`")
    if input.rank != 1:
        raise OpError.at(f"`input` {shape_text(input.dims)} is no vector", ("input", None, None), hint="`.flatten()`")
    if weights is not None:
        if weights.rank != 1:
            raise OpError.at(f"`weights` {shape_text(weights.dims)} is no vector", ("weights", None, None))
        agree(input.dims[0], weights.dims[0], OpError.at("`input` and `weights` differ in size", ("weights", 0, None)))
    return TensorValue((Size.unknown(),), None if weights is not None else _INT64)


@rule("histc", kind="other")
def histc(input: TensorValue, bins: Size = _HUNDRED, min: Value = 0, max: Value = 0) -> TensorValue:
    require_dtype("input", input, FLOATING, "floating point", "`.float()` first")
    no_more_than(Size.of(1), bins, OpError.argument(f"`bins` is {bins}", "bins"))
    return TensorValue((bins,), input.dtypes)


@rule("torch.searchsorted", kind="other")
def searchsorted(
    sorted_sequence: TensorValue,
    input: Number,
    *,
    out_int32: bool = False,
    right: Value = False,
    side: Value = None,
    sorter: Value = None,
) -> TensorValue:
    """Where each value would go: in one sorted vector, or row by row with equal leading dims."""
    dtypes = frozenset({"int32"}) if out_int32 else _INT64
    if not sorted_sequence.rank:
        raise OpError.at("`sorted_sequence` has no dims", ("sorted_sequence", None, None))
    if not isinstance(input, TensorValue):
        return searchsorted(sorted_sequence, TensorValue(()), out_int32=out_int32)
    if sorted_sequence.rank > 1:
        if sorted_sequence.rank != input.rank:
            reason = f"{shape_text(sorted_sequence.dims)} and {shape_text(input.dims)} must have equal leading dims"
            raise OpError.at(reason, ("sorted_sequence", None, None), ("input", None, None))
        for dim, (own, size) in enumerate(zip(sorted_sequence.dims[:-1], input.dims[:-1], strict=True)):
            reason = f"dim {dim} of `sorted_sequence` is {own}, but of `input` {size}"
            agree(own, size, OpError.at(reason, ("sorted_sequence", dim, own), ("input", dim, size)))
    return TensorValue(input.shape, dtypes)


@rule("torch.bucketize", kind="other")
def bucketize(input: Number, boundaries: TensorValue, *, out_int32: bool = False, right: Value = False) -> TensorValue:
    if boundaries.rank != 1:
        raise OpError.at(f"`boundaries` {shape_text(boundaries.dims)} is no vector", ("boundaries", None, None))
    shape = input.shape if isinstance(input, TensorValue) else ()
    return TensorValue(shape, frozenset({"int32"}) if out_int32 else _INT64)


@rule("torch.isin", kind="other")
def isin(
    elements: Number, test_elements: Number, *, assume_unique: Value = False, invert: Value = False
) -> TensorValue:
    return TensorValue(elements.shape if isinstance(elements, TensorValue) else (), BOOLEAN)


@rule("renorm", kind="pointwise")
def renorm(input: TensorValue, p: Value, dim: int, maxnorm: Value) -> TensorValue:
    """The slices along `dim` scaled down to a largest norm."""
    if input.rank < 2:
        raise OpError.at(f"`input` {shape_text(input.dims)} has fewer than 2 dims", ("input", None, None))
    dim_index(dim, input.rank)
    return TensorValue(input.shape, input.dtypes)
