"""Modules: what `__init__` makes, what other methods make of it, inheritance, containers."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn


class Mlp(nn.Module):
    def __init__(self, d: int, h: int) -> None:
        super().__init__()
        self.up = nn.Linear(d, h)
        self.down = nn.Linear(h, d)
        self.scale = nn.Parameter(torch.ones(d))
        self.register_buffer("shift", torch.zeros(d))

    def forward(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return self.down(F.relu(self.up(x))) * self.scale + self.shift

    def wrong(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return self.up(x).mean(1)  # error: return-shape

    def transposed(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "d b"]:
        return self.down(self.up(x))  # error: return-shape


class Constants(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        self.head = nn.Linear(8 * 8 * 8, 10)

    def forward(self, x: Float[Tensor, "b 3 28 28"]) -> Float[Tensor, "b 10"]:
        return self.head(self.features(x))  # error: shape-mismatch

    def gray(self, x: Float[Tensor, "b 1 28 28"]):
        return self.features(x)  # error: shape-mismatch


class NoAnnotations(nn.Module):
    def __init__(self, dim, hidden=64):
        super().__init__()
        self.first = nn.Linear(dim, hidden)
        self.second = nn.Linear(hidden, dim)

    def forward(self, x):
        return self.second(self.first(x).relu())  # error: shape-mismatch


def through_a_class_without_annotations(x: Float[Tensor, "b 32"]) -> Float[Tensor, "b 32"]:
    return NoAnnotations(32)(x)


def made_for_another_size(x: Float[Tensor, "b 32"]) -> Float[Tensor, "b 32"]:
    return NoAnnotations(16)(x)  # said of the line that fails, in the class


class Child(Mlp):
    def __init__(self, d: int) -> None:
        super().__init__(d, 4 * d)
        self.extra = nn.Linear(d, 5)

    def forward(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b 5"]:
        return self.extra(super().forward(x))

    def hidden(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b 4*d"]:
        return self.up(x)


class OwnLinear(nn.Linear):
    def forward(self, x: Float[Tensor, "b i"]) -> Float[Tensor, "b o"]:
        return super().forward(x)


class Plain(nn.Linear):
    pass


def derived(x: Float[Tensor, "b 3"]) -> Float[Tensor, "b 4"]:
    return Plain(3, 4)(x)


def derived_wrong(x: Float[Tensor, "b 3"]) -> Float[Tensor, "b 4"]:
    return Plain(4, 3)(x)  # error: shape-mismatch


class Stack(nn.Module):
    def __init__(self, d: int, depth: int, classes: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(d, d) for _ in range(depth)])
        self.norms = nn.ModuleList()
        for _ in range(depth):
            self.norms.append(nn.LayerNorm(d))
        self.heads = nn.ModuleDict({"main": nn.Linear(d, classes), "other": nn.Linear(d, 2)})

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t {self.classes}"]:
        for layer, norm in zip(self.layers, self.norms):
            x = x + layer(norm(x))
        return self.heads["other"](x)

    def wrong(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        for layer in self.layers:
            x = layer(x)
        return x.sum(1)  # error: return-shape


class Steps(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        sizes = [4, 8, 16]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, x: Float[Tensor, "b 4"]) -> Float[Tensor, "b 16"]:
        for layer in self.layers:
            x = layer(x)
        return x

    def wrong(self, x: Float[Tensor, "b 4"]) -> Float[Tensor, "b 8"]:
        for layer in self.layers:
            x = layer(x)
        return x  # error: return-shape


class Lazy(nn.Module):
    """What another method assigns may be anything by now."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.weight = torch.zeros(3, 3)
        self.cache = None

    def build(self, n: int) -> None:
        self.other = torch.zeros(n, n)

    def resize(self, n: int) -> None:
        self.weight = torch.zeros(n, n)

    def forward(self, x: Float[Tensor, "b 4"]) -> Float[Tensor, "b 4"]:
        if self.cache is None:
            self.cache = torch.zeros(4)
        return x @ self.weight + self.cache

    def assigned_here(self, x: Float[Tensor, "b 4"]) -> Float[Tensor, "b 4"]:
        self.weight = torch.zeros(5, 5)
        return x @ self.weight  # error: shape-mismatch


@dataclass
class Config:
    d_model: int
    heads: int = 8
    d_head: int = 64

    @property
    def inner(self) -> int:
        return self.heads * self.d_head


class Attention(nn.Module):
    """The attributes of a configuration are sizes, the same ones everywhere."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.qkv = nn.Linear(config.d_model, 3 * config.inner, bias=False)
        self.out = nn.Linear(config.inner, config.d_model)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        b, t, _ = x.shape
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        q, k, v = (y.view(b, t, self.config.heads, self.config.d_head).transpose(1, 2) for y in (q, k, v))
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).reshape(b, t, self.config.inner))

    def not_transposed_back(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        b, t, _ = x.shape
        q = self.qkv(x).chunk(3, dim=-1)[0].view(b, t, self.config.heads, self.config.d_head).transpose(1, 2)
        return self.out(q.reshape(b, t, self.config.inner))  # error: view-as-permute


class Embedder(nn.Module):
    def __init__(self, vocabulary: int, d: int, context: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, d)
        self.positions = nn.Embedding(context, d)

    def forward(self, ids: Int[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
        return self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))

    def from_floats(self, ids: Float[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
        return self.tokens(ids)  # error: dtype-mismatch

    @classmethod
    def small(cls) -> "Embedder":
        return cls(100, 16, 8)

    @staticmethod
    def pooled(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b d"]:
        return x  # error: return-shape

    @property
    def table(self) -> Float[Tensor, "v d"]:
        return self.tokens.weight.sum(0)  # error: return-shape


class Asks(nn.Module):
    """What an object needs by its own size, a caller can't leave free."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads

    def inner(self, x: Float[Tensor, "b {self.heads} t"]) -> Float[Tensor, "b t"]:
        return x.sum(1)

    def forward(self, x: Float[Tensor, "b t n"]) -> Float[Tensor, "b n"]:
        return self.inner(x)  # error: argument-shape


class Gram(nn.Module):
    def __init__(self, n: int):
        super().__init__()
        self.w = nn.Parameter(torch.empty(n, n + 1))

    @property
    def gram(self):
        return self.w @ self.w.T

    def forward(self, x: Float[Tensor, "b n"]) -> Float[Tensor, "b n+1"]:
        return x @ self.gram  # error: return-shape


class Named(nn.Module):
    def __init__(self, d: int):
        super().__init__()
        setattr(self, "head", nn.Linear(d, 3))

    def forward(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b 4"]:
        return self.head(x)  # error: return-shape
