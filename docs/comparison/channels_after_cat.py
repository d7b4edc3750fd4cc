"""A skip connection doubles the channels; the next convolution wasn't told."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Up(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(c, c, 3, padding=1)  # fix: self.mix = nn.Conv2d(2 * c, c, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c h w"], skip: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return self.mix(torch.cat([x, skip], dim=1))


# run: Up(5)(torch.randn(2, 5, 7, 11), torch.randn(2, 5, 7, 11))
