"""The same elements as another dtype or elsewhere, and what a tensor says of itself: sizes, rank, numbers."""

from __future__ import annotations

from shapecheck.core.equality import equal
from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.pointwise import isclose
from shapecheck.core.ops.promotion import COMPLEX, FLOATING, complexified, dtype_named, real, require_dtype
from shapecheck.core.ops.shapes import dim_index, product, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import BOOL, FLOAT, UNKNOWN, Opaque, TensorValue, Value

# --- another dtype ---------------------------------------------------------------------------------------------

_METHODS = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "bfloat16": "bfloat16",
    "int": "int32",
    "long": "int64",
    "short": "int16",
    "char": "int8",
    "byte": "uint8",
    "bool": "bool",
    "cfloat": "complex64",
    "cdouble": "complex128",
}


def _conversion(method: str, dtype: str) -> None:
    @rule(f"Tensor.{method}", kind="pointwise")
    def convert(input: TensorValue) -> TensorValue:
        return TensorValue(input.shape, frozenset({dtype}), input.reduced)


for _method, _dtype in _METHODS.items():
    _conversion(_method, _dtype)


@rule("Tensor.to", kind="pointwise")
def to(input: TensorValue, *args: Value, dtype: Value = None, other: Value = None) -> TensorValue:
    """A dtype, a device, or another tensor's, in any of `to`'s spellings."""
    dtypes = input.dtypes
    for value in (*args, dtype, other):
        match value:
            case TensorValue():
                dtypes = value.dtypes
            case str() if dtype_named(value) is not None and value.startswith("torch."):
                dtypes = dtype_named(value)
            case Opaque("" | "dtype"):  # a device or a dtype
                dtypes = None
    return TensorValue(input.shape, dtypes, input.reduced)


@rule("Tensor.type", kind="pointwise")
def type_(input: TensorValue, dtype: Value = None) -> Value:
    """The name of the type, or the tensor as another."""
    if dtype is None:
        return Opaque("str")
    return TensorValue(input.shape, dtype_named(dtype), input.reduced)


@rule("Tensor.type_as", kind="pointwise")
def type_as(input: TensorValue, other: TensorValue) -> TensorValue:
    return TensorValue(input.shape, other.dtypes, input.reduced)


# --- the same tensor -------------------------------------------------------------------------------------------


@rule(
    """clone detach resolve_conj resolve_neg Tensor.contiguous Tensor.cpu Tensor.cuda Tensor.requires_grad_ Tensor.data
    Tensor.pin_memory Tensor.to_dense Tensor.share_memory_ Tensor.grad torch.nn.Parameter torch.nn.Buffer""",
    kind="pointwise",
)
def identity(input: TensorValue, *args: Value) -> TensorValue:
    return input


@rule("conj conj_physical", kind="pointwise")
def conj(input: TensorValue) -> TensorValue:
    return input


@rule("angle", kind="pointwise")
def angle(input: TensorValue) -> TensorValue:
    from_integers = frozenset({"float32"}) if input.dtypes and not input.dtypes & (FLOATING | COMPLEX) else None
    return TensorValue(input.shape, from_integers or real(input.dtypes))


@rule("torch.real Tensor.real", kind="view")
def real_part(input: TensorValue) -> TensorValue:
    return TensorValue(input.shape, real(input.dtypes))


@rule("torch.imag Tensor.imag", kind="view")
def imaginary_part(input: TensorValue) -> TensorValue:
    require_dtype("input", input, COMPLEX, "complex")
    return TensorValue(input.shape, real(input.dtypes))


@rule("torch.view_as_real", kind="view")
def view_as_real(input: TensorValue) -> TensorValue:
    """A complex tensor with its two parts as a last dim."""
    require_dtype("input", input, COMPLEX, "complex")
    return TensorValue((*input.dims, Size.of(2)), real(input.dtypes))


@rule("torch.view_as_complex", kind="view")
def view_as_complex(input: TensorValue) -> TensorValue:
    """A last dim of 2 as the two parts of complex numbers."""
    require_dtype("input", input, FLOATING, "floating point")
    if not input.rank or equal(input.dims[-1], 2) is False:
        reason = "the last dim of `input` must be 2, the real and the imaginary part"
        raise OpError.at(reason, ("input", max(0, input.rank - 1) if input.rank else None, None))
    return TensorValue(input.dims[:-1], complexified(input.dtypes))


# --- what a tensor says of itself ------------------------------------------------------------------------------


@rule("Tensor.shape", kind="query")
def shape(input: TensorValue) -> Value:
    return input.dims


@rule("Tensor.size", kind="query")
def size(input: TensorValue, dim: int | None = None) -> Value:
    """One size, or all of them."""
    return input.dims if dim is None else input.dims[dim_index(dim, input.rank, scalar=False)]


@rule("Tensor.dim Tensor.ndimension Tensor.ndim", kind="query")
def dim(input: TensorValue) -> Value:
    return Size.of(input.rank)


@rule("numel Tensor.nelement", kind="query")
def numel(input: TensorValue) -> Value:
    return product(input.dims)


@rule("Tensor.__len__", kind="query")
def length(input: TensorValue) -> Value:
    if not input.rank:
        raise OpError.at("`input` has no dims and so no length", ("input", None, None))
    return input.dims[0]


@rule("Tensor.dtype", kind="query")
def dtype(input: TensorValue) -> Value:
    return f"torch.{input.dtype}" if input.dtype else Opaque("dtype")


@rule("Tensor.item", kind="query")
def item(input: TensorValue) -> Value:
    """The one element as a Python number."""
    _require_one_element(input)
    return _python_number(input)


@rule("is_nonzero", kind="query")
def is_nonzero(input: TensorValue) -> Value:
    """What ``if x:`` asks of a tensor."""
    _require_one_element(input)
    return BOOL


def _require_one_element(input: TensorValue) -> None:
    if any(equal(size, 1) is False for size in input.dims):
        reason = f"a number is one element, but `input` {shape_text(input.dims)} has {product(input.dims)}"
        raise OpError.at(reason, ("input", None, None))


def _python_number(input: TensorValue) -> Value:
    match input.dtypes and next(iter(input.dtypes)):
        case "bool":
            return BOOL
        case str() as name if name in FLOATING:
            return FLOAT
        case str() as name if name in COMPLEX:
            return Opaque("complex")
        case str():
            return Opaque("int")
    return UNKNOWN


@rule("is_floating_point", kind="query")
def is_floating_point(input: TensorValue) -> Value:
    return input.dtypes <= FLOATING if input.dtypes and len(input.dtypes) == 1 else BOOL


@rule("is_complex", kind="query")
def is_complex(input: TensorValue) -> Value:
    return input.dtypes <= COMPLEX if input.dtypes and len(input.dtypes) == 1 else BOOL


@rule("allclose", kind="query")
def allclose(
    input: TensorValue, other: TensorValue, rtol: Value = 1e-5, atol: Value = 1e-8, equal_nan: Value = False
) -> Value:
    """Whether two tensors that broadcast are alike."""
    isclose(input, other)
    return BOOL


@rule("equal Tensor.is_contiguous Tensor.requires_grad Tensor.is_cuda", kind="query")
def truth(input: TensorValue, *args: Value) -> Value:
    return BOOL
