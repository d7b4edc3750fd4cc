"""The two sizes of a layer the wrong way round, both given to the constructor."""

from jaxtyping import Float
from torch import Tensor, nn


class Perceptron(nn.Module):
    def __init__(self, d: int, hidden: int) -> None:
        super().__init__()
        self.up = nn.Linear(hidden, d)  # fix: self.up = nn.Linear(d, hidden)
        self.down = nn.Linear(hidden, d)

    def forward(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return self.down(self.up(x).relu())


# run: Perceptron(5, 7)(torch.randn(2, 5))
