"""`einsum` of keys that are transposed already."""

import torch
from jaxtyping import Float
from torch import Tensor


def scores(q: Float[Tensor, "b t d"], k: Float[Tensor, "b s d"]) -> Float[Tensor, "b t s"]:
    return torch.einsum("btd,bsd->bts", q, k.mT)  # fix: return torch.einsum("btd,bsd->bts", q, k)


# run: scores(torch.randn(2, 5, 7), torch.randn(2, 11, 7))
