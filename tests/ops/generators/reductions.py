"""Calls of reductions."""

from __future__ import annotations

from typing import Any

from tests.ops.differential import Call, Draw, T, call, cases

FLOATS = "float32 float64 float32 complex64 int64 bool"


def dim_and_keepdim(g: Draw, rank: int, many: bool = True, numpy: bool = True) -> dict[str, Any]:
    """``dim=``, ``keepdim=`` or numpy's ``axis=``, ``keepdims=``, or neither."""
    facts: dict[str, Any] = {}
    names = ["dim", "dim", "axis"] if numpy else ["dim"]
    if g.chance(0.8):
        facts[g.choice(names)] = g.dims(rank) if many and g.chance(0.5) else g.dim(rank)
        if g.chance(0.4):
            facts["keepdim"] = g.chance(0.5)
    return facts


@cases("sum nansum")
def sum(g: Draw) -> Call:
    x = g.tensor("float32 float64 int64 int32 bool")
    if g.chance(0.2):
        return call(x, g.dim(len(x.shape)), True)
    dtype = {"dtype": "torch.float64"} if g.chance(0.2) else {}
    return call(x, **dim_and_keepdim(g, len(x.shape)), **dtype)


@cases("mean nanmean")
def mean(g: Draw) -> Call:
    x = g.tensor("float32 float64 float32 float32 float16 int64 bool")
    return call(x, **dim_and_keepdim(g, len(x.shape)), **({"dtype": "torch.float64"} if g.chance(0.2) else {}))


@cases("prod")
def prod(g: Draw) -> Call:
    x = g.tensor("float32 int32 bool")
    return call(x, **dim_and_keepdim(g, len(x.shape), many=False))


@cases("all any")
def all(g: Draw) -> Call:
    x = g.tensor("bool float32 int64 uint8")
    return call(x, **dim_and_keepdim(g, len(x.shape)))


@cases("count_nonzero")
def count_nonzero(g: Draw) -> Call:
    x = g.tensor("bool float32")
    return call(x, *([g.dims(len(x.shape)) if g.chance(0.5) else g.dim(len(x.shape))] if g.chance(0.7) else []))


@cases("amax amin")
def amax(g: Draw) -> Call:
    x = g.tensor("float32 int64 bool")
    return call(x, **dim_and_keepdim(g, len(x.shape)))


@cases("argmax argmin")
def argmax(g: Draw) -> Call:
    x = g.tensor("float32 int64")
    return call(x, **dim_and_keepdim(g, len(x.shape), many=False))


@cases("max min")
def max(g: Draw) -> Call:
    x = g.tensor("float32 int64 bool")
    if g.chance(0.2):
        return call(x, T(g.broadcastable(x.shape), g.dtype("float32 int64")))
    return call(x, **dim_and_keepdim(g, len(x.shape), many=False))


@cases("median nanmedian mode")
def median(g: Draw) -> Call:
    x = g.tensor("float32 int64")
    return call(x, **dim_and_keepdim(g, len(x.shape), many=False))


@cases("kthvalue")
def kthvalue(g: Draw) -> Call:
    x = g.tensor("float32 int64")
    return call(x, g.randint(0, 3) if g.chance(0.5) else 1, **dim_and_keepdim(g, len(x.shape), many=False))


@cases("std var torch.std_mean torch.var_mean")
def std(g: Draw) -> Call:
    x = g.tensor("float32 float64 complex64 int64")
    if g.chance(0.1):
        return call(x, g.chance(0.5))
    return call(x, **dim_and_keepdim(g, len(x.shape)))


@cases("logsumexp special.logsumexp")
def logsumexp(g: Draw) -> Call:
    x = g.tensor("float32 float64 int64")
    dim = (g.dims(len(x.shape)) if g.chance(0.3) else ()) or g.dim(len(x.shape))
    return call(x, dim, g.chance(0.3))


@cases("norm")
def norm(g: Draw) -> Call:
    x = g.tensor("float32 float32 complex64 int64")
    p = {"p": g.choice([2, 1, 3.0])} if g.chance(0.5) else {}
    return call(x, **p, **dim_and_keepdim(g, len(x.shape), numpy=False))


@cases("quantile nanquantile")
def quantile(g: Draw) -> Call:
    x = g.tensor("float32 float64 int64")
    q = 0.5 if g.chance(0.6) else T((g.size(),) if g.chance(0.7) else (), g.dtype("float32 float64"), high=1)
    return call(x, q, **dim_and_keepdim(g, len(x.shape), many=False))
