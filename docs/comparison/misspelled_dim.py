"""A dim of the result that is a misspelled dim of the parameter: nothing compares it."""

from jaxtyping import Float
from torch import Tensor


def depth(image: Float[Tensor, "b 3 height width"]) -> Float[Tensor, "b height widht"]:  # fix: widht => width
    return image.mean(dim=1)


# run: depth(torch.randn(2, 3, 5, 7))
