"""Calls that sort, scan, flip, count and search."""

from __future__ import annotations

from tests.ops.differential import Call, Draw, T, call, cases


@cases("sort argsort")
def sort(g: Draw) -> Call:
    x = g.tensor("float32 int64")
    return call(x, dim=g.dim(len(x.shape)), descending=True) if g.chance(0.8) else call(x)


@cases("msort")
def msort(g: Draw) -> Call:
    return call(g.tensor("float32 int64"))


@cases("topk")
def topk(g: Draw) -> Call:
    x = g.tensor("float32 int64")
    return call(x, g.randint(0, 3), g.dim(len(x.shape))) if g.chance(0.8) else call(x, 1)


@cases("unique unique_consecutive", open_sizes=True)
def unique(g: Draw) -> Call:
    x = g.tensor("float32 int64")
    facts = {"return_inverse": g.chance(0.5), "return_counts": g.chance(0.5)} if g.chance(0.6) else {}
    dim = {"dim": g.dim(len(x.shape))} if x.shape and 0 not in x.shape and g.chance(0.5) else {}
    return call(x, **facts, **dim)


@cases("cumsum cumprod")
def cumsum(g: Draw) -> Call:
    x = g.tensor("float32 int64 int32 bool")
    return call(x, g.dim(len(x.shape)), **({"dtype": "torch.float64"} if g.chance(0.2) else {}))


@cases("logcumsumexp cummax cummin")
def cummax(g: Draw) -> Call:
    x = g.tensor("float32")
    return call(x, g.dim(len(x.shape)))


@cases("softmax log_softmax F.softmax F.log_softmax special.softmax special.log_softmax F.softmin")
def softmax(g: Draw) -> Call:
    x = g.tensor("float32 float32 float32 float64 int64")
    return call(x, dim=g.dim(len(x.shape)), **({"dtype": "torch.float64"} if g.chance(0.2) else {}))


@cases("diff")
def diff(g: Draw) -> Call:
    x = g.tensor("float32 int64")
    return call(x, g.randint(0, 2), g.dim(len(x.shape))) if g.chance(0.7) else call(x)


@cases("torch.flip")
def torch_flip(g: Draw) -> Call:
    x = g.tensor()
    return call(x, g.dims(len(x.shape)))


@cases("Tensor.flip")
def flip(g: Draw) -> Call:
    x = g.tensor()
    dims = g.dims(len(x.shape))
    return call(x, dims) if g.chance(0.5) else call(x, *(dims or (0,)))


@cases("fliplr flipud")
def fliplr(g: Draw) -> Call:
    return call(g.tensor())


@cases("roll")
def roll(g: Draw) -> Call:
    x = g.tensor()
    if g.chance(0.3):
        return call(x, 1)
    dims = g.dims(len(x.shape)) if x.shape else (0,)
    return call(x, g.corrupt([1] * len(dims), 0.1), dims)


@cases("rot90")
def rot90(g: Draw) -> Call:
    x = g.tensor()
    return call(x, g.randint(-2, 3), g.permutation(len(x.shape))[:2]) if g.chance(0.7) else call(x)


@cases("bincount", open_sizes=True, open_dtype=True)
def bincount(g: Draw) -> Call:
    size = g.positive()
    weights = [T(g.corrupt((size,), 0.1))] if g.chance(0.4) else []
    return call(T(g.corrupt((size,), 0.1), g.dtype("int64 int32 int64 float32")), *weights)


@cases("histc")
def histc(g: Draw) -> Call:
    return call(g.tensor("float32 float32 int64"), *([g.randint(0, 4)] if g.chance(0.5) else []))


@cases("torch.searchsorted")
def searchsorted(g: Draw) -> Call:
    batch = g.shape(0, 2)
    ordered = T((*batch, g.size()))
    values = 0.5 if g.chance(0.1) else T(g.corrupt((*batch, g.size()), 0.1)) if g.chance(0.7) else g.tensor()
    return call(ordered, values, **({"out_int32": True} if g.chance(0.3) else {}))


@cases("torch.bucketize")
def bucketize(g: Draw) -> Call:
    return call(g.tensor(), T(g.corrupt((g.size(),), 0.1)), **({"out_int32": True} if g.chance(0.3) else {}))


@cases("torch.isin")
def isin(g: Draw) -> Call:
    return call(g.tensor(), 1 if g.chance(0.3) else g.tensor())


@cases("renorm")
def renorm(g: Draw) -> Call:
    x = g.tensor()
    return call(x, 2, g.dim(len(x.shape)), 1.0)
