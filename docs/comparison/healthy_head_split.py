"""Healthy: features split into heads whose number the constructor takes."""

from jaxtyping import Float
from torch import Tensor, nn


class Attention(nn.Module):
    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(d, 3 * d)
        self.out = nn.Linear(d, d)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        mixed = (q @ k.mT * (d // self.heads) ** -0.5).softmax(dim=-1) @ v
        return self.out(mixed.transpose(1, 2).reshape(b, t, d))


# run: Attention(8, 4)(torch.randn(2, 5, 8))
