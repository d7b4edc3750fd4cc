"""An einops pattern that forgot the tokens."""

from einops import rearrange
from jaxtyping import Float
from torch import Tensor


def heads(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b 4 t d//4"]:
    return rearrange(x, "b (h e) -> b h e", h=4)  # fix: return rearrange(x, "b t (h e) -> b h t e", h=4)


# run: heads(torch.randn(2, 5, 8))
