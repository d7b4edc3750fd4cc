"""An annotated variable that holds something else."""

from jaxtyping import Float
from torch import Tensor


def energy(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b"]:
    power: Float[Tensor, "b t"] = x.square().sum(1)  # fix: power: Float[Tensor, "b t"] = x.square().sum(2)
    return power.sum(1)


# run: energy(torch.randn(2, 5, 7))
