"""A weight stored as `nn.Linear` stores it, used without transposing."""

from jaxtyping import Float
from torch import Tensor


def projected(x: Float[Tensor, "b t d"], weight: Float[Tensor, "e d"]) -> Float[Tensor, "b t e"]:
    return x @ weight  # fix: return x @ weight.T


# run: projected(torch.randn(2, 5, 7), torch.randn(11, 7))
