"""Steps stacked in front of the batch."""

import torch
from jaxtyping import Float
from torch import Tensor


def shifted(x: Float[Tensor, "b t d"], by: Float[Tensor, "b d"]) -> Float[Tensor, "b t d"]:
    steps = []
    for step in range(x.shape[1]):
        steps.append(x[:, step] + by)
    return torch.stack(steps)  # fix: return torch.stack(steps, dim=1)


# run: shifted(torch.randn(2, 5, 7), torch.randn(2, 7))
