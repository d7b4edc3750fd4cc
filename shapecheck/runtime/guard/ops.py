"""Torch's callables by what guards ask of them: a table of names, resolved to the objects that a mode is given.

    POINTWISE    stretches its tensor operands against one another (`a + b`, `torch.where`, `x.clamp(min=t)`)
    IN_PLACE     the same, written into the first operand, which torch never stretches (`a += b`, `a.mul_(b)`)
    LOSS         input and target of one shape (`F.mse_loss`), though torch stretches them
    REDUCTION    drops the dims it reduces unless told to keep them (`x.sum(1)`); the number is where `dim` stands
    SAME_SHAPE   one tensor in, the same dims out (`x.exp()`, `x.to(d)`, `F.softmax`)

A name stands for every spelling of it: `torch.add`, `Tensor.add`, `Tensor.__add__`, `torch.special.…`.
docs/guards-stretching.md lists what torch itself does with each, by running it; a test holds this table against that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Op = Callable[..., Any]

_POINTWISE = """
    add sub subtract rsub mul multiply div divide true_divide floor_divide remainder fmod pow float_power
    maximum minimum max min fmax fmin clamp clip clamp_min clamp_max where lerp addcmul addcdiv
    eq ne not_equal lt less le less_equal gt greater ge greater_equal isclose allclose
    logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor
    bitwise_left_shift bitwise_right_shift gcd lcm
    atan2 arctan2 hypot copysign nextafter heaviside ldexp logaddexp logaddexp2 xlogy xlog1py zeta
    igamma igammac gammainc gammaincc binomial complex polar dist
    chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v chebyshev_polynomial_w
    shifted_chebyshev_polynomial_t shifted_chebyshev_polynomial_u shifted_chebyshev_polynomial_v
    shifted_chebyshev_polynomial_w hermite_polynomial_h hermite_polynomial_he laguerre_polynomial_l
    legendre_polynomial_p cosine_similarity pairwise_distance vecdot masked_select
"""

_OPERATORS = """
    add sub mul div truediv floordiv mod pow and or xor lshift rshift eq ne lt le gt ge
"""

# kl_div, poisson_nll, gaussian_nll, multilabel_soft_margin and hinge_embedding stretch without even a warning
_LOSS = """
    mse_loss l1_loss smooth_l1_loss huber_loss kl_div poisson_nll_loss gaussian_nll_loss hinge_embedding_loss
    multilabel_soft_margin_loss soft_margin_loss margin_ranking_loss
"""

# by the position of `dim` among the arguments that follow the input
_REDUCTION = {
    1: """sum mean amax amin max min prod std var var_mean std_mean logsumexp median nanmedian mode nansum nanmean
          argmax argmin all any count_nonzero aminmax""",
    2: "norm vector_norm quantile nanquantile kthvalue",
}

_SAME_SHAPE = """
    abs absolute neg negative positive sign sgn square sqrt rsqrt reciprocal exp exp2 expm1 log log2 log10 log1p
    sin cos tan sinh cosh tanh asin acos atan sinc erf erfc erfinv lgamma digamma sigmoid logit floor ceil round trunc
    frac nan_to_num relu relu6 elu selu celu gelu silu mish leaky_relu hardtanh hardswish hardsigmoid softplus
    softsign tanhshrink threshold softmax log_softmax softmin dropout alpha_dropout logsigmoid normalize
    isnan isinf isfinite logical_not bitwise_not clone detach contiguous to type type_as float double half bfloat16 int
    long bool cpu cuda requires_grad_ cumsum cumprod masked_fill zeros_like ones_like rand_like randn_like full_like
    empty_like
"""


def spellings(name: str) -> Iterator[Op]:
    """Every callable of torch called `name`."""
    for owner in (torch, Tensor, torch.special, torch.linalg, F):
        if callable(op := getattr(owner, name, None)):
            yield op


def _operators(prefix: str) -> Iterator[Op]:
    for name in _OPERATORS.split():
        if callable(op := getattr(Tensor, f"__{prefix}{name}__", None)):
            yield op


POINTWISE: frozenset[Op] = frozenset(
    [*(op for name in _POINTWISE.split() for op in spellings(name)), *_operators(""), *_operators("r")]
)
IN_PLACE: frozenset[Op] = frozenset(
    [*(op for name in _POINTWISE.split() for op in spellings(f"{name}_")), *_operators("i")]
)
LOSS: frozenset[Op] = frozenset(op for name in _LOSS.split() for op in spellings(name))
REDUCTION: dict[Op, int] = {
    op: position for position, names in _REDUCTION.items() for name in names.split() for op in spellings(name)
}
SAME_SHAPE: frozenset[Op] = frozenset(
    op for name in _SAME_SHAPE.split() for spelling in (name, f"{name}_") for op in spellings(spelling)
)
