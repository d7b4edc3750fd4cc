"""The same through torch's own loss, which warns at most."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def squared_error(prediction: Float[Tensor, "b 1"], target: Float[Tensor, "b"]) -> Float[Tensor, ""]:
    return F.mse_loss(prediction, target)  # fix: return F.mse_loss(prediction, target.unsqueeze(1))


# run: squared_error(torch.randn(16, 1), torch.randn(16))
