"""Arithmetic and comparison of what isn't a tensor: sizes, floats, strings, sequences."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from shapecheck.core.equality import compare
from shapecheck.core.ops.promotion import dtype_named
from shapecheck.core.sizes import Size, at_least, symbols
from shapecheck.core.tensors import BOOL, FLOAT, STRING, UNKNOWN, Opaque, Repeated, TensorValue
from shapecheck.static.environment import join_values
from shapecheck.static.values import (
    Choice,
    Dict,
    ExternalName,
    Function,
    Lambda,
    Layer,
    Layers,
    Object,
    Value,
    repeated,
)

__all__ = ["binary", "certainly_equal", "compared", "negated"]

_SIZES: Mapping[str, Callable[[Size, Size], Size]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "pow": operator.pow,
}
_FLOATS: Mapping[str, Callable[[Any, Any], Any]] = {**_SIZES, "truediv": operator.truediv}
_LONGEST = 64


def binary(name: str, left: Value, right: Value) -> Value:
    """The value of an operator, by its name in `operator`, between two values none of which is a tensor."""
    match left, right:
        case (Choice(options), _):
            return join_values(binary(name, option, right) for option in options)
        case (_, Choice(options)):
            return join_values(binary(name, left, option) for option in options)
        case (tuple() | list() | Repeated(), _) | (_, tuple() | list() | Repeated()):
            return _sequences(name, left, right)
        case (str() | Opaque("str"), _):
            return _strings(name, left, right)
        case (Dict(), Dict()) if name == "or_":
            rest = left.rest if right.rest is None else right.rest
            return Dict({**left.entries, **right.entries}, rest)
    return _numbers(name, left, right)


def _numbers(name: str, left: Value, right: Value) -> Value:
    left, right = _as_number(left), _as_number(right)
    if isinstance(left, Size) and isinstance(right, Size) and name in _SIZES:
        return _sizes(name, left, right)
    exact = [_exact(value) for value in (left, right)]
    if None not in exact and name in _FLOATS:
        try:
            value = _FLOATS[name](*exact)
        except (ArithmeticError, ValueError, TypeError):
            return UNKNOWN
        return Size.of(value) if type(value) is int else value if isinstance(value, float) else UNKNOWN
    if {_is_float(left), _is_float(right)} == {True} or (name in _FLOATS and _numeric(left) and _numeric(right)):
        return FLOAT
    if left in (BOOL, True, False) and right in (BOOL, True, False) and name in {"and_", "or_", "xor"}:
        return BOOL
    return UNKNOWN


def _sizes(name: str, left: Size, right: Size) -> Value:
    if name == "pow" and (right.constant is None or right.constant < 0):
        return FLOAT if right.constant is not None else UNKNOWN
    return _SIZES[name](left, right)


def _as_number(value: Value) -> Value:
    return Size.of(int(value)) if isinstance(value, bool) else value


def _exact(value: Value) -> int | float | None:
    match value:
        case Size():
            return value.constant
        case float():
            return value
    return None


def _is_float(value: Value) -> bool:
    return isinstance(value, float) or value == FLOAT


def _numeric(value: Value) -> bool:
    return isinstance(value, Size) or _is_float(value)


def _strings(name: str, left: Value, right: Value) -> Value:
    if name == "add" and isinstance(left, str) and isinstance(right, str):
        return left + right
    if name == "mul" and isinstance(left, str) and isinstance(right, Size) and 0 <= (right.constant or 0) <= _LONGEST:
        return left * right.constant if right.constant is not None else STRING
    return STRING


def _sequences(name: str, left: Value, right: Value) -> Value:
    match name, left, right:
        case ("add", tuple(), tuple()):
            return tuple(left) + tuple(right)
        case ("add", list(), list()):
            return [*left, *right]
        case ("add", list() | tuple() | Repeated(), list() | tuple() | Repeated()):
            parts = [
                part.element if isinstance(part, Repeated) else join_values(part) for part in (left, right) if part
            ]
            lengths = [part.length if isinstance(part, Repeated) else Size.of(len(part)) for part in (left, right)]
            return repeated(join_values(parts), lengths[0] + lengths[1])
        case ("mul", Size(), tuple() | list()):
            return _sequences(name, right, left)
        case ("mul", tuple() | list(), Size()):
            count = right.constant
            if count is not None and 0 <= count * len(left) <= _LONGEST:
                return left * count
            return repeated(join_values(left), right * len(left)) if left else left
    return UNKNOWN


def negated(value: Value) -> Value:
    """``-value``"""
    match value:
        case bool():
            return Size.of(-int(value))
        case Size() | float():
            return -value
        case Opaque("float"):
            return FLOAT
    return UNKNOWN


def compared(operator: ast.cmpop, left: Value, right: Value) -> bool | None:
    """Whether a comparison of two values that aren't tensors holds."""
    match operator:
        case ast.Eq():
            return certainly_equal(left, right)
        case ast.NotEq():
            return _opposite(certainly_equal(left, right))
        case ast.Is():
            return _identical(left, right)
        case ast.IsNot():
            return _opposite(_identical(left, right))
        case ast.Lt():
            return less(left, right)
        case ast.Gt():
            return less(right, left)
        case ast.LtE():
            return _opposite(less(right, left))
        case ast.GtE():
            return _opposite(less(left, right))
        case ast.In():
            return _contains(right, left)
        case ast.NotIn():
            return _opposite(_contains(right, left))
    return None


def _opposite(verdict: bool | None) -> bool | None:
    return None if verdict is None else not verdict


def _identical(left: Value, right: Value) -> bool | None:
    """``left is right`` where one of them is None or a bool; nothing else has an identity here."""
    for one, other in ((left, right), (right, left)):
        if one is None:
            return None if isinstance(other, Choice) or other == UNKNOWN else other is None
    if isinstance(left, bool) and isinstance(right, bool):
        return left is right
    return None


def _contains(container: Value, value: Value) -> bool | None:
    match container:
        case tuple() | list():
            verdicts = {certainly_equal(value, item) for item in container}
            return True if True in verdicts else None if None in verdicts else False
        case Dict(entries, rest):
            key = value.constant if isinstance(value, Size) else value
            if isinstance(key, str | int | bool) and key in entries:
                return True
            return False if rest is None and isinstance(key, str | int | bool) else None
        case str() if isinstance(value, str):
            return value in container
    return None


def certainly_equal(left: Value, right: Value) -> bool | None:
    """``left == right`` as a running program decides it: two dims with different names may well be equal there."""
    match left, right:
        case (Size(), Size()):
            return _equal_sizes(left, right)
        case (Choice(inner), other) | (other, Choice(inner)):
            verdicts = {certainly_equal(option, other) for option in inner}
            return verdicts.pop() if len(verdicts) == 1 else None
        case (ExternalName(name), ExternalName(other_name)):
            both = {canonical_dtype(name), canonical_dtype(other_name)}
            return None if None in both else len(both) == 1
        case (tuple() | list(), tuple() | list()):
            if len(left) != len(right):
                return False
            verdicts = {certainly_equal(a, b) for a, b in zip(left, right, strict=True)}
            return False if False in verdicts else None if None in verdicts else True
        case (None, None):
            return True
        case (Opaque() | Repeated(), _) | (_, Opaque() | Repeated()):
            return None
        case (str() | bool() | float() | Size() | None, str() | bool() | float() | Size() | None):
            return _equal_scalars(left, right)
        case (None, TensorValue() | Function() | Lambda() | Layer() | Layers() | Object()):
            return False
        case (TensorValue(), None):
            return False
    return None


def canonical_dtype(name: str) -> str | None:
    """``"float32"`` for ``"torch.float"``; None for a name that is no dtype."""
    dtypes = dtype_named(name) if name.startswith("torch.") else None
    return next(iter(dtypes)) if dtypes and len(dtypes) == 1 else None


def _equal_sizes(left: Size, right: Size) -> bool | None:
    difference = left - right
    if difference.constant is not None:
        return difference.constant == 0
    verdict = compare(left, right)
    return True if verdict.equal and not verdict.given else None


def _equal_scalars(left: Value, right: Value) -> bool | None:
    exact = [value.constant if isinstance(value, Size) else value for value in (left, right)]
    unsure = any(isinstance(value, Size) and value.constant is None for value in (left, right))
    if unsure:  # a size is never a string and never None
        return False if any(value is None or isinstance(value, str) for value in (left, right)) else None
    return bool(exact[0] == exact[1])


def less(left: Value, right: Value) -> bool | None:
    """``left < right`` of two numbers."""
    match left, right:
        case (Size(), Size()):
            difference = right - left - 1
            if difference.constant is not None:
                return difference.constant >= 0
            if all(symbol.rigid for symbol in symbols(difference)):
                return at_least(difference, 0)
            return None
        case (Size() | float(), Size() | float()):
            exact = [_exact(left), _exact(right)]
            return None if None in exact else bool(exact[0] < exact[1])  # type: ignore[operator]
    return None
