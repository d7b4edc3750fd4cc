"""Heads merged before they were moved behind the tokens."""

from jaxtyping import Float
from torch import Tensor


def merged(x: Float[Tensor, "b h t e"]) -> Float[Tensor, "b t h*e"]:
    b, h, t, e = x.shape
    return x.reshape(b, t, h * e)  # fix: return x.transpose(1, 2).reshape(b, t, h * e)


# run: merged(torch.randn(2, 3, 5, 7))
