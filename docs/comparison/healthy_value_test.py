"""Healthy: an early exit that depends on values."""

from jaxtyping import Float
from torch import Tensor


def centered(x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    if x.abs().max().item() == 0:
        return x
    return (x - x.mean(dim=0)) / x.std(dim=0)


# run: centered(torch.randn(5, 7))
