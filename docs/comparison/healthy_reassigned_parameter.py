"""Healthy: a parameter's name is used for the next value."""

from jaxtyping import Float
from torch import Tensor


def flat(x: Float[Tensor, "b h w"]) -> Float[Tensor, "b h*w"]:
    x = x.flatten(1)
    x = x - x.mean(dim=1, keepdim=True)
    return x


# run: flat(torch.randn(2, 5, 7))
