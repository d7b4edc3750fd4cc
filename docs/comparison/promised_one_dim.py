"""A scalar annotated as a tensor of size zero."""

from jaxtyping import Float
from torch import Tensor


def loss(prediction: Float[Tensor, "b"], target: Float[Tensor, "b"]) -> Float[Tensor, "0"]:  # fix: "0" => ""
    return (prediction - target).abs().mean()


# run: loss(torch.randn(5), torch.randn(5))
