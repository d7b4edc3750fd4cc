"""A reshape to the transposed sizes: it mixes tokens and features."""

from jaxtyping import Float
from torch import Tensor


def features_first(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b d t"]:
    b, t, d = x.shape
    return x.reshape(b, d, t)  # fix: return x.transpose(1, 2).reshape(b, d, t)


# run: features_first(torch.randn(2, 5, 7))
