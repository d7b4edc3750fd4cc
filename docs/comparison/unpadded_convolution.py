"""Convolutions that shrink the image, and a head that expects it whole."""

from jaxtyping import Float
from torch import Tensor, nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, kernel_size=3)  # fix: self.first = nn.Conv2d(1, 8, kernel_size=3, padding=1)
        self.second = nn.Conv2d(8, 16, kernel_size=3, padding=1)
        self.out = nn.Linear(16 * 28 * 28, 10)

    def forward(self, x: Float[Tensor, "b 1 28 28"]) -> Float[Tensor, "b 10"]:
        maps = self.second(self.first(x).relu())
        return self.out(maps.flatten(1))


# run: Net()(torch.randn(2, 1, 28, 28))
