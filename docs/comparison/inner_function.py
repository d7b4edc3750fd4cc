"""A mistake in a function inside a function."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor


def gated(gate: Float[Tensor, "d"]) -> Callable[[Tensor], Tensor]:
    def apply(x: Float[Tensor, "n d"]) -> Float[Tensor, "n"]:
        return (x * gate).sum(dim=0)  # fix: return (x * gate).sum(dim=1)

    return apply


# run: gated(torch.randn(7))(torch.randn(5, 7))
