"""Contracted functions and modules that torch's tools are tried on; what lies under the contract is in `bare(...)`.

In a file of their own so that worker processes can import them by name.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from shapecheck import check, contract, dims


def bare(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as its author wrote it."""
    return function.__wrapped__  # type: ignore[attr-defined, no-any-return]


@contract
def scale(x: Float[Tensor, "b c"]) -> Float[Tensor, "b c"]:
    return x * 2 + 1


@contract
def linear(x: Float[Tensor, "b i"], w: Float[Tensor, "o i"]) -> Float[Tensor, "b o"]:
    return x @ w.mT


@contract
def flatten(x: Float[Tensor, "b h w"]) -> Float[Tensor, "b h*w"]:
    return x.reshape(x.shape[0], -1)


@contract
def attend(
    q: Float[Tensor, "b h t d"], k: Float[Tensor, "b h s d"], v: Float[Tensor, "b h s d"]
) -> Float[Tensor, "b h t d"]:
    return (q @ k.mT).softmax(-1) @ v


@contract
def last_dim(x: Float[Tensor, "*batch c"], y: Float[Tensor, "#c"]) -> Float[Tensor, "*batch c"]:
    return x + y


@contract
def total(xs: list[Float[Tensor, "b c"]]) -> Float[Tensor, "b c"]:
    return xs[0] + xs[1] + xs[2]


@contract
def masked(x: Float[Tensor, "b c"], mask: Float[Tensor, "b c"] | None = None) -> Float[Tensor, "b c"]:
    return x if mask is None else x * mask


@contract
def halves(x: Float[Tensor, "b c"]) -> tuple[Float[Tensor, "b c//2"], Float[Tensor, "b c-c//2"]]:
    half = x.shape[-1] // 2
    return x[:, :half], x[:, half:]


@contract
def first(x: Float[Tensor, "b c"], *, n: int) -> Float[Tensor, "{n} c"]:
    return x[:n]


@contract
def embed(table: Float[Tensor, "v d"], tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
    return table[tokens]


@contract
def checked_inside(x: Float[Tensor, "b c"]) -> Float[Tensor, "b"]:
    y = check(x * 2, Float[Tensor, "b c"])
    return y.sum(-1)


@contract
def reads_dims(x: Float[Tensor, "b c"]) -> Float[Tensor, "b c"]:
    return x * dims()["b"]


class Block(nn.Module):
    """A residual block of a transformer's MLP."""

    def __init__(self, d: int = 8) -> None:
        super().__init__()
        self.d = d
        self.up, self.down = nn.Linear(d, 2 * d), nn.Linear(2 * d, d)

    @contract
    def forward(self, x: Float[Tensor, "*b {self.d}"]) -> Float[Tensor, "*b {self.d}"]:
        return x + self.inner(x)

    @contract
    def inner(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        return self.down(torch.relu(self.up(x)))  # type: ignore[no-any-return]


@contract
class Net(nn.Module):
    """The decorator on the class."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Block(8)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b d"]:
        return self.block(x).mean(1)  # type: ignore[no-any-return]


class BareBlock(Block):
    """`Block` without contracts."""

    forward = bare(Block.forward)  # type: ignore[assignment]
    inner = bare(Block.inner)  # type: ignore[assignment]


def sizes(*shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator) for shape in shapes]
