"""Pointwise ops: one element of the result from one element of each operand, the operands broadcast together.

Each line of the tables names ops that treat numbers and dtypes alike; the dtype of the result is

promote   the operands' common dtype              add, maximum
float     the same, integers become the default   sin, div
real      the same, complex numbers become real   abs
bool      always bool                             eq, isnan
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from shapecheck.core.ops.broadcasting import broadcast_operands
from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.promotion import (
    BOOLEAN,
    COMPLEX,
    FLOATING,
    INTEGRAL,
    dtype_text,
    floating,
    is_number,
    promote,
    real,
    same_dtype,
)
from shapecheck.core.ops.readers import READERS, Number
from shapecheck.core.ops.shapes import shape_text
from shapecheck.core.ops.signatures import parse_declaration, words_of
from shapecheck.core.ops.table import Parameter, add, rule
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import Dtypes, TensorValue, Undecided, Value

__all__ = ["elementwise", "pointwise"]

_RESULT: Mapping[str, Callable[[Sequence[Value]], Dtypes]] = {
    "promote": promote,
    "float": lambda operands: floating(promote(operands)),
    "real": lambda operands: real(promote(operands)),
    "bool": lambda _: BOOLEAN,
}
_NOTHING: frozenset[str] = frozenset()


def elementwise(
    operands: Mapping[str, Value], result: str = "promote", refuses: frozenset[str] = _NOTHING
) -> TensorValue:
    """The result of operands, tensors and numbers by the name of their parameter, broadcast together.

    Raises:
        OpError: they don't broadcast, or their common dtype is certainly one of those that the op `refuses`.
    """
    tensors = [(name, value) for name, value in operands.items() if isinstance(value, TensorValue)]
    values = tuple(operands.values())
    if not tensors or not all(isinstance(value, TensorValue) or is_number(value) for value in values):
        raise Undecided
    shape = broadcast_operands(tensors)
    common = promote(values) if refuses else None
    if common and common <= refuses:
        names = tuple(name for name, _ in tensors)
        raise OpError(f"this op is not defined for {dtype_text(common)} operands", kind="dtype", operands=names)
    alone = tensors[0][1].reduced if len(tensors) == 1 else None
    return TensorValue(shape, _RESULT[result](values), alone)


_OPERANDS = frozenset({"input", "other", "exponent"})


def pointwise(
    declaration: str, result: str = "promote", refuses: frozenset[str] = _NOTHING, numbers: bool = True
) -> None:
    """Enter ops that are nothing but `elementwise` on those of their parameters that are operands.

    Args:
        declaration: names and parameters: ``"add(input, other, alpha=1)"``.
        result: the dtype of the result, see the module's docstring.
        refuses: dtypes that it isn't defined for.
        numbers: whether an operand may be a Python number.
    """

    def compute(*arguments: Value) -> TensorValue:
        given = zip(parse_declaration(declaration), arguments, strict=True)
        operands = {one.name: value for one, value in given if one.name in _OPERANDS and value is not None}
        return elementwise(operands, result, refuses)

    def declared() -> Iterator[Parameter]:
        read = READERS["Number" if numbers else "TensorValue"]
        for one in parse_declaration(declaration):
            yield Parameter(one.name, read, one.default) if one.name in _OPERANDS else one

    count = sum(name in _OPERANDS for name in re.findall(r"[(,]\s*(\w+)", declaration))
    add(words_of(declaration), "pointwise", declared, compute, text=", ".join(["*#b"] * count) + " -> *#b")


# --- one operand -----------------------------------------------------------------------------------------------

pointwise("acos arccos acosh arccosh asin arcsin asinh arcsinh atan arctan atanh arctanh(input)", "float")
pointwise("cos cosh sin sinh tan tanh exp exp2 expm1 log log10 log1p log2 sqrt rsqrt reciprocal(input)", "float")
pointwise("sigmoid sinc F.sigmoid F.tanh special.expit(input)", "float")
pointwise("erf erfc erfinv lgamma digamma deg2rad rad2deg i0(input)", "float", COMPLEX)
pointwise("mvlgamma(input, p)", "float", COMPLEX | BOOLEAN)
pointwise("logit(input, eps=None)", "float", COMPLEX)
pointwise("abs absolute operator.abs(input)", "real", BOOLEAN)
pointwise("neg negative positive operator.neg operator.pos(input)", refuses=BOOLEAN)
pointwise("sign(input)", refuses=COMPLEX)
pointwise("sgn(input)")
pointwise("floor ceil trunc fix round(input, decimals=0)", refuses=COMPLEX | BOOLEAN)
pointwise("frac(input)", refuses=COMPLEX | BOOLEAN | INTEGRAL)
pointwise("nan_to_num(input, nan=None, posinf=None, neginf=None)")
pointwise("bitwise_not operator.invert(input)", refuses=FLOATING | COMPLEX)
pointwise("isnan isinf isfinite isreal logical_not(input)", "bool")
pointwise("isposinf isneginf signbit(input)", "bool", COMPLEX)


@rule("square", kind="pointwise")
def square(input: TensorValue) -> TensorValue:
    return TensorValue(input.dims, promote((input, 2)), input.reduced)


# --- two operands ----------------------------------------------------------------------------------------------

pointwise("add operator.add(input, other, alpha=1)")
pointwise("mul multiply operator.mul(input, other)")
pointwise("maximum minimum fmax fmin(input, other)", refuses=COMPLEX, numbers=False)
pointwise("remainder fmod operator.mod(input, other)", refuses=COMPLEX | BOOLEAN)
pointwise("floor_divide operator.floordiv(input, other)", refuses=COMPLEX)
pointwise("true_divide operator.truediv(input, other)", "float")
pointwise("atan2 arctan2 hypot nextafter(input, other)", "float", COMPLEX, numbers=False)
pointwise("logaddexp logaddexp2(input, other)", "float", numbers=False)
pointwise("copysign xlogy special.xlogy(input, other)", "float", COMPLEX)
pointwise("eq ne not_equal operator.eq operator.ne(input, other)", "bool")
pointwise("lt le gt ge less less_equal greater greater_equal(input, other)", "bool", COMPLEX)
pointwise("operator.lt operator.le operator.gt operator.ge(input, other)", "bool", COMPLEX)
pointwise("logical_and logical_or logical_xor(input, other)", "bool", numbers=False)
pointwise("bitwise_and bitwise_or bitwise_xor(input, other)", refuses=FLOATING | COMPLEX)
pointwise("operator.and_ operator.or_ operator.xor(input, other)", refuses=FLOATING | COMPLEX)
pointwise("bitwise_left_shift bitwise_right_shift(input, other)", refuses=FLOATING | COMPLEX)
pointwise("operator.lshift operator.rshift(input, other)", refuses=COMPLEX | BOOLEAN)
pointwise("pow(input, exponent)")
pointwise("operator.pow(input, other)")
pointwise("gcd lcm(input, other)", refuses=FLOATING | COMPLEX | BOOLEAN, numbers=False)


@rule("sub subtract operator.sub", kind="pointwise")
def sub(input: Number, other: Number, alpha: Value = 1) -> TensorValue:
    """``input - other``, which torch refuses for bools."""
    result = elementwise({"input": input, "other": other})
    for name, value in (("input", input), ("other", other)):
        if isinstance(value, bool) or (isinstance(value, TensorValue) and value.dtype == "bool"):
            hint = "`~mask` negates a mask, `a ^ b` is where two differ; `mask.float()` makes numbers of it"
            raise OpError(f"`{name}` is bool, and `-` is not defined for it", kind="dtype", operands=(name,), hint=hint)
    return result


@rule("div divide", kind="pointwise")
def div(input: Number, other: Number, *, rounding_mode: str | None = None) -> TensorValue:
    return elementwise({"input": input, "other": other}, "promote" if rounding_mode else "float")


@rule("isclose", kind="pointwise")
def isclose(
    input: TensorValue, other: TensorValue, rtol: Value = 1e-5, atol: Value = 1e-8, equal_nan: Value = False
) -> TensorValue:
    same_dtype((("input", input), ("other", other)))
    return elementwise({"input": input, "other": other}, "bool")


@rule("float_power", kind="pointwise")
def float_power(input: Number, exponent: Number) -> TensorValue:
    """`pow` in double precision."""
    operands = {"input": input, "exponent": exponent}
    complex_ = (promote(operands.values()) or _NOTHING) & COMPLEX
    return TensorValue(elementwise(operands).shape, frozenset({"complex128" if complex_ else "float64"}))


@rule("ldexp", kind="pointwise")
def ldexp(input: TensorValue, other: TensorValue) -> TensorValue:
    """``input * 2**other``."""
    return elementwise({"input": input, "other": other}, "float")


@rule("heaviside", kind="pointwise")
def heaviside(input: TensorValue, values: TensorValue) -> TensorValue:
    same_dtype((("input", input), ("values", values)))
    return elementwise({"input": input, "values": values}, refuses=COMPLEX)


# --- three operands --------------------------------------------------------------------------------------------


@rule("clamp clip", kind="pointwise")
def clamp(input: TensorValue, min: Number | None = None, max: Number | None = None) -> TensorValue:
    """Tensors as bounds broadcast with `input`."""
    if min is None and max is None:
        raise OpError.argument("one of `min` and `max` must be given", "min", "max")
    operands = {"input": input, "min": min, "max": max}
    return elementwise({name: value for name, value in operands.items() if value is not None}, refuses=COMPLEX)


@rule("clamp_min clamp_max", kind="pointwise")
def clamp_min(input: TensorValue, bound: Number) -> TensorValue:
    return elementwise({"input": input, "bound": bound}, refuses=COMPLEX)


@rule("torch.where", kind="pointwise")
def where(condition: TensorValue, input: Value = None, other: Value = None) -> Value:
    """Elements of `input` or of `other`; with `condition` alone the indices of what isn't zero."""
    if input is None and other is None:
        return tuple(TensorValue.of((Size.unknown(),), "int64") for _ in condition.dims or (0,))
    if condition.dtypes and not condition.dtypes & {"bool", "uint8"}:
        reason = f"`condition` is {dtype_text(condition.dtypes)}, but must be bool"
        raise OpError(reason, kind="dtype", operands=("condition",))
    shape = elementwise({"condition": condition, "input": input, "other": other}).shape
    return TensorValue(shape, promote((input, other)))


@rule("Tensor.where", kind="pointwise")
def tensor_where(input: TensorValue, condition: TensorValue, other: Value) -> Value:
    """``x.where(condition, other)`` is ``torch.where(condition, x, other)``."""
    return where(condition, input, other)


@rule("addcmul addcdiv", kind="pointwise")
def addcmul(input: TensorValue, tensor1: TensorValue, tensor2: TensorValue, *, value: Value = 1) -> TensorValue:
    return elementwise({"input": input, "tensor1": tensor1, "tensor2": tensor2})


@rule("lerp", kind="pointwise")
def lerp(input: TensorValue, end: TensorValue, weight: Number) -> TensorValue:
    """Between `input` and `end`; the three share one dtype."""
    operands = {"input": input, "end": end, "weight": weight}
    same = [("input", input), ("end", end)]
    if isinstance(weight, TensorValue) and weight.rank:
        same.append(("weight", weight))
    same_dtype(same)
    return elementwise(operands)


@rule("masked_fill", kind="pointwise")
def masked_fill(input: TensorValue, mask: TensorValue, value: Value) -> TensorValue:
    """`value`, a number or a tensor without dims, where `mask` is true."""
    if mask.dtypes and "bool" not in mask.dtypes:
        reason = f"`mask` is {dtype_text(mask.dtypes)}, but must be bool"
        raise OpError(reason, kind="dtype", operands=("mask",), hint="`mask.bool()`")
    if isinstance(value, TensorValue) and value.rank:
        reason = f"`value` has shape {shape_text(value.dims)}, but must be a number"
        raise OpError.at(reason, ("value", None, None), hint="`torch.where` takes a tensor")
    return TensorValue(elementwise({"input": input, "mask": mask}).shape, input.dtypes)
