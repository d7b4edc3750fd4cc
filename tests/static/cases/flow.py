"""Branches, loops, tests, early returns: what is known after them, and what isn't."""

import contextlib
import functools

import pytest
import torch
from jaxtyping import Float, Int
from torch import Tensor


def joined(x: Float[Tensor, "b d"], double: bool) -> Float[Tensor, "b d"]:
    y = torch.cat([x, x], dim=1) if double else x
    return y  # either size: nobody knows which


def joined_wrong_rank(x: Float[Tensor, "b d"], flag: bool) -> Float[Tensor, "b d 1"]:
    if flag:
        y = x + 1
    else:
        y = x * 2
    return y  # error: return-shape


def guarded_by_a_size(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    if x.shape[1] == 3:
        return x @ torch.eye(3)
    return x


def not_guarded(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    return x @ torch.eye(3)  # error: shape-mismatch


def refused_first(x: Float[Tensor, "b n"], y: Float[Tensor, "b m"]) -> Float[Tensor, "b n"]:
    if x.shape != y.shape:
        raise ValueError
    return x + y


def asserted(x: Float[Tensor, "b n"], y: Float[Tensor, "b m"]) -> Float[Tensor, "b n"]:
    assert x.shape[1] == y.shape[1], "of one size"
    return x + y


def neither_refused_nor_asserted(x: Float[Tensor, "b n"], y: Float[Tensor, "b m"]) -> Float[Tensor, "b n"]:
    return x + y  # error: shape-mismatch


def sizes_of_one_branch_agree_with_the_other(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    if x.shape[-1] == 4:
        y = x[:, :4]
    else:
        y = x
    return y


def optional(x: Float[Tensor, "b d"], bias: Float[Tensor, "d"] | None = None) -> Float[Tensor, "b d"]:
    if bias is not None:
        x = x + bias
    return x


def optional_wrong(x: Float[Tensor, "b d"], bias: Float[Tensor, "b"] | None = None) -> Float[Tensor, "b d"]:
    if bias is None:
        return x
    return x + bias  # error: shape-mismatch


def made_in_a_branch(x: Float[Tensor, "b n d"], mask: Float[Tensor, "b n"] | None = None) -> Float[Tensor, "b d"]:
    if mask is None:
        mask = torch.ones(x.shape[0], x.shape[1])
    return (x * mask.unsqueeze(-1)).sum(1)


def either_rank(x: Float[Tensor, "b d"] | Float[Tensor, "b t d"]) -> Float[Tensor, "b d"]:
    if x.ndim == 3:
        x = x.mean(dim=1)
    return x


def either_rank_mixed_up(x: Float[Tensor, "b d"] | Float[Tensor, "b t d"]) -> Float[Tensor, "b d"]:
    if x.ndim == 2:
        return x.mean(dim=1)  # error: return-shape
    return x.mean(dim=1)


def squeezed_and_unsqueezed(x: Float[Tensor, "b d"], squeeze: bool) -> Float[Tensor, "b d"]:
    if squeeze:
        x = x.unsqueeze(1)
    y = x * 2
    if squeeze:
        y = y.squeeze(1)
    return y


def grows(x: Float[Tensor, "b t d"], steps: int) -> Float[Tensor, "b u d"]:
    for _ in range(steps):
        x = torch.cat([x, x[:, -1:]], dim=1)
    return x


def stays(x: Float[Tensor, "b t d"], w: Float[Tensor, "d d"], steps: int) -> Float[Tensor, "b d t"]:
    for _ in range(steps):
        x = x @ w
    return x  # error: return-shape


def in_step(x: Float[Tensor, "b t d"], steps: int) -> Float[Tensor, "b u d"]:
    y = x
    for _ in range(steps):
        x = torch.cat([x, x[:, -1:]], dim=1)
        y = torch.cat([y, y[:, -1:]], dim=1)
    return x + y


def unrolled(x: Float[Tensor, "b d"]) -> Float[Tensor, "b 8*d"]:
    for _ in range(3):
        x = torch.cat([x, x], dim=1)
    return x


def unrolled_wrong(x: Float[Tensor, "b d"]) -> Float[Tensor, "b 6*d"]:
    for _ in range(3):
        x = torch.cat([x, x], dim=1)
    return x  # error: return-shape


def until_it_breaks(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    while True:
        y = x.sum(dim=1)
        if y.max() < 1:
            break
        x = x / 2
    return y  # error: return-shape


def tried(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    try:
        return x @ x  # it may fail, and that is caught
    except RuntimeError:
        return x


def tried_for_something_else(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    try:
        return x @ x  # error: shape-mismatch
    except KeyError:
        return x


def expected_to_fail(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    with pytest.raises(RuntimeError):
        x @ x
    with contextlib.suppress(RuntimeError):
        x @ x
    return x


def under_no_grad(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    with torch.no_grad():
        return x @ x  # error: shape-mismatch


def by_case(x: Float[Tensor, "b t d"], how: str) -> Float[Tensor, "b d"]:
    match how:
        case "mean":
            return x.mean(1)
        case "all":
            return x  # error: return-shape
        case _:
            return x[:, 0]


def by_rank(x: Float[Tensor, "b d"] | Float[Tensor, "b t d"]) -> Float[Tensor, "b d"]:
    match x.ndim:
        case 2:
            return x
        case 3:
            return x.mean(1)


def by_rank_mixed_up(x: Float[Tensor, "b d"] | Float[Tensor, "b t d"]) -> Float[Tensor, "b d"]:
    match x.ndim:
        case 2:
            return x.mean(1)  # error: return-shape
        case _:
            return x.mean(1)


def by_kind(x: Float[Tensor, "b d"] | list[Float[Tensor, "b d"]] | None) -> Float[Tensor, "n b d"]:
    match x:
        case None:
            raise ValueError
        case list():
            return torch.stack(x)
        case Tensor() as one:
            return one  # error: return-shape


def by_sequence(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b d t"]:
    match x.shape:
        case (b, d):
            return x.sum(5)  # never reached
        case (b, *rest) if len(rest) == 1:
            return x.sum(5)  # never reached
        case (b, t, d):
            return x.view(b, d, t)  # error: view-as-permute


def by_flag(x: Float[Tensor, "b t d"], how: str) -> Float[Tensor, "b d"]:
    match how:
        case "mean" | "average":
            y = x.mean(1)
        case "first":
            y = x[:, 0]
        case other:
            raise ValueError(other)
    return y


def by_a_size(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    match x.shape[1]:
        case 3:
            return x @ torch.eye(3)
    return x @ torch.eye(3)  # error: shape-mismatch


def folded_up(xs: list[Float[Tensor, "b d"]]) -> Float[Tensor, "b"]:
    return functools.reduce(lambda a, b: a + b, xs)  # error: return-shape


def folded_up_growing(xs: list[Float[Tensor, "b d"]]) -> Float[Tensor, "n d"]:
    return functools.reduce(lambda a, b: torch.cat([a, b]), xs)


def listed(xs: list[Float[Tensor, "b d"]]) -> Float[Tensor, "n b d"]:
    return torch.stack([x * 2 for x in xs])


def chosen(xs: list[Float[Tensor, "b d"]]) -> Float[Tensor, "b d"]:
    return torch.stack(xs)  # error: return-shape


def walrus(x: Float[Tensor, "b d"]) -> Float[Tensor, "b"]:
    if (y := x.sum(1)).ndim == 1:
        return y
    return x  # never reached


def counted(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b h*w c"]:
    b, c, h, w = x.shape
    return x.reshape(b, c, h * w).transpose(1, 2)


def miscounted(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c"]:
    b, c, n = x.shape  # error: shape-mismatch
    return x.mean((2, 3))


def reassigned(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b d"]:
    x = x.mean(dim=1)
    return x


def annotated_local(x: Float[Tensor, "b t d"], w: Float[Tensor, "d e"]) -> Float[Tensor, "b t"]:
    y: Float[Tensor, "b t e"] = x @ w
    z: Float[Tensor, "b e"] = y  # error: variable-shape
    return y.sum(-1) + z.mean()


def mixed_elements(x: Float[Tensor, "b t d"]) -> Float[Tensor, "t b d"]:
    return x.reshape(x.shape[1], x.shape[0], -1)  # error: view-as-permute


def heads_split(x: Float[Tensor, "b t d"], heads: int) -> Float[Tensor, "b {heads} t d//{heads}"]:
    b, t, d = x.shape
    return x.view(b, t, heads, d // heads).transpose(1, 2)


def heads_mixed(x: Float[Tensor, "b t d"], heads: int) -> Float[Tensor, "b {heads} t d//{heads}"]:
    b, t, d = x.shape
    q = x.view(b, t, heads, d // heads)
    return q.view(b, heads, t, d // heads)  # error: view-as-permute


def folded(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b*t d"]:
    b, t, d = x.shape
    return x.view(b * t, d)


def unfolded(x: Float[Tensor, "b*t d"], like: Float[Tensor, "b t"]) -> Float[Tensor, "t b d"]:
    b, t = like.shape
    return x.view(t, b, -1)


def labels(x: Float[Tensor, "b c"], y: Int[Tensor, "b"]) -> Float[Tensor, "b"]:
    return x[torch.arange(x.shape[0]), y]
