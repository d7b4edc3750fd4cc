"""Short spellings for tests: shapes in the annotation grammar, ops called by name."""

from __future__ import annotations

from typing import Any

from shapecheck.core import ops
from shapecheck.core.ops import Note
from shapecheck.core.sizes import Size, from_expression
from shapecheck.core.spec import Computed, Fixed, Named, parse_shape
from shapecheck.core.tensors import Repeated, TensorValue, Value


def tensor(shape: str, dtype: str | None = "float32") -> TensorValue:
    """``tensor("b n 3*d")``: a tensor whose names are rigid."""
    return TensorValue.of([_size(dim) for dim in parse_shape(shape).dims], dtype)


def size(text: str) -> Size:
    """``size("d//h")``."""
    return _size(parse_shape(text).dims[0])


def _size(dim: object) -> Size:
    match dim:
        case Fixed(number):
            return Size.of(number)
        case Named(name):
            return Size.of(name)
        case Computed():
            return from_expression(dim.tree, Size.of, Size.of)
    raise TypeError(dim)


def shape_of(value: Value) -> Any:
    """The shape of a result as a string, of several as a list."""
    match value:
        case TensorValue(shape=None):
            return "..."
        case TensorValue(shape=tuple() as shape):
            return " ".join(str(one).replace(" ", "") for one in shape)
        case Repeated(element, length):
            return [shape_of(element), f"{length} times"]
        case tuple() | list():
            return [shape_of(one) for one in value]
        case _:
            return str(value)


def result(name: str, *args: Value, **kwargs: Value) -> Any:
    """The shape that an op gives."""
    return shape_of(ops.apply(name, args, kwargs))


def notes_of(name: str, *args: Value, **kwargs: Value) -> list[Note]:
    """What an op notes."""
    notes: list[Note] = []
    ops.apply(name, args, kwargs, notes=notes)
    return notes
