"""`*batch` promises any number of leading dims; the body works for one."""

from jaxtyping import Float
from torch import Tensor


def transposed(x: Float[Tensor, "*batch n d"]) -> Float[Tensor, "*batch d n"]:
    return x.transpose(1, 2)  # fix: return x.transpose(-1, -2)


# run: transposed(torch.randn(2, 5, 7))
