"""Calls that make tensors."""

from __future__ import annotations

from typing import Any

import torch

from tests.ops.differential import Call, Draw, T, call, cases

DTYPES = "float32 float64 int64 bool complex64"


def dtype(g: Draw) -> dict[str, Any]:
    return {"dtype": f"torch.{g.dtype('float32 float64 float16')}"} if g.chance(0.3) else {}


def sizes(g: Draw) -> tuple[Any, ...]:
    """``2, 3`` or ``(2, 3)``."""
    shape = tuple(-1 if g.chance(0.02) else size for size in g.shape())
    return shape if shape and g.chance(0.5) else (list(shape) if g.chance(0.3) else shape,)


@cases("torch.zeros torch.ones torch.empty torch.rand torch.randn")
def zeros(g: Draw) -> Call:
    return call(*sizes(g), **dtype(g))


@cases("torch.full")
def full(g: Draw) -> Call:
    return call(g.shape(), g.choice([1, 0.5, True]), **dtype(g))


@cases("torch.zeros_like torch.ones_like torch.empty_like")
def zeros_like(g: Draw) -> Call:
    return call(g.tensor(DTYPES), **dtype(g))


@cases("torch.rand_like torch.randn_like")
def rand_like(g: Draw) -> Call:
    return call(g.tensor("float32 float64"), **dtype(g))


@cases("torch.full_like")
def full_like(g: Draw) -> Call:
    return call(g.tensor(DTYPES), 1, **dtype(g))


@cases("torch.randint_like")
def randint_like(g: Draw) -> Call:
    return call(g.tensor("int64 float32"), *([0] if g.chance(0.5) else []), 9)


@cases("Tensor.new_zeros Tensor.new_ones Tensor.new_empty")
def new_zeros(g: Draw) -> Call:
    return call(g.tensor(DTYPES), *sizes(g), **dtype(g))


@cases("Tensor.new_full")
def new_full(g: Draw) -> Call:
    return call(g.tensor("float32 int64"), g.shape(), 1, **dtype(g))


@cases("torch.randint")
def randint(g: Draw) -> Call:
    return call(*([0] if g.chance(0.5) else []), 9, g.shape(), **dtype(g))


@cases("torch.randperm")
def randperm(g: Draw) -> Call:
    return call(g.randint(-1, 6))


@cases("torch.eye")
def eye(g: Draw) -> Call:
    return call(g.size(), *([g.randint(-1, 5)] if g.chance(0.5) else []), **dtype(g))


@cases("torch.arange")
def arange(g: Draw) -> Call:
    numbers = [g.choice([g.randint(-2, 6), g.randint(0, 8), g.randint(0, 12) / 2]) for _ in range(g.randint(1, 3))]
    return call(*numbers, **({"dtype": "torch.float32"} if g.chance(0.3) else {}))


@cases("torch.linspace torch.logspace")
def linspace(g: Draw) -> Call:
    return call(g.choice([0, 0.5]), g.choice([1, 2.5]), g.randint(-1, 6), **dtype(g))


@cases(
    "torch.hann_window torch.hamming_window torch.blackman_window torch.bartlett_window torch.kaiser_window",
)
def hann_window(g: Draw) -> Call:
    return call(g.randint(-1, 6))


@cases("torch.scalar_tensor")
def scalar_tensor(g: Draw) -> Call:
    return call(g.choice([1, 0.5]))


def data(g: Draw, depth: int) -> Any:
    """Nested lists of numbers, nearly always regular."""
    if depth == 0:
        return g.choice([1, 2, 0.5, True]) if g.chance(0.1) else 2
    shape = [g.randint(0, 3) for _ in range(depth)]

    def nested(level: int) -> Any:
        if level == depth:
            return g.choice([1, 0.5, True])
        length = shape[level] + (0 not in shape and g.chance(0.03))
        return g.choice([list, tuple])(nested(level + 1) for _ in range(length))

    return nested(0)


@cases("torch.tensor torch.as_tensor torch.asarray")
def tensor(g: Draw) -> Call:
    return call(data(g, g.randint(0, 3)), **dtype(g))


def through_numpy(x: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(x.numpy())


@cases("torch.from_numpy", torch=through_numpy)
def from_numpy(g: Draw) -> Call:
    return call(g.tensor(DTYPES))


@cases("Tensor.new_tensor")
def new_tensor(g: Draw) -> Call:
    return call(g.tensor("float32 float64 int64"), data(g, g.randint(0, 3)))


@cases("torch.FloatTensor torch.DoubleTensor torch.LongTensor torch.IntTensor torch.BoolTensor torch.Tensor")
def legacy_tensor(g: Draw) -> Call:
    return call(list(data(g, g.randint(1, 3)))) if g.chance(0.5) else call(*g.shape(1, 3))


@cases("torch.complex torch.polar")
def complex_(g: Draw) -> Call:
    x = g.tensor("float32 float32 float64 int64")
    return call(x, T(g.broadcastable(x.shape), x.dtype if g.chance(0.9) else "float32"))


@cases("torch.normal")
def normal(g: Draw) -> Call:
    if g.chance(0.3):
        return call(0.0, 1.0, g.shape())
    x = g.tensor()
    match g.randrange(3):
        case 0:
            return call(x, 1.0)
        case 1:
            return call(0.0, x)
        case _:
            return call(x, T(g.broadcastable(x.shape)))


@cases("bernoulli torch.poisson")
def bernoulli(g: Draw) -> Call:
    return call(g.tensor("float32 float64", high=1))


@cases("multinomial")
def multinomial(g: Draw) -> Call:
    shape = tuple(g.positive() for _ in range(g.randint(1, 2)))
    return call(
        T(tuple(max(1, size) for size in g.corrupt(shape, 0.1)), low=0.5), g.randint(0, 3) if g.chance(0.1) else 2, True
    )
