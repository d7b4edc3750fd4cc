"""Calls of normalization and of distances."""

from __future__ import annotations

from tests.ops.differential import Call, Draw, T, call, cases

FLOATS = "float32 float32 float32 float64"


def maybe(g: Draw, shape: tuple[int, ...]) -> T | None:
    wrong = tuple(size + 1 for size in shape)
    return T(wrong if g.chance(0.05) else shape) if g.chance(0.5) else None


@cases("torch.layer_norm F.layer_norm")
def layer_norm(g: Draw) -> Call:
    trailing = tuple(g.positive() for _ in range(g.randint(1, 2)))
    return call(T((*g.shape(0, 2), *g.corrupt(trailing, 0.15))), trailing, maybe(g, trailing), maybe(g, trailing))


@cases("torch.rms_norm F.rms_norm")
def rms_norm(g: Draw) -> Call:
    trailing = tuple(g.positive() for _ in range(g.randint(1, 2)))
    return call(T((*g.shape(0, 2), *g.corrupt(trailing, 0.15))), trailing, maybe(g, trailing))


@cases("F.batch_norm")
def batch_norm(g: Draw) -> Call:
    c = g.positive()
    x = g.corrupt((g.positive(), c, *(g.positive() for _ in range(g.randint(0, 3)))), 0.15)
    return call(T(x), T(g.corrupt((c,), 0.05)), T((c,), low=1), maybe(g, (c,)), maybe(g, (c,)))


@cases("F.instance_norm")
def instance_norm(g: Draw) -> Call:
    c = g.positive()
    x = g.corrupt((g.positive(), c, *(g.choice([2, 3]) for _ in range(g.randint(1, 3)))), 0.1)
    return call(T(x), None, None, maybe(g, (c,)), maybe(g, (c,)))


@cases("torch.group_norm F.group_norm")
def group_norm(g: Draw) -> Call:
    groups = g.randint(1, 3)
    c = groups * g.positive()
    x = g.corrupt((2, c, *(g.choice([2, 3]) for _ in range(g.randint(0, 2)))), 0.15)
    return call(T(x), groups, maybe(g, (c,)), maybe(g, (c,)))


@cases("F.local_response_norm")
def local_response_norm(g: Draw) -> Call:
    return call(T(tuple(g.positive() for _ in range(g.randint(2, 5)))), 2)


@cases("F.normalize")
def normalize(g: Draw) -> Call:
    x = g.tensor()
    return call(x, dim=g.dim(len(x.shape))) if g.chance(0.7) else call(x, p=1)


@cases("torch.cosine_similarity F.cosine_similarity")
def cosine_similarity(g: Draw) -> Call:
    x = g.tensor(FLOATS)
    other = T(g.broadcastable(x.shape), g.dtype(FLOATS))
    return call(x, other, dim=g.dim(len(x.shape))) if g.chance(0.7) else call(x, other)


@cases("torch.pairwise_distance F.pairwise_distance")
def pairwise_distance(g: Draw) -> Call:
    x = g.tensor(FLOATS)
    return call(x, T(g.broadcastable(x.shape), g.dtype(FLOATS)), keepdim=g.chance(0.5))


@cases("torch.pdist F.pdist")
def pdist(g: Draw) -> Call:
    return call(T(g.corrupt((g.size(), g.positive()), 0.2)))
