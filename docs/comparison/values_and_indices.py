"""`max` along a dim gives a pair."""

from jaxtyping import Float
from torch import Tensor


def peak(x: Float[Tensor, "b t"]) -> Float[Tensor, "b"]:
    return x.max(dim=1)  # fix: return x.max(dim=1).values


# run: peak(torch.randn(2, 5))
