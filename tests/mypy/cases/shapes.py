"""What the plugin reports, and what it leaves alone."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


def scores(q: Float[Tensor, "b h t d"], k: Float[Tensor, "b h s d"]) -> Float[Tensor, "b h t s"]:
    good: Float[Tensor, "b h t s"] = q @ k.mT
    bad = q @ k  # error: dim 2 of `k` (b, h, s, d) is s, but dim 3 of `q` is d (shape-mismatch)  [shape]
    return good


def pooled(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b d"]:
    return x.mean(dim=2)  # error: dim 1 is t, not d (return-shape)  [shape]


def squared_error(prediction: Float[Tensor, "b 1"], target: Float[Tensor, "b"]) -> Float[Tensor, ""]:
    return (prediction - target).square().mean()  # error: are both stretched (implicit-broadcast)  [shape-broadcast]


def scaled(x: Float[Tensor, "b d"], w: Float[Tensor, "d"]) -> Float[Tensor, "b d"]:
    return x * w


def caller(x: Float[Tensor, "b t d"], w: Float[Tensor, "t"]) -> Float[Tensor, "t d"]:
    return scaled(x[0], w)  # error: argument `w` of `scaled` is (t,)


def local(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b"]:
    total: Float[Tensor, "b t"] = x.sum(1)  # error: dim 1 is d, not t (variable-shape)  [shape]
    return total.sum(1)


def labels(x: Float[Tensor, "b c"], y: Float[Tensor, "b"]) -> Float[Tensor, ""]:
    return F.nll_loss(x, y)  # error: must be int64 class indices (dtype-mismatch)  [shape]


def ignored(x: Float[Tensor, "b c"], y: Float[Tensor, "c b"]) -> Float[Tensor, "b c"]:
    z = x + y  # type: ignore[shape]
    return x


def needlessly_ignored(x: Float[Tensor, "b c"], y: Float[Tensor, "b c"]) -> Float[Tensor, "b c"]:
    return x + y  # type: ignore[shape]  # error: Unused "type: ignore" comment  [unused-ignore]


def unannotated(x, y):  # type: ignore[no-untyped-def]
    return x @ y


def healthy(
    x: Float[Tensor, "*batch d"], mask: Bool[Tensor, "d"], index: Int[Tensor, "n"]
) -> Float[Tensor, "*batch n"]:
    return torch.where(mask, x, torch.zeros_like(x))[..., index]


class Net(nn.Module):
    def __init__(self, d: int) -> None:
        super().__init__()
        self.out = nn.Linear(3136, d)

    def forward(self, x: Float[Tensor, "b 64 8 8"]) -> Float[Tensor, "b d"]:
        y: Tensor = self.out(x.flatten(1))  # error: is 4096, but `in_features` is 3136 (shape-mismatch)  [shape]
        return y
