"""Calls of convolution, pooling and unfolding."""

from __future__ import annotations

from typing import Any

from tests.ops.differential import Call, Draw, T, call, cases


def image(g: Draw, spatial: int, channels: int | None = None) -> tuple[int, ...]:
    """Channels and `spatial` dims, with a batch or without, mostly."""
    shape = [channels or g.positive(), *(g.choice([3, 4, 5, 6, 8]) for _ in range(spatial))]
    if g.chance(0.75):
        shape.insert(0, g.positive())
    return tuple(max(1, size) for size in g.corrupt(shape, 0.12))


def some(g: Draw, spatial: int, choices: list[int]) -> Any:
    """One number, or one for each dim."""
    if g.chance(0.5):
        return g.choice(choices)
    return tuple(g.choice(choices) for _ in range(spatial if g.chance(0.97) else spatial + 1))


def options(g: Draw, spatial: int, **choices: list[int]) -> dict[str, Any]:
    return {name: some(g, spatial, values) for name, values in choices.items() if g.chance(0.4)}


def _convolutions(spatial: int) -> None:
    @cases(f"torch.conv{spatial}d F.conv{spatial}d")
    def convolution(g: Draw) -> Call:
        groups = g.choice([1, 1, 2])
        c, out = groups * g.randint(1, 2), groups * g.randint(1, 2)
        kernel = tuple(g.randint(1, 3) for _ in range(spatial))
        weight = tuple(max(1, size) for size in g.corrupt((out, c // groups, *kernel), 0.08))
        bias = [T(g.corrupt((out,), 0.1))] if g.chance(0.4) else [None]
        facts = options(g, spatial, stride=[1, 2, 3], dilation=[1, 2])
        if g.chance(0.5):
            facts["padding"] = g.choice(["same", "valid"]) if g.chance(0.3) else some(g, spatial, [0, 1, 2])
        return call(T(image(g, spatial, c)), T(weight), *bias, **facts, groups=groups)

    @cases(f"torch.conv_transpose{spatial}d F.conv_transpose{spatial}d")
    def transposed(g: Draw) -> Call:
        groups = g.choice([1, 1, 2])
        c, out = groups * g.randint(1, 2), groups * g.randint(1, 2)
        kernel = tuple(g.randint(1, 3) for _ in range(spatial))
        weight = tuple(max(1, size) for size in g.corrupt((c, out // groups, *kernel), 0.08))
        bias = [T(g.corrupt((out,), 0.1))] if g.chance(0.4) else [None]
        facts = options(g, spatial, stride=[1, 2, 3], dilation=[1, 2], padding=[0, 1], output_padding=[0, 1])
        return call(T(image(g, spatial, c)), T(weight), *bias, **facts, groups=groups)


def _poolings(spatial: int) -> None:
    @cases(f"torch.max_pool{spatial}d F.max_pool{spatial}d")
    def max_pool(g: Draw) -> Call:
        facts = options(g, spatial, stride=[1, 2, 3], padding=[0, 1], dilation=[1, 2])
        facts["ceil_mode"] = g.chance(0.4)
        return call(T(image(g, spatial)), some(g, spatial, [1, 2, 3]), **facts)

    @cases(f"F.avg_pool{spatial}d" + " torch.avg_pool1d" * (spatial == 1))
    def avg_pool(g: Draw) -> Call:
        facts = options(g, spatial, stride=[1, 2, 3], padding=[0, 1])
        facts["ceil_mode"] = g.chance(0.4)
        return call(T(image(g, spatial)), some(g, spatial, [1, 2, 3]), **facts)

    @cases(
        f"F.adaptive_avg_pool{spatial}d F.adaptive_max_pool{spatial}d" + " torch.adaptive_avg_pool1d" * (spatial == 1)
    )
    def adaptive(g: Draw) -> Call:
        size: Any = g.positive()
        if g.chance(0.5) and spatial > 1:
            size = tuple(g.positive() for _ in range(spatial))
        return call(T(image(g, spatial)), size)


for _spatial in (1, 2, 3):
    _convolutions(_spatial)
    _poolings(_spatial)


@cases("F.unfold")
def unfold(g: Draw) -> Call:
    return call(T(image(g, 2)), some(g, 2, [1, 2, 3]), **options(g, 2, stride=[1, 2], padding=[0, 1], dilation=[1, 2]))


@cases("F.fold")
def fold(g: Draw) -> Call:
    height, width, kernel, stride = g.randint(3, 6), g.randint(3, 6), g.randint(1, 3), g.randint(1, 2)
    count = ((height - kernel) // stride + 1) * ((width - kernel) // stride + 1)
    x = g.corrupt((*g.choice([(), (2,)]), g.randint(1, 2) * kernel * kernel, count), 0.15)
    return call(T(x), (height, width), kernel, stride=stride)


@cases("Tensor.unfold")
def windows_of(g: Draw) -> Call:
    x = g.tensor()
    return call(x, g.dim(len(x.shape)), g.randint(0, 3), g.randint(0, 3) if g.chance(0.2) else g.randint(1, 3))
