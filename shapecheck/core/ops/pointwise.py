"""Pointwise ops: one element of the result from one element of each operand, the operands broadcast together.

Each line of the tables names the ops that treat dtypes alike:

    promote   the operands' common dtype              add, maximum
    float     the same, integers become the default   sin, div
    bool      always bool                             eq, isnan
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from shapecheck.core.ops.broadcasting import broadcast_notes
from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.promotion import (
    BOOLEAN,
    COMPLEX,
    FLOATING,
    INTEGRAL,
    floating,
    is_number,
    promote,
    real,
    require_dtype,
)
from shapecheck.core.ops.readers import Number
from shapecheck.core.ops.shapes import broadcast
from shapecheck.core.ops.signatures import parse_declaration
from shapecheck.core.ops.table import Parameter, add, rule
from shapecheck.core.tensors import Dtypes, TensorValue, Undecided, Value

__all__ = ["elementwise"]

_RESULT: Mapping[str, Callable[[Sequence[Value]], Dtypes]] = {
    "promote": promote,
    "float": lambda operands: floating(promote(operands)),
    "bool": lambda _: BOOLEAN,
    "real": lambda operands: real(promote(operands)),
}


def elementwise(operands: Mapping[str, Value], result: str = "promote") -> TensorValue:
    """Tensors and numbers, by the name of their parameter, broadcast together."""
    tensors = [(name, value) for name, value in operands.items() if isinstance(value, TensorValue)]
    if not tensors or not all(isinstance(value, TensorValue) or is_number(value) for value in operands.values()):
        raise Undecided
    shape = broadcast(tensors)
    broadcast_notes(tensors)
    alone = tensors[0][1].reduced if len(tensors) == 1 else None
    return TensorValue(shape, _RESULT[result](tuple(operands.values())), alone)


def pointwise(declaration: str, result: str = "promote", refuses: frozenset[str] = frozenset()) -> None:
    """Enter ops of one to three operands; parameters behind a default of None or a number play no part in the shape.

    Args:
        declaration: names and parameters: ``"add sub(input, other, alpha=1)"``.
        result: the dtype of the result, see the module's docstring.
        refuses: the dtypes that it doesn't work on.
    """
    words, parameters = parse_declaration(declaration)
    operands = [parameter for parameter in parameters if parameter.name in _OPERANDS]

    def compute(*arguments: Value) -> TensorValue:
        given = {parameter.name: value for parameter, value in zip(parameters, arguments, strict=True)}
        values = {operand.name: given[operand.name] for operand in operands if given[operand.name] is not None}
        for name, value in values.items():
            if isinstance(value, TensorValue):
                require_dtype(name, value, ALL - refuses, "of another dtype for this op")
        return elementwise(values, result)

    text = ", ".join(["*#b"] * len(operands)) + " -> *#b"
    add(words, "pointwise", [Parameter(p.name, p.read, p.default) for p in parameters], compute, text=text)


ALL = BOOLEAN | INTEGRAL | FLOATING | COMPLEX
_OPERANDS = frozenset({"input", "other", "min", "max", "end", "weight", "value", "exponent", "tensor1", "tensor2"})

# --- one operand -----------------------------------------------------------------------------------------------

pointwise("acos arccos acosh arccosh asin arcsin asinh arcsinh atan arctan atanh arctanh(input)", "float")
pointwise(
    "cos cosh sin sinh tan tanh exp exp2 expm1 log log10 log1p log2 sqrt rsqrt reciprocal sigmoid(input)", "float"
)
pointwise("sinc F.sigmoid F.tanh special.expit(input)", "float")
pointwise("erf erfc erfinv lgamma digamma deg2rad rad2deg i0 mvlgamma(input, p=1)", "float", COMPLEX)
pointwise("logit(input, eps=None)", "float", COMPLEX)
pointwise("square positive(input)", refuses=frozenset())
pointwise("abs absolute operator.abs(input)", "real", BOOLEAN)
pointwise("neg negative operator.neg(input)", refuses=BOOLEAN)
pointwise("operator.pos(input)")
pointwise("sign sgn(input)")
pointwise("floor ceil trunc fix round(input, decimals=0)", refuses=COMPLEX | BOOLEAN)
pointwise("frac(input)", refuses=COMPLEX | BOOLEAN | INTEGRAL)
pointwise("nan_to_num(input, nan=None, posinf=None, neginf=None)")
pointwise("bitwise_not operator.invert(input)", refuses=FLOATING | COMPLEX)
pointwise("isnan isinf isfinite isreal logical_not(input)", "bool")
pointwise("isposinf isneginf signbit(input)", "bool", COMPLEX)

# --- two operands ----------------------------------------------------------------------------------------------

pointwise("add operator.add(input, other, alpha=1)")
pointwise("mul multiply operator.mul(input, other)")
pointwise("maximum minimum fmax fmin(input, other)", refuses=COMPLEX)
pointwise("remainder fmod operator.mod floor_divide operator.floordiv(input, other)", refuses=COMPLEX)
pointwise("true_divide operator.truediv(input, other)", "float")
pointwise("atan2 arctan2 hypot copysign logaddexp logaddexp2 xlogy nextafter(input, other)", "float", COMPLEX)
pointwise("eq ne not_equal operator.eq operator.ne(input, other)", "bool")
pointwise("lt le gt ge less less_equal greater greater_equal(input, other)", "bool", COMPLEX)
pointwise("operator.lt operator.le operator.gt operator.ge(input, other)", "bool", COMPLEX)
pointwise("isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False)", "bool")
pointwise("logical_and logical_or logical_xor(input, other)", "bool")
pointwise("bitwise_and bitwise_or bitwise_xor operator.and_ operator.or_ operator.xor(input, other)", refuses=FLOATING)
pointwise("pow(input, exponent)", refuses=frozenset())
pointwise("operator.pow(input, other)")


@rule("sub subtract operator.sub", kind="pointwise")
def sub(input: Number, other: Number, alpha: Value = 1) -> TensorValue:
    """``input - other``, which torch refuses for two bools."""
    booleans = [getattr(value, "dtypes", None) == BOOLEAN or value in (True, False) for value in (input, other)]
    if all(booleans):
        hint = "`^` is the symmetric difference of masks, `~` negates one"
        raise OpError("`-` of two bool tensors is not defined", kind="dtype", operands=("input", "other"), hint=hint)
    return elementwise({"input": input, "other": other})


@rule("div divide", kind="pointwise")
def div(input: Number, other: Number, *, rounding_mode: str | None = None) -> TensorValue:
    return elementwise({"input": input, "other": other}, "promote" if rounding_mode else "float")
