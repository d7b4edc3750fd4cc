"""Healthy: all pairs, spelled out."""

from jaxtyping import Float
from torch import Tensor


def distances(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    return (x[:, None] - y[None]).square().sum(dim=-1).sqrt()


# run: distances(torch.randn(5, 7), torch.randn(11, 7))
