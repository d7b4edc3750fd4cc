"""Random calls: tensors to be made, shapes that mostly fit, dims that are mostly in range."""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import torch

SIZES = (0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 8)


@dataclass(frozen=True)
class T:
    """A tensor to be made: uniform in [low, high), or what `make` makes of shape and dtype."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    low: float = 0
    high: float = 4
    make: Callable[[Any], Any] | None = field(default=None, repr=False)

    def real(self) -> torch.Tensor:
        dtype = getattr(torch, self.dtype)
        numbers = torch.rand(self.shape, dtype=torch.float64) * (self.high - self.low) + self.low
        tensor = numbers > (self.low + self.high) / 2 if dtype is torch.bool else numbers.to(dtype)
        return tensor if self.make is None else self.make(tensor)


@dataclass(frozen=True)
class Call:
    """The arguments of a call; also a module's constructor's, as the first argument of a call of the module."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def __repr__(self) -> str:
        return ", ".join([*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.kwargs.items())])


def call(*args: Any, **kwargs: Any) -> Call:
    return Call(args, kwargs)


class Draw(random.Random):
    """Random shapes and arguments, most of them valid."""

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def size(self) -> int:
        return self.choice(SIZES)

    def positive(self) -> int:
        return max(1, self.size())

    def shape(self, least: int = 0, most: int = 5) -> tuple[int, ...]:
        return tuple(self.size() for _ in range(self.randint(least, most)))

    def tensor(self, dtypes: str = "float32", least: int = 0, most: int = 5, **facts: Any) -> T:
        return T(self.shape(least, most), self.dtype(dtypes), **facts)

    def dtype(self, dtypes: str = "float32 float64 int64 int32 bool uint8 float16 complex64") -> str:
        return self.choice(dtypes.split())

    def dim(self, rank: int, wrong: float = 0.08) -> int:
        if rank == 0 or self.chance(wrong):
            return self.randint(-rank - 2, rank + 2)
        return self.randrange(-rank, rank)

    def dims(self, rank: int, wrong: float = 0.08) -> tuple[int, ...]:
        """Some dims, each once."""
        chosen = [dim - self.choice((0, rank)) for dim in self.sample(range(rank), self.randint(0, rank))]
        if self.chance(wrong):
            chosen.append(self.dim(rank, 0.5))
        return tuple(chosen)

    def permutation(self, rank: int) -> tuple[int, ...]:
        order = [dim - self.choice((0, rank)) for dim in self.sample(range(rank), rank)]
        if self.chance(0.1):
            order.append(self.dim(rank, 0.5))
        if order and self.chance(0.1):
            order.pop()
        return tuple(order)

    def corrupt(self, shape: Sequence[int], probability: float = 0.2) -> tuple[int, ...]:
        """`shape`, sometimes with a dim changed, lost or added."""
        changed = list(shape)
        if self.chance(probability):
            match self.randrange(3):
                case 0 if changed:
                    changed[self.randrange(len(changed))] = self.size()
                case 1 if changed:
                    changed.pop(self.randrange(len(changed)))
                case _:
                    changed.insert(self.randint(0, len(changed)), self.size())
        return tuple(changed)

    def broadcastable(self, shape: Sequence[int]) -> tuple[int, ...]:
        """A shape that broadcasts with `shape`, most of the time."""
        kept = shape[self.randint(0, len(shape)) if self.chance(0.4) else 0 :]
        return self.corrupt([1 if self.chance(0.2) else size for size in kept], 0.15)

    def factors(self, count: int) -> tuple[int, ...]:
        """A shape of `count` elements."""
        sizes = []
        while count > 1 and len(sizes) < 3:
            divisor = self.choice([d for d in range(1, count + 1) if count % d == 0])
            sizes.append(divisor)
            count //= divisor
        sizes.insert(self.randint(0, len(sizes)), count)
        return tuple(sizes)


def total(sizes: Iterable[int]) -> int:
    return reduce(operator.mul, sizes, 1)
