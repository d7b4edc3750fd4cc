"""Calls of activations and dropout."""

from __future__ import annotations

from tests.ops.differential import Call, Draw, T, call, cases

DTYPES = "float32 float32 float64 int64 bool float16"


@cases(
    """relu F.relu F.relu6 F.hardtanh F.leaky_relu F.elu F.celu torch.celu F.selu torch.selu F.silu F.mish F.hardswish
    F.hardsigmoid F.gelu F.softplus F.softsign F.logsigmoid F.tanhshrink F.softshrink F.hardshrink hardshrink F.rrelu
    torch.rrelu F.dropout F.alpha_dropout F.feature_alpha_dropout"""
)
def activation(g: Draw) -> Call:
    return call(g.tensor(DTYPES))


@cases("torch.dropout")
def dropout(g: Draw) -> Call:
    return call(g.tensor(DTYPES), 0.5, True)


@cases("F.threshold torch.threshold")
def threshold(g: Draw) -> Call:
    return call(g.tensor(DTYPES), 1, 2)


@cases("prelu F.prelu")
def prelu(g: Draw) -> Call:
    x = g.tensor("float32 float32 float64")
    slopes = x.shape[1] if len(x.shape) > 1 else 1
    return call(x, T(g.corrupt(g.choice([(1,), (slopes,), ()]), 0.15)))


@cases("F.glu")
def glu(g: Draw) -> Call:
    x = T(tuple(2 * g.size() if g.chance(0.8) else g.size() for _ in range(g.randint(0, 4))))
    return call(x, g.dim(len(x.shape))) if g.chance(0.7) else call(x)


@cases("F.gumbel_softmax")
def gumbel_softmax(g: Draw) -> Call:
    x = T(tuple(g.positive() for _ in range(g.randint(0, 3))), g.dtype("float32 float32 float64 int64"))
    return call(x, dim=g.dim(len(x.shape)), hard=g.chance(0.5)) if g.chance(0.7) else call(x)


@cases("F.dropout1d F.dropout2d F.dropout3d")
def channel_dropout(g: Draw) -> Call:
    return call(T(tuple(g.positive() for _ in range(g.randint(1, 5)))))
