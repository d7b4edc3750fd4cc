"""The mistake is behind a transform of functions."""

import torch
from jaxtyping import Float
from torch import Tensor


def similarity(x: Float[Tensor, "b d"], y: Float[Tensor, "d b"]) -> Float[Tensor, "b"]:
    return torch.vmap(torch.dot)(x, y)  # fix: return torch.vmap(torch.dot, in_dims=(0, 1))(x, y)


# run: similarity(torch.randn(2, 5), torch.randn(5, 2))
