"""How an argument is read, by the annotation of a rule's parameter; what can't be read is `Undecided`.

TensorValue   a tensor (its shape may be unknown)      Tensors    a sequence of tensors, or `Repeated`
Number        a Python number or a tensor              Value      whatever it is
Size          a size, perhaps symbolic                 Sizes      one or several sizes, as a tuple
Shape         the same; a variadic one is a shape for each argument
int           a number that is known now               Dims       one or several of them, as a tuple
bool, str     one that is known now                    ... | None  the same or None
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shapecheck.core.ops.promotion import is_number
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import UNKNOWN, Opaque, Repeated, TensorValue, Undecided, Value

__all__ = ["READERS", "Dims", "Number", "Reader", "Sizes", "Tensors"]

Reader = Callable[[Any], Any]
Sizes = tuple[Size, ...]
Dims = tuple[int, ...]
Number = Value
Tensors = tuple[TensorValue, ...] | Repeated


def read_tensor(value: Value) -> TensorValue:
    if isinstance(value, TensorValue):
        return value
    raise Undecided


def read_number(value: Value) -> Value:
    if isinstance(value, TensorValue) or is_number(value):
        return value
    raise Undecided


def read_tensors(value: Value) -> Tensors:
    match value:
        case tuple() | list():
            return tuple(TensorValue(None) if one == UNKNOWN else read_tensor(one) for one in value)
        case Repeated(element=TensorValue()):
            return value
        case TensorValue(shape=(length, *rest), dtypes=dtypes):
            return Repeated(TensorValue(tuple(rest), dtypes), length)
    raise Undecided


def read_size(value: Value) -> Size:
    match value:
        case Opaque("int"):
            return Size.unknown()
        case bool():
            raise Undecided
        case Size():
            return value
        case int():
            return Size.of(value)
    raise Undecided


def read_sizes(value: Value) -> Sizes:
    if isinstance(value, tuple | list):
        return tuple(map(read_any_size, value))
    return (read_size(value),)


def read_any_size(value: Value) -> Size:
    """What can be nothing but a size: one that isn't known is a size of its own."""
    match value:
        case Opaque("" | "int") | TensorValue(shape=() | None):
            return Size.unknown()
    return read_size(value)


def read_int(value: Value) -> int:
    number = read_size(value).constant
    if number is None:
        raise Undecided
    return number


def read_dims(value: Value) -> Dims:
    if isinstance(value, tuple | list):
        return tuple(map(read_int, value))
    return (read_int(value),)


def read_bool(value: Value) -> bool:
    match value:
        case bool():
            return value
        case Size() if value.constant is not None:
            return value.constant != 0
    raise Undecided


def read_str(value: Value) -> str:
    if isinstance(value, str):
        return value
    raise Undecided


def _optional(read: Reader) -> Reader:
    return lambda value: None if value is None else read(value)


_PLAIN: Mapping[str, Reader] = {
    "TensorValue": read_tensor,
    "Tensors": read_tensors,
    "Number": read_number,
    "Size": read_size,
    "Sizes": read_sizes,
    "Shape": read_sizes,
    "int": read_int,
    "Dims": read_dims,
    "bool": read_bool,
    "str": read_str,
    "Value": lambda value: value,
}
READERS: Mapping[str, Reader] = {
    **_PLAIN,
    **{f"{name} | None": _optional(read) for name, read in _PLAIN.items()},
}
