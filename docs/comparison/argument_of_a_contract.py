"""A function of the same file is given the scale of another dim."""

from jaxtyping import Float
from torch import Tensor


def scaled(x: Float[Tensor, "n d"], scale: Float[Tensor, "d"]) -> Float[Tensor, "n d"]:
    return x * scale


def first_step(x: Float[Tensor, "b t d"], gate: Float[Tensor, "t"], scale: Float[Tensor, "d"]) -> Float[Tensor, "b d"]:
    return scaled(x[:, 0], gate)  # fix: return scaled(x[:, 0], scale)


# run: first_step(torch.randn(2, 5, 7), torch.randn(5), torch.randn(7))
