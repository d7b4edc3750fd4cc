"""Healthy: a mean that may be one row or a row for each item."""

from jaxtyping import Float
from torch import Tensor


def centered(x: Float[Tensor, "b d"], mean: Float[Tensor, "#b d"]) -> Float[Tensor, "b d"]:
    return x - mean


# run: centered(torch.randn(5, 7), torch.randn(1, 7))
