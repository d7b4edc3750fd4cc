"""The spellings of annotations that real code has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Dict, List, NamedTuple, Optional, Tuple, Union

import jaxtyping
import jaxtyping as jt
import numpy as np
import torch
from jaxtyping import Float, Float32, Int, Num, Shaped
from torch import Tensor, nn

Image = Float[Tensor, "3 h w"]
Batched = Float[Image, "b"]


class TensorTyping:
    """What projects write around jaxtyping to leave out the array type."""

    def __init__(self, word):
        self.word = word

    def __getitem__(self, shape: str):
        return self.word[Tensor, shape]


F = TensorTyping(jaxtyping.Float)


def quoted(x: "Float[Tensor, 'b d']") -> "Float[Tensor, 'd b']":
    return x  # error: return-shape


def one_argument(x: F["b d"]) -> F["d b"]:
    return x  # error: return-shape


def aliased(x: Image) -> Float[Tensor, "h w"]:
    return x  # error: return-shape


def nested_alias(x: Batched) -> Float[Tensor, "b 3 h"]:
    return x.sum(-1)


def nested_alias_wrong(x: Batched) -> Float[Tensor, "b h w"]:
    return x.sum(-1)  # error: return-shape


def through_the_module(x: jaxtyping.Float[torch.Tensor, "b d"]) -> jt.Float[torch.Tensor, "d b"]:
    return x  # error: return-shape


def optional(x: Optional[Float[Tensor, "b d"]]) -> Optional[Float[Tensor, "b"]]:
    if x is None:
        return None
    return x  # error: return-shape


def united(x: Union[Float[Tensor, "b d"], None]) -> Float[Tensor, "b"] | None:
    return x if x is None else x.sum(1)


def tuples(x: Tuple[Float[Tensor, "b d"], Float[Tensor, "b e"]]) -> Float[Tensor, "b d"]:
    x, y = x
    return y  # error: return-shape


def any_number(xs: Tuple[Float[Tensor, "b d"], ...]) -> Float[Tensor, "b"]:
    return xs[0]  # error: return-shape


def lists(xs: List[Float[Tensor, "b d"]]) -> List[Float[Tensor, "b d"]]:
    return [x.sum(1) for x in xs]  # error: return-shape


def dicts(xs: Dict[str, Float[Tensor, "b d"]]) -> Float[Tensor, "b"]:
    return xs["first"]  # error: return-shape


def annotated(x: Annotated[Float[Tensor, "b d"], "of the last layer"]) -> Float[Tensor, "b"]:
    return x  # error: return-shape


def shaped(x: Shaped[Tensor, "b d"]) -> Num[Tensor, "b"]:
    return x  # error: return-shape


def by_size(x: Float32[Tensor, "b d"]) -> Int[Tensor, "b d"]:
    return x  # error: dtype-mismatch


def anonymous(x: Float[Tensor, "_ d"], y: Float[Tensor, "_ d"]) -> Float[Tensor, "_ d"]:
    return x + y


def dots(x: Float[Tensor, "... d"], y: Float[Tensor, "... d"]) -> Float[Tensor, "..."]:
    return (x * y).sum(-1)


def fixed_name(x: Float[Tensor, "b rgb=3"]) -> Float[Tensor, "b 4"]:
    return x  # error: return-shape


def scalar(x: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
    return x.mean(0)  # error: return-shape


def other_arrays_are_silent(x: Float[object, "b d"]) -> Float[object, "d b"]:
    return x


def broken_is_silent(x: Float[Tensor, "b d"]) -> Float[Tensor, "b -1"]:
    return x


@dataclass
class Batch:
    images: Float[Tensor, "b 3 h w"]
    labels: Int[Tensor, "b"]
    weights: Optional[Float[Tensor, "b"]] = None


def from_fields(batch: Batch) -> Float[Tensor, "n"]:
    return batch.images.mean((1, 2, 3)) * batch.labels


def from_fields_wrong(batch: Batch) -> Float[Tensor, "n k"]:
    return batch.images.mean((1, 2, 3))  # error: return-shape


def made(x: Float[Tensor, "b 3 h w"], y: Int[Tensor, "b"]) -> Batch:
    return Batch(x, y)


def made_wrong(x: Float[Tensor, "b 3 h w"], y: Int[Tensor, "n"]) -> Batch:
    return Batch(images=x, labels=y)  # error: argument-shape


class Pair(NamedTuple):
    first: Float[Tensor, "n d"]
    second: Float[Tensor, "n"]


def named_tuple(x: Float[Tensor, "n d"]) -> Pair:
    return Pair(x, x)  # error: argument-shape


class Model(nn.Module):
    weight: Float[Tensor, "d_in d_out"]

    def __init__(self, d_in: int, d_out: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(d_in, d_out))

    def forward(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b k"]:
        return x @ self.weight

    def wrong(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t"]:
        return x @ self.weight  # error: return-shape


def arrays(x: Float[np.ndarray, "b d"], w: Float[np.ndarray, "d e"]) -> Float[np.ndarray, "b"]:
    y = np.exp(x @ w)
    z = y.max(axis=1) + y.sum(axis=1)
    return np.concatenate([y, y], axis=0) if z.size else y  # error: return-shape


def arrays_right(x: Float[np.ndarray, "b d"], w: Float[np.ndarray, "d e"]) -> Float[np.ndarray, "b e"]:
    y = (x @ w)[::-1].transpose(0, 1).repeat(2, axis=0)
    return y


def arrays_that_do_not_fit(x: Float[np.ndarray, "b d"]) -> Float[np.ndarray, "b d"]:
    return x @ x  # error: shape-mismatch


def an_array_is_no_tensor(x: Float[np.ndarray, "b d"]) -> Float[Tensor, "b"]:
    return torch.from_numpy(x)  # error: return-shape


def a_tensor_of_an_array(x: Float[np.ndarray, "b d"]) -> Float[Tensor, "d b"]:
    return torch.from_numpy(x.T).float()


def either_kind(x: Float[np.ndarray, "b d"] | Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    if isinstance(x, np.ndarray):
        x = torch.from_numpy(x)
    return x
