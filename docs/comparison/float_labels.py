"""Class labels of the wrong dtype."""

from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F


def loss(logits: Float[Tensor, "b c"], labels: Int64[Tensor, "b"]) -> Float[Tensor, ""]:
    return F.nll_loss(logits.log_softmax(1), labels.float())  # fix: return F.nll_loss(logits.log_softmax(1), labels)


# run: loss(torch.randn(2, 5), torch.tensor([1, 3]))
