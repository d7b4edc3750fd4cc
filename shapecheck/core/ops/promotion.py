"""torch's dtypes by name: their families, which dtype two operands give, and what a Python number adds.

    dimensioned tensors  >  tensors without dims  >  Python numbers

A lower priority decides only where its family (bool < integer < floating < complex) is the higher one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import lru_cache
from itertools import product

from shapecheck.core.ops.errors import OpError
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import Dtypes, Opaque, TensorValue, Value

__all__ = [
    "BOOLEAN",
    "COMPLEX",
    "DEFAULT_DTYPE",
    "DTYPES",
    "FLOATING",
    "INDEX",
    "INTEGRAL",
    "default_float",
    "dtype_named",
    "floating",
    "promote",
    "require_dtype",
    "same_dtype",
]

UNSIGNED = ("uint16", "uint32", "uint64")
INTEGRAL = frozenset({"uint8", "int8", "int16", "int32", "int64", *UNSIGNED})
FLOATING = frozenset({"float16", "bfloat16", "float32", "float64", "float8_e4m3fn", "float8_e5m2"})
COMPLEX = frozenset({"complex32", "complex64", "complex128"})
BOOLEAN = frozenset({"bool"})
INDEX = frozenset({"int64", "int32"})
DTYPES = BOOLEAN | INTEGRAL | FLOATING | COMPLEX

_ALIASES = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "long": "int64",
    "int": "int32",
    "short": "int16",
    "cfloat": "complex64",
    "cdouble": "complex128",
    "chalf": "complex32",
}
_COMPLEX_OF = {"float16": "complex32", "bfloat16": "complex64", "float32": "complex64", "float64": "complex128"}
_FLOAT_OF = {"complex32": "float16", "complex64": "float32", "complex128": "float64"}
_MANY = 16

DEFAULT_DTYPE: ContextVar[str] = ContextVar("default_dtype", default="float32")
"""What `torch.set_default_dtype` would set."""


def dtype_named(value: Value) -> Dtypes:
    """The dtype that a ``dtype=`` argument names: ``"torch.float32"``, or Python's `float`, `int`, `bool`."""
    if not isinstance(value, str):
        return None
    if value in {"float", "int", "bool", "complex"}:  # Python's types
        python = {"float": DEFAULT_DTYPE.get(), "int": "int64", "bool": "bool", "complex": "complex64"}
        return frozenset({python[value]})
    name = value.removeprefix("torch.")
    name = _ALIASES.get(name, name)
    return frozenset({name}) if name in DTYPES else None


def default_float() -> Dtypes:
    """The dtype of floats that nobody gave one."""
    return frozenset({DEFAULT_DTYPE.get()})


def each(dtypes: Dtypes, change: Callable[[str], str | None]) -> Dtypes:
    """`change` applied to each possible dtype."""
    if dtypes is None:
        return None
    changed = {change(dtype) for dtype in dtypes}
    return None if None in changed else frozenset(dtype for dtype in changed if dtype)


def floating(dtypes: Dtypes) -> Dtypes:
    """What a function of real numbers (`sin`, `mean`) makes of a dtype: integers become the default float."""
    return each(dtypes, lambda name: DEFAULT_DTYPE.get() if name in INTEGRAL | BOOLEAN else name)


def complexified(dtypes: Dtypes) -> Dtypes:
    """The complex dtype of the same precision."""
    return each(floating(dtypes), lambda name: _COMPLEX_OF.get(name, name))


def real(dtypes: Dtypes) -> Dtypes:
    """The dtype of a magnitude."""
    return each(dtypes, lambda name: _FLOAT_OF.get(name, name))


def accumulated(dtypes: Dtypes) -> Dtypes:
    """What `sum` and `cumsum` make of a dtype: all integers become int64."""
    return each(dtypes, lambda name: "int64" if name in INTEGRAL | BOOLEAN else name)


def promote(operands: Iterable[Value]) -> Dtypes:
    """The dtype of a pointwise op on tensors and Python numbers."""
    tensors: list[Dtypes] = []
    scalars: list[Dtypes] = []
    numbers: list[str] = []
    for operand in operands:
        match operand:
            case TensorValue(shape=None):
                return None
            case TensorValue(shape=(), dtypes=dtypes):
                scalars.append(dtypes)
            case TensorValue(dtypes=dtypes):
                tensors.append(dtypes)
            case _:
                numbers.append(_number(operand))
    if None in tensors or None in scalars or "" in numbers:
        return None
    highest = max(numbers, key=_category, default=None)
    return _combine(_fold(tensors), _combine(_fold(scalars), frozenset({highest}) if highest else None)) or None


def _number(value: Value) -> str:
    """The dtype of a Python number; "" where its type isn't known."""
    match value:
        case bool() | Opaque("bool"):
            return "bool"
        case Size() | int() | Opaque("int"):
            return "int64"
        case float() | Opaque("float"):
            return DEFAULT_DTYPE.get()
        case complex():
            return "complex64"
    return ""


def _fold(operands: list[Dtypes]) -> Dtypes:
    """The dtype of operands of one priority; None for no operands."""
    result: Dtypes = None
    for dtypes in operands:
        result = dtypes if result is None else _pairwise(result, dtypes, promote_names)
        if result is None:
            return frozenset()
    return result


def _combine(higher: Dtypes, lower: Dtypes) -> Dtypes:
    """Two priorities; None is no operand, an empty set an unknown dtype."""
    if higher is None or lower is None:
        return lower if higher is None else higher
    return _pairwise(higher, lower, _override) or frozenset()


def _pairwise(left: Dtypes, right: Dtypes, operation: Callable[[str, str], str | None]) -> Dtypes:
    if not left or not right or len(left) * len(right) > _MANY * _MANY:
        return None
    results = {operation(a, b) for a, b in product(left, right)}
    return None if None in results else frozenset(name for name in results if name)


def _category(name: str) -> int:
    return 3 if name in COMPLEX else 2 if name in FLOATING else 1 if name in INTEGRAL else 0


def _override(higher: str, lower: str) -> str | None:
    if _category(lower) <= _category(higher):
        return higher
    if _category(higher) == 2:
        return _COMPLEX_OF.get(higher)
    return promote_names(higher, lower)


@lru_cache(maxsize=1024)
def promote_names(left: str, right: str) -> str | None:
    """`torch.promote_types`; None for pairs that torch refuses or this table leaves out."""
    if left == right:
        return left
    if _category(left) > _category(right):
        left, right = right, left
    if left == "bool" or (_category(left) < 2 <= _category(right)):
        return right
    if _category(left) == _category(right) == 1:
        return _promote_integers(left, right)
    if left.startswith("float8") or right.startswith("float8"):
        return None
    if _category(left) == _category(right) == 2:
        return "float32" if {left, right} == {"float16", "bfloat16"} else max(left, right, key=_precision)
    return max(_COMPLEX_OF.get(left, left), right, key=_precision)


def _promote_integers(left: str, right: str) -> str | None:
    if left in UNSIGNED or right in UNSIGNED:
        return None
    if "uint8" in (left, right) and "int8" in (left, right):
        return "int16"
    if "uint8" in (left, right):
        return left if right == "uint8" else right
    return max(left, right, key=_precision)


def _precision(name: str) -> tuple[int, bool]:
    return int("".join(filter(str.isdigit, name))), not name.startswith("b")


def same_dtype(operands: Iterable[tuple[str, TensorValue]]) -> Dtypes:
    """The one dtype that operands must share, as `matmul` asks.

    Raises:
        OpError: two of them certainly differ.
    """
    common: Dtypes = None
    first = ""
    for name, tensor in operands:
        if common is None or tensor.dtypes is None:
            common, first = tensor.dtypes if common is None else common, first or name
        elif not common & tensor.dtypes:
            reason = f"`{first}` is {dtype_text(common)}, but `{name}` is {dtype_text(tensor.dtypes)}"
            raise OpError(reason, kind="dtype", operands=(first, name))
        else:
            common &= tensor.dtypes
    return common


def require_dtype(name: str, tensor: TensorValue, allowed: frozenset[str], what: str, hint: str = "") -> None:
    """Refuse an operand whose dtype is certainly none of `allowed`."""
    if tensor.dtypes is not None and not tensor.dtypes & allowed:
        reason = f"`{name}` is {dtype_text(tensor.dtypes)}, but must be {what}"
        raise OpError(reason, kind="dtype", operands=(name,), hint=hint)


def dtype_text(dtypes: frozenset[str]) -> str:
    """``float32``, or ``float16, float32 or float64``."""
    names = sorted(dtypes)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def is_number(value: Value) -> bool:
    """Whether a value is a Python number or may be one of known type."""
    return isinstance(value, Size | int | float | complex) or value in (Opaque("float"), Opaque("int"), Opaque("bool"))
