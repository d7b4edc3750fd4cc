"""A column minus a flat target: silently all pairs of the batch."""

from jaxtyping import Float
from torch import Tensor


def squared_error(prediction: Float[Tensor, "b 1"], target: Float[Tensor, "b"]) -> Float[Tensor, ""]:
    return (prediction - target).square().mean()  # fix: return (prediction.squeeze(1) - target).square().mean()


# run: squared_error(torch.randn(16, 1), torch.randn(16))
