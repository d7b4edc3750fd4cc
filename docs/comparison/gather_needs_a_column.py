"""`gather` along classes with labels that lack the dim."""

from jaxtyping import Float, Int64
from torch import Tensor


def chosen(log_probs: Float[Tensor, "b c"], labels: Int64[Tensor, "b"]) -> Float[Tensor, "b"]:
    return log_probs.gather(1, labels)  # fix: return log_probs.gather(1, labels[:, None]).squeeze(1)


# run: chosen(torch.randn(2, 5), torch.tensor([1, 3]))
