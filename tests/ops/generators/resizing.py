"""Calls that pad, interpolate, shuffle and sample."""

from __future__ import annotations

from typing import Any

from tests.ops.differential import Call, Draw, T, call, cases


@cases("F.pad")
def pad(g: Draw) -> Call:
    x = g.tensor(most=5)
    if g.chance(0.5):
        count = g.randint(0, len(x.shape))
        sizes = [g.randint(-1, 2) for _ in range(2 * count + g.chance(0.05))]
        return call(x, tuple(sizes)) if g.chance(0.5) else call(x, sizes, value=1.0)
    spatial = g.randint(1, 3)
    x = T(g.corrupt([g.positive() for _ in range(spatial + g.randint(1, 2))], 0.1))
    mode = g.choice(["reflect", "replicate", "circular"])
    return call(x, tuple(g.randint(0, 3) for _ in range(2 * spatial)), mode=mode)


MODES = {3: ["nearest", "linear", "area"], 4: ["nearest", "bilinear", "bicubic", "area"], 5: ["nearest", "trilinear"]}


@cases("F.interpolate F.upsample")
def interpolate(g: Draw) -> Call:
    rank = g.randint(3, 5)
    x = T(tuple(max(1, size) for size in g.corrupt([g.positive() for _ in range(rank)], 0.1)))
    mode = g.choice(MODES[rank]) if g.chance(0.95) else "bilinear"
    if g.chance(0.5):
        size: Any = g.positive() if g.chance(0.5) else tuple(g.positive() for _ in range(rank - 2 + g.chance(0.05)))
        return call(x, size=size, mode=mode) if g.chance(0.9) else call(x, size, mode=mode)
    factors = [2, 2.0, 0.5, 1.5, 1.0]
    factor: Any = g.choice(factors) if g.chance(0.6) else tuple(g.choice(factors) for _ in range(rank - 2))
    x = T(tuple(max(2, size) for size in x.shape))
    return call(x, scale_factor=factor, mode=mode)


@cases("torch.pixel_shuffle F.pixel_shuffle")
def pixel_shuffle(g: Draw) -> Call:
    r = g.randint(1, 3)
    return call(T(g.corrupt((*g.shape(0, 2), r * r * g.size(), g.size(), g.size()), 0.2)), r)


@cases("torch.pixel_unshuffle F.pixel_unshuffle")
def pixel_unshuffle(g: Draw) -> Call:
    r = g.randint(1, 3)
    shape = g.corrupt((*g.shape(0, 2), g.size(), r * g.size(), r * g.size()), 0.2)
    return call(T(tuple(max(1, size) for size in shape)), r)  # torch doesn't look at what is empty


@cases("torch.channel_shuffle F.channel_shuffle")
def channel_shuffle(g: Draw) -> Call:
    groups = g.randint(1, 3)
    return call(T(g.corrupt((g.positive(), groups * g.positive(), *(g.positive() for _ in range(2))), 0.2)), groups)


@cases("F.grid_sample")
def grid_sample(g: Draw) -> Call:
    spatial = g.randint(2, 3)
    n, c = g.positive(), g.positive()
    x = g.corrupt((n, c, *(g.positive() for _ in range(spatial))), 0.1)
    grid = g.corrupt((n, *(g.positive() for _ in range(spatial)), spatial), 0.15)
    return call(T(x), T(grid, g.dtype("float32 float32 float32 float32 float64")), align_corners=False)


@cases("F.affine_grid")
def affine_grid(g: Draw) -> Call:
    spatial = g.randint(2, 3)
    n = g.positive()
    size = tuple(g.corrupt((n, *(g.positive() for _ in range(spatial + 1))), 0.05))
    return call(T(g.corrupt((n, spatial, spatial + 1), 0.15)), size, align_corners=False)


@cases("F.one_hot", open_sizes=True)
def one_hot(g: Draw) -> Call:
    return call(T(tuple(g.positive() for _ in range(g.randint(0, 3))), g.dtype("int64 int64 int64 float32 int32")), 4)
