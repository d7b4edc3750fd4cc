"""Calls of losses."""

from __future__ import annotations

from typing import Any

from tests.ops.differential import Call, Draw, T, call, cases

FLOATS = "float32 float32 float32 float64"


def reduction(g: Draw) -> dict[str, Any]:
    return {"reduction": g.choice(["none", "mean", "sum"])} if g.chance(0.6) else {}


@cases("F.mse_loss F.l1_loss F.smooth_l1_loss F.huber_loss F.kl_div F.soft_margin_loss F.poisson_nll_loss")
def two_alike(g: Draw) -> Call:
    x = g.tensor(FLOATS)
    return call(x, T(g.broadcastable(x.shape) if g.chance(0.4) else x.shape, g.dtype(FLOATS)), **reduction(g))


@cases("F.hinge_embedding_loss")
def hinge_embedding_loss(g: Draw) -> Call:
    x = g.tensor("float32")
    return call(x, T(g.broadcastable(x.shape) if g.chance(0.4) else x.shape), **reduction(g))


@cases("F.binary_cross_entropy F.binary_cross_entropy_with_logits")
def binary_cross_entropy(g: Draw) -> Call:
    x = g.tensor("float32 float32 float64", high=1)
    dtype = x.dtype if g.chance(0.9) else "int64"
    weight = {"weight": T(g.choice([x.shape, x.shape[1:], (1,)]), x.dtype)} if g.chance(0.3) else {}
    return call(x, T(g.corrupt(x.shape), dtype, high=1), **weight, **reduction(g))


@cases("F.nll_loss F.cross_entropy")
def cross_entropy(g: Draw) -> Call:
    classes = g.choice([2, 3, 5])
    batch = tuple(max(2, g.size()) for _ in range(g.randint(0, 3)))
    x = (batch[0], classes, *batch[1:]) if batch else (classes,)
    dtype = "int64" if g.chance(0.9) else g.dtype("float32 int32")
    weight = {"weight": T((classes + g.chance(0.1),))} if g.chance(0.3) else {}
    return call(
        T(tuple(max(2, size) for size in g.corrupt(x, 0.1))),
        T(g.corrupt(batch, 0.15), dtype, high=2),
        **weight,
        **reduction(g),
    )


@cases("F.multi_margin_loss")
def multi_margin_loss(g: Draw) -> Call:
    n, classes = g.positive(), g.positive()
    shapes = g.choice([((n, classes), (n,)), ((classes,), ())])
    return call(T(g.corrupt(shapes[0], 0.1)), T(g.corrupt(shapes[1], 0.15), "int64", high=1), **reduction(g))


@cases("F.gaussian_nll_loss")
def gaussian_nll_loss(g: Draw) -> Call:
    x = tuple(g.positive() for _ in range(g.randint(1, 3)))
    target = g.corrupt(x, 0.5) if g.chance(0.3) else x
    return call(T(x), T(target), T(x, low=1), **reduction(g))


@cases("F.margin_ranking_loss")
def margin_ranking_loss(g: Draw) -> Call:
    x = tuple(g.positive() for _ in range(g.randint(0, 2)))
    return call(T(x), T(g.corrupt(x, 0.15)), T(g.corrupt(x, 0.15)), **reduction(g))


@cases("F.cosine_embedding_loss")
def cosine_embedding_loss(g: Draw) -> Call:
    x = tuple(g.positive() for _ in range(g.randint(1, 2)))
    return call(T(x), T(g.corrupt(x, 0.15)), T(g.corrupt(x[:-1], 0.15)), **reduction(g))


@cases("F.triplet_margin_loss")
def triplet_margin_loss(g: Draw) -> Call:
    x = tuple(g.positive() for _ in range(g.randint(1, 3)))
    return call(T(x), T(g.corrupt(x, 0.15)), T(g.corrupt(x, 0.15)), **reduction(g))


@cases("F.ctc_loss")
def ctc_loss(g: Draw) -> Call:
    steps, n, classes, length = 8, g.positive(), 4, 2
    scores = T((steps, n, classes), high=-0.1, low=-2)
    return call(scores, T((n, length), "int64", low=1, high=4), (steps,) * n, (length,) * n, **reduction(g))
