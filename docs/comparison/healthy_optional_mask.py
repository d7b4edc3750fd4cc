"""Healthy: an argument that may be left out."""

from jaxtyping import Bool, Float
from torch import Tensor


def pooled(x: Float[Tensor, "b t d"], mask: Bool[Tensor, "b t"] | None = None) -> Float[Tensor, "b d"]:
    if mask is None:
        return x.mean(dim=1)
    weights = mask.float().unsqueeze(-1)
    return (x * weights).sum(dim=1) / weights.sum(dim=1)


# run: pooled(torch.randn(2, 5, 7))
