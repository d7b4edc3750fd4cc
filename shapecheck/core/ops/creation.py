"""Tensors made from sizes, from other tensors' shapes, and from Python data."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.promotion import (
    BOOLEAN,
    complexified,
    default_float,
    dtype_named,
    promote,
    require_dtype,
    same_dtype,
)
from shapecheck.core.ops.readers import Number, Sizes
from shapecheck.core.ops.shapes import agree, broadcast, no_more_than, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size, at_least
from shapecheck.core.tensors import FLOAT, Dtypes, Opaque, Repeated, Shape, TensorValue, Undecided, Value

_INT64 = frozenset({"int64"})


def _made(shape: Shape, dtype: Value, default: Dtypes) -> TensorValue:
    """A new tensor, whose sizes must not be negative."""
    for size in shape:
        if at_least(size, 0) is False:
            raise OpError.argument(f"{shape_text(shape)} has a negative size", "size")
    return TensorValue(shape, default if dtype is None else dtype_named(dtype))


def _number_dtype(value: Value) -> Dtypes:
    return promote((TensorValue((), BOOLEAN), value)) if not isinstance(value, TensorValue) else value.dtypes


@rule("torch.zeros torch.ones torch.empty torch.rand torch.randn", kind="creation")
def zeros(*size: Size, dtype: Value = None) -> TensorValue:
    return _made(size, dtype, default_float())


@rule("torch.full", kind="creation")
def full(size: Sizes, fill_value: Value, *, dtype: Value = None) -> TensorValue:
    return _made(size, dtype, _number_dtype(fill_value))


@rule("torch.zeros_like torch.ones_like torch.empty_like torch.rand_like torch.randn_like", kind="creation")
def zeros_like(input: TensorValue, *, dtype: Value = None) -> TensorValue:
    return TensorValue(input.shape, input.dtypes if dtype is None else dtype_named(dtype))


@rule("torch.full_like", kind="creation")
def full_like(input: TensorValue, fill_value: Value, *, dtype: Value = None) -> TensorValue:
    return TensorValue(input.shape, input.dtypes if dtype is None else dtype_named(dtype))


@rule("torch.randint_like", kind="creation")
def randint_like(input: TensorValue, low: Value, high: Value = None, *, dtype: Value = None) -> TensorValue:
    return TensorValue(input.shape, input.dtypes if dtype is None else dtype_named(dtype))


@rule("Tensor.new_zeros Tensor.new_ones Tensor.new_empty", kind="creation")
def new_zeros(input: TensorValue, *size: Size, dtype: Value = None) -> TensorValue:
    return _made(size, dtype, input.dtypes)


@rule("Tensor.new_full", kind="creation")
def new_full(input: TensorValue, size: Sizes, fill_value: Value, *, dtype: Value = None) -> TensorValue:
    return _made(size, dtype, input.dtypes)


@rule("Tensor.new_tensor", kind="creation")
def new_tensor(input: TensorValue, data: Value, *, dtype: Value = None) -> TensorValue:
    return TensorValue(from_data(data).shape, input.dtypes if dtype is None else dtype_named(dtype))


@rule("torch.randint", kind="creation")
def randint(low: Value, high: Value = None, size: Value = None, *, dtype: Value = None) -> TensorValue:
    """``randint(high, size)`` or ``randint(low, high, size)``."""
    shape = high if isinstance(high, tuple | list) else size
    if not isinstance(shape, tuple | list) or not all(isinstance(one, Size | int) for one in shape):
        raise Undecided
    return _made(tuple(Size.of(one) for one in shape if isinstance(one, Size | int)), dtype, _INT64)


@rule("torch.randperm", kind="creation")
def randperm(n: Size, *, dtype: Value = None) -> TensorValue:
    return _made((n,), dtype, _INT64)


@rule("torch.eye", kind="creation")
def eye(n: Size, m: Size | None = None, *, dtype: Value = None) -> TensorValue:
    return _made((n, n if m is None else m), dtype, default_float())


@rule("torch.arange", kind="creation")
def arange(start: Value, end: Value = None, step: Value = 1, *, dtype: Value = None) -> TensorValue:
    """``arange(end)``, ``arange(start, end)`` or ``arange(start, end, step)``."""
    first, last = (Size.of(0), start) if end is None else (start, end)
    integers = all(isinstance(value, Size | int | Opaque) and value != FLOAT for value in (first, last, step))
    known = Opaque() not in (first, last, step) and not any(isinstance(v, TensorValue) for v in (first, last, step))
    default = (_INT64 if integers else default_float()) if known else None
    return TensorValue((_steps(first, last, step),), default if dtype is None else dtype_named(dtype))


def _steps(first: Value, last: Value, step: Value) -> Size:
    """How many numbers lie in ``first, first + step, ... < last``."""
    numbers = [value.constant if isinstance(value, Size) else value for value in (first, last, step)]
    if all(isinstance(number, int | float) for number in numbers):
        start, stop, by = (float(number) for number in numbers if isinstance(number, int | float))
        if by == 0 or (stop - start) * by < 0:
            raise OpError.argument(f"from {start:g} to {stop:g} in steps of {by:g}: no such numbers", "start", "end")
        return Size.of(ceil((stop - start) / by))
    match first, last, step:
        case (Size() | int(), Size() | int(), Size(constant=int() as by) | int(by)) if by > 0:
            return (Size.of(last) - first + (by - 1)) // by
    return Size.unknown()


@rule("torch.linspace", kind="creation")
def linspace(start: Value, end: Value, steps: Size, *, dtype: Value = None) -> TensorValue:
    return _made((steps,), dtype, promote((TensorValue((), BOOLEAN), 1.0)))


@rule("torch.logspace", kind="creation")
def logspace(start: Value, end: Value, steps: Size, base: Value = 10.0, *, dtype: Value = None) -> TensorValue:
    return _made((steps,), dtype, default_float())


@rule(
    "torch.hann_window torch.hamming_window torch.blackman_window torch.bartlett_window torch.kaiser_window",
    kind="creation",
)
def hann_window(window_length: Size, periodic: Value = True, *, dtype: Value = None) -> TensorValue:
    return _made((window_length,), dtype, default_float())


@rule("torch.scalar_tensor", kind="creation")
def scalar_tensor(s: Value, *, dtype: Value = None) -> TensorValue:
    return _made((), dtype, default_float())


# --- from data -------------------------------------------------------------------------------------------------


@rule("torch.tensor", kind="creation")
def tensor(data: Value, *, dtype: Value = None) -> TensorValue:
    """Nested lists of numbers, whose lengths are the sizes."""
    made = from_data(data)
    return TensorValue(made.shape, made.dtypes if dtype is None else dtype_named(dtype))


@rule("torch.from_numpy", kind="creation")
def from_numpy(ndarray: TensorValue) -> TensorValue:
    return TensorValue(ndarray.shape, ndarray.dtypes)


@rule("torch.as_tensor torch.asarray", kind="creation")
def as_tensor(data: Value, dtype: Value = None) -> TensorValue:
    return tensor(data, dtype=dtype)


def from_data(data: Value) -> TensorValue:
    """The tensor that nested sequences of numbers make.

    Raises:
        OpError: sequences of different lengths side by side.
    """
    match data:
        case TensorValue():
            return TensorValue(data.shape, data.dtypes)
        case bool() | Opaque("bool"):
            return TensorValue((), BOOLEAN)
        case Size() | int() | Opaque("int"):
            return TensorValue((), _INT64)
        case float() | Opaque("float"):
            return TensorValue((), default_float())
        case complex():
            return TensorValue((), complexified(default_float()))
        case Repeated(element, length):
            inner = from_data(element)
            return TensorValue((length, *inner.dims), inner.dtypes)
        case tuple() | list():
            return _from_sequence(data)
    raise Undecided


def _from_sequence(data: Sequence[Value]) -> TensorValue:
    if not data:
        return TensorValue((Size.of(0),), default_float())
    rows = [from_data(row) for row in data]
    first = rows[0]
    for index, row in enumerate(rows):
        if row.rank != first.rank:
            raise OpError.argument(f"element 0 has {first.rank} dims, element {index} has {row.rank}", "data")
        for own, size in zip(first.dims, row.dims, strict=True):
            agree(own, size, OpError.argument(f"element 0 has {own} elements, element {index} has {size}", "data"))
    return TensorValue((Size.of(len(rows)), *first.dims), promote(TensorValue((), row.dtypes) for row in rows))


def _legacy_constructor(name: str, dtype: str) -> None:
    """``torch.FloatTensor(2, 3)`` takes sizes, ``torch.FloatTensor([1., 2.])`` data."""

    @rule(f"torch.{name}", kind="creation")
    def construct(data: Value, *sizes: Size) -> TensorValue:
        if isinstance(data, list) and not sizes:
            return TensorValue(from_data(data).shape, frozenset({dtype}))
        if not isinstance(data, Size | int):  # a tuple may be data or, from `x.shape`, sizes
            raise Undecided
        return TensorValue((Size.of(data), *sizes), frozenset({dtype}))


for _name, _dtype in {
    "Tensor": "float32",
    "FloatTensor": "float32",
    "DoubleTensor": "float64",
    "LongTensor": "int64",
    "IntTensor": "int32",
    "BoolTensor": "bool",
}.items():
    _legacy_constructor(_name, _dtype)


@rule("torch.complex torch.polar", kind="pointwise")
def complex_(real: TensorValue, imag: TensorValue) -> TensorValue:
    operands = (("real", real), ("imag", imag))
    require_dtype("real", real, frozenset({"float16", "float32", "float64"}), "floating point")
    return TensorValue(broadcast(operands), complexified(same_dtype(operands)))


# --- random numbers --------------------------------------------------------------------------------------------


@rule("torch.normal", kind="creation")
def normal(mean: Number, std: Number = 1.0, size: Sizes | None = None, *, dtype: Value = None) -> TensorValue:
    """Of one mean and spread and a `size`, or of tensors of them."""
    tensors = [(name, one) for name, one in (("mean", mean), ("std", std)) if isinstance(one, TensorValue)]
    if not tensors:
        return _made(size, dtype, default_float()) if size is not None else _undecided()
    return TensorValue(broadcast(tensors), tensors[0][1].dtypes)


def _undecided() -> TensorValue:
    raise Undecided


@rule("bernoulli torch.poisson", kind="pointwise")
def bernoulli(input: TensorValue, p: Value = None) -> TensorValue:
    return TensorValue(input.shape, input.dtypes)


@rule("multinomial")
def multinomial(input: TensorValue, num_samples: Size, replacement: Value = False) -> TensorValue:
    """Indices drawn from one row of weights, or from each of several."""
    if input.rank not in (1, 2):
        reason = f"`input` {shape_text(input.dims)} must be a vector or a matrix of weights"
        raise OpError.at(reason, ("input", None, None))
    no_more_than(Size.of(1), num_samples, OpError.argument(f"`num_samples` is {num_samples}", "num_samples"))
    return TensorValue((*input.dims[:-1], num_samples), _INT64)
