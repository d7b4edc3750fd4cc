"""Calls of pointwise ops."""

from __future__ import annotations

from typing import Any

from tests.ops.differential import Call, Draw, T, call, cases

DTYPES = "float32 float32 float64 int64 int32 uint8 bool float16 bfloat16 complex64"


def operand(g: Draw, shape: tuple[int, ...]) -> Any:
    """A tensor that mostly broadcasts with `shape`, or a number."""
    if g.chance(0.2):
        return g.choice([2, 1.5, True])
    return T(g.broadcastable(shape), g.dtype(DTYPES), low=1)


@cases(
    """acos arccos acosh arccosh asin arcsin asinh arcsinh atan arctan atanh arctanh cos cosh sin sinh tan tanh exp
    exp2 expm1 log log10 log1p log2 sqrt rsqrt reciprocal sigmoid sinc F.sigmoid F.tanh special.expit erf erfc erfinv
    lgamma digamma deg2rad rad2deg i0 logit square positive abs absolute operator.abs neg negative operator.neg
    operator.pos sign sgn floor ceil trunc fix round frac nan_to_num bitwise_not operator.invert isnan isinf isfinite
    isreal logical_not isposinf isneginf signbit"""
)
def one_operand(g: Draw) -> Call:
    return call(g.tensor(DTYPES))


@cases("mvlgamma")
def mvlgamma(g: Draw) -> Call:
    return call(g.tensor(DTYPES, low=3, high=9), 2)


@cases(
    """add mul multiply remainder fmod floor_divide true_divide copysign xlogy special.xlogy eq ne not_equal lt le gt ge
    less less_equal greater greater_equal sub subtract maximum minimum fmax fmin
    atan2 arctan2 hypot logaddexp logaddexp2 nextafter logical_and logical_or logical_xor float_power
    ldexp"""
)
def two_operands(g: Draw) -> Call:
    x = g.tensor(DTYPES, low=1)
    return call(x, operand(g, x.shape))


@cases("bitwise_left_shift bitwise_right_shift operator.lshift operator.rshift gcd lcm")
def two_integers(g: Draw) -> Call:
    x = g.tensor("int64 int32 uint8 int64 float32", low=1)
    return call(x, 2 if g.chance(0.2) else T(g.broadcastable(x.shape), g.dtype("int64 int32 uint8"), low=1))


@cases("bitwise_and bitwise_or bitwise_xor operator.and_ operator.or_ operator.xor")
def two_masks(g: Draw) -> Call:
    x = g.tensor("bool bool int64 uint8 float32 complex64", low=1)
    other = (
        g.choice([True, 2]) if g.chance(0.2) else T(g.broadcastable(x.shape), g.dtype("bool bool int64 uint8 float32"))
    )
    return call(x, other)


@cases("isclose heaviside")
def two_alike(g: Draw) -> Call:
    x = g.tensor("float32 float64 int64")
    return call(x, T(g.broadcastable(x.shape), x.dtype if g.chance(0.9) else "float32"))


@cases("clamp clip")
def clamp(g: Draw) -> Call:
    x = g.tensor(DTYPES)
    bounds = g.choice([{"min": 1}, {"max": 2}, {"min": 1, "max": 2.5}, {}, {"min": T(g.broadcastable(x.shape))}])
    if g.chance(0.2):
        bounds = {"min": T(g.broadcastable(x.shape)), "max": T(g.broadcastable(x.shape), g.dtype(DTYPES))}
    return call(x, **bounds)


@cases("clamp_min clamp_max")
def clamp_min(g: Draw) -> Call:
    x = g.tensor(DTYPES)
    return call(x, operand(g, x.shape))


@cases("torch.where", open_sizes=True)
def where(g: Draw) -> Call:
    shape = g.shape()
    condition = T(g.broadcastable(shape), "bool" if g.chance(0.9) else g.dtype())
    return call(condition) if g.chance(0.2) else call(condition, operand(g, shape), operand(g, shape))


@cases("Tensor.where")
def tensor_where(g: Draw) -> Call:
    x = g.tensor(DTYPES)
    return call(x, T(g.broadcastable(x.shape), "bool"), operand(g, x.shape))


@cases("addcmul addcdiv")
def addcmul(g: Draw) -> Call:
    x = g.tensor("float32 float64")
    others = [T(g.broadcastable(x.shape), g.dtype("float32 float64"), low=1) for _ in range(2)]
    return call(x, *others, **({"value": 0.5} if g.chance(0.5) else {}))


@cases("lerp")
def lerp(g: Draw) -> Call:
    x = g.tensor("float32")
    weight = 0.5 if g.chance(0.4) else T(g.broadcastable(x.shape), g.dtype("float32 float32 float32 float64"))
    return call(x, T(g.broadcastable(x.shape), g.dtype("float32 float32 float32 float64")), weight)


@cases("masked_fill")
def masked_fill(g: Draw) -> Call:
    x = g.tensor("float32 float64")
    value = g.choice([0, 0.5, T(()), T(g.shape(0, 1))])
    return call(x, T(g.broadcastable(x.shape), "bool" if g.chance(0.9) else g.dtype()), value)


@cases(
    """operator.add operator.sub operator.mul operator.truediv operator.floordiv operator.mod operator.eq operator.ne
    operator.lt operator.le operator.gt operator.ge operator.pow"""
)
def two_operands_of_an_operator(g: Draw) -> Call:
    x = g.tensor(DTYPES, low=1)
    pair = [x, operand(g, x.shape)]
    g.shuffle(pair)
    return call(*pair)


@cases("pow")
def pow(g: Draw) -> Call:
    x = g.tensor(DTYPES, low=1)
    return call(x, operand(g, x.shape))


@cases("div divide")
def div(g: Draw) -> Call:
    x = g.tensor(DTYPES, low=1)
    mode = {"rounding_mode": g.choice([None, "floor", "trunc"])} if g.chance(0.4) else {}
    return call(x, operand(g, x.shape), **mode)
