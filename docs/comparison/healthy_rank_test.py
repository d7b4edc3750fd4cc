"""Healthy: a batch dim is added where there is none."""

from jaxtyping import Float
from torch import Tensor


def batched(x: Float[Tensor, "*batch d"], w: Float[Tensor, "d e"]) -> Float[Tensor, "*batch e"]:
    if x.ndim == 1:
        return (x[None] @ w)[0]
    return x @ w


# run: batched(torch.randn(7), torch.randn(7, 5))
