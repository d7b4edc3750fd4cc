"""A mistake in a branch that the default argument doesn't take."""

from jaxtyping import Float
from torch import Tensor


def embedded(x: Float[Tensor, "n d"], normalize: bool = False) -> Float[Tensor, "n d"]:
    if normalize:
        x = x / x.norm(dim=-1)  # fix: x = x / x.norm(dim=-1, keepdim=True)
    return x


# run: embedded(torch.randn(5, 7))
