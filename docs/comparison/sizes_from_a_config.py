"""A model whose constructor takes an object."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn


@dataclass
class Config:
    width: int
    classes: int


class Classifier(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.out = nn.Linear(config.width, config.classes)

    def forward(self, x: Float[Tensor, "b t {self.out.in_features}"]) -> Float[Tensor, "b {self.out.out_features}"]:
        return self.out(x).mean(dim=2)  # fix: return self.out(x).mean(dim=1)


# run: Classifier(Config(5, 7))(torch.randn(2, 3, 5))
