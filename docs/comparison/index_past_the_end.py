"""A fourth color of three."""

from jaxtyping import Float
from torch import Tensor


def alpha(image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b h w"]:
    return image[:, 3]  # fix: return image[:, 2]


# run: alpha(torch.randn(2, 3, 5, 7))
