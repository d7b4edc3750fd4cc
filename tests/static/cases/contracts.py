"""Functions that keep their contract, and functions that don't."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from shapecheck import check, contract


def attend(
    q: Float[Tensor, "b h t d"], k: Float[Tensor, "b h s d"], v: Float[Tensor, "b h s d"]
) -> Float[Tensor, "b h t d"]:
    scores = q @ k.mT
    return scores.softmax(-1) @ v


def not_transposed(q: Float[Tensor, "b h t d"], k: Float[Tensor, "b h s d"]) -> Float[Tensor, "b h t s"]:
    return q @ k  # error: shape-mismatch


def wrong_order(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b d t"]:
    return x  # error: return-shape


def right_order(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b d t"]:
    return x.transpose(1, 2)


def wrong_rank(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
    return x.sum(0)  # error: return-shape


def wrong_dtype(x: Float[Tensor, "b d"]) -> Float[Tensor, "b"]:
    return x.argmax(dim=1)  # error: dtype-mismatch


def callers_names_are_not_the_callees(x: Float[Tensor, "s t h b"]) -> Float[Tensor, "s t h b"]:
    return attend(x, x, x)


def argument_of_wrong_rank(x: Float[Tensor, "b h t d"]) -> Float[Tensor, "b h t d"]:
    return attend(x, x, x[0])  # error: argument-shape


def arguments_that_disagree(q: Float[Tensor, "b h t d"], k: Float[Tensor, "b h s d"]) -> Float[Tensor, "b h t d"]:
    return attend(q, k, q)  # error: argument-shape


def one_hot(labels: Int[Tensor, "b"], classes: int) -> Float[Tensor, "b {classes}"]:
    return F.one_hot(labels, classes).float()


def computed(x: Float[Tensor, "b n"]) -> Float[Tensor, "b 2*n+1"]:
    return torch.cat([x, x, x[:, :1]], dim=1)


def computed_wrong(x: Float[Tensor, "b n"]) -> Float[Tensor, "b 2*n"]:
    return torch.cat([x, x, x[:, :1]], dim=1)  # error: return-shape


def open_rank(x: Float[Tensor, "*batch n 3"]) -> Float[Tensor, "*batch n"]:
    return x.sum(dim=-1)


def open_rank_wrong(x: Float[Tensor, "*batch n 3"]) -> Float[Tensor, "*batch n"]:
    return x.sum(dim=1)  # error: return-shape


def squared_error(prediction: Float[Tensor, "b 1"], target: Float[Tensor, "b"]) -> Float[Tensor, ""]:
    return (prediction - target).square().mean()  # error: implicit-broadcast


def rates(counts: Int[Tensor, "c c"]) -> Float[Tensor, "c c"]:
    return counts / counts.sum(dim=1)  # error: dropped-keepdim


def rates_of_rows(counts: Int[Tensor, "b c"]) -> Float[Tensor, "b c"]:
    return counts / counts.sum(dim=1)  # error: dropped-keepdim


def centered(x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
    mean = x.mean(dim=1)
    x -= mean  # error: dropped-keepdim
    return x


def softmax_by_hand(x: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
    e = (x - x.amax(dim=-1)).exp()  # error: dropped-keepdim
    return e / e.sum(dim=-1, keepdim=True)


def centered_on_the_batch(x: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
    return x - x.mean(dim=0)


def divided_by_another_sum(x: Float[Tensor, "b n"], y: Float[Tensor, "b m"]) -> Float[Tensor, "b n"]:
    return x / y.sum(dim=1)  # error: shape-mismatch


def rates_kept(counts: Int[Tensor, "c c"]) -> Float[Tensor, "c c"]:
    return counts / counts.sum(dim=1, keepdim=True)


def misspelled(x: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 3 height widht"]:  # error: unknown-dim
    return x


@contract
def checked_in_the_body(q: Float[Tensor, "b t d"], k: Float[Tensor, "b s d"]) -> Float[Tensor, "b s t"]:
    scores = check(q @ k.mT, Float[Tensor, "b t s"])
    return scores  # error: return-shape


@contract
def checked_wrongly(q: Float[Tensor, "b t d"], k: Float[Tensor, "b s d"]) -> Float[Tensor, "b s t"]:
    scores = check(q @ k.mT, Float[Tensor, "b s t"])  # error: variable-shape
    return scores  # what was checked is believed


def checked_from_nowhere(x: object, like: Float[Tensor, "b d"]) -> Float[Tensor, "d b"]:
    return check(x, Float[Tensor, "b d"])  # error: return-shape
