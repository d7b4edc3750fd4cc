"""Open ranks: `...` and `*name` are tried with 0, 1 and 2 dims."""

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor


def any_rank(x: Float[Tensor, "*batch n d"], w: Float[Tensor, "d e"]) -> Float[Tensor, "*batch n e"]:
    return (x @ w).softmax(-1)


def two_at_most(x: Float[Tensor, "*batch n d"]) -> Float[Tensor, "*batch d n"]:
    return x.transpose(1, 2)  # error: return-shape


def only_one(x: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 1"]:
    y = x[:, :, None]  # no dims fail here, two below: told once
    return y * torch.ones(x.shape[0], 3, 1)  # error: shape-mismatch


def one_after_the_other(x: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch"]:
    b, c = x.shape  # error: shape-mismatch
    return x.view(b, c).sum(1)


def never(x: Float[Tensor, "*batch n d"]) -> Float[Tensor, "*batch n"]:
    return x  # error: return-shape


def without_leading_dims(x: Float[Tensor, "... d"]) -> Float[Tensor, "... d"]:
    return x[0]  # fails where there are none, which `...` doesn't promise


def some_leading_dims_are_meant(x: Float[Tensor, "... d"]) -> Float[Tensor, "d"]:
    return x.flatten(end_dim=-2).sum(0)  # the same


def patterns(x: Float[Tensor, "... h w c"]) -> Float[Tensor, "... c h w"]:
    return rearrange(x, "... h w c -> ... c h w")


def merged(x: Float[Tensor, "*batch n d"]) -> Float[Tensor, "m d"]:
    flat = rearrange(x, "... n d -> (...) n d")
    return flat.amax(dim=1)


def refused(x: Float[Tensor, "... d"]) -> Float[Tensor, "b d"]:
    if x.ndim != 2:
        raise ValueError
    b, d = x.shape
    return x.view(b, d)


def by_rank(x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
    if x.dim() == 1:
        return x
    if x.dim() == 2:
        b, d = x.shape
        return x.view(b, d)
    return x * 2


def independent(x: Float[Tensor, "*a d"], y: Float[Tensor, "*b d"]) -> Float[Tensor, "*a d"]:
    return x + y.sum()


def lines_up_by_accident(x: Float[Tensor, "3 *n 3"], m: Float[Tensor, "*n 3 3"]) -> Float[Tensor, "3 *n 3"]:
    return (x[..., None, :] * m).sum(-1)  # (3, 1, 3) and (3, 3) only where `*n` is empty


def of_any_rank_at_all(index: Int[Tensor, "*batch n"], source: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    return source.gather(index.ndim - 1, index)
