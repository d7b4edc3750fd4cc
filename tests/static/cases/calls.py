"""Calls: through contracts with names of their own, through bodies where there is no contract."""

import functools
import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def linear(x: Float[Tensor, "*b i"], w: Float[Tensor, "i o"]) -> Float[Tensor, "*b o"]:
    return x @ w


def names_are_the_calls_own(i: Float[Tensor, "b o"], w: Float[Tensor, "o i"]) -> Float[Tensor, "b i"]:
    return linear(i, w)


def the_open_part_is_bound(x: Float[Tensor, "b t d"], w: Float[Tensor, "d e"]) -> Float[Tensor, "b t e"]:
    return linear(x, w)


def the_open_part_comes_back(x: Float[Tensor, "b t d"], w: Float[Tensor, "d e"]) -> Float[Tensor, "b e"]:
    return linear(x, w)  # error: return-shape


def by_keyword(x: Float[Tensor, "b d"], w: Float[Tensor, "d e"]) -> Float[Tensor, "b e"]:
    return linear(w=w, x=x)


def by_keyword_swapped(x: Float[Tensor, "b d"], w: Float[Tensor, "d e"]) -> Float[Tensor, "b e"]:
    return linear(w=x, x=w)  # error: argument-shape


def repeated(x: Float[Tensor, "b d"], times: int) -> Float[Tensor, "b d*{times}"]:
    return x.repeat(1, times)


def three_times(x: Float[Tensor, "b d"]) -> Float[Tensor, "b 3*d"]:
    return repeated(x, 3)


def not_two_times(x: Float[Tensor, "b d"]) -> Float[Tensor, "b 2*d"]:
    return repeated(x, times=3)  # error: return-shape


def new_in_the_result(x: Float[Tensor, "b d"]) -> Float[Tensor, "k d"]:
    return x[x.sum(1) > 0]


def anything_may_come_back(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    return new_in_the_result(x)


def broadcasting(x: Float[Tensor, "#n d"], y: Float[Tensor, "#n d"]) -> Float[Tensor, "n d"]:
    return x + y


def one_row(x: Float[Tensor, "n d"], y: Float[Tensor, "1 d"]) -> Float[Tensor, "n d"]:
    return broadcasting(x, y)


def other_rows(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, "n d"]:
    return broadcasting(x, y)  # error: argument-shape


# --- without contracts -----------------------------------------------------------------------------------------


def normalized(x, eps=1e-6):
    return x / (x.norm(dim=-1, keepdim=True) + eps)


def exists(value):
    return value is not None


def default(value, other):
    return value if exists(value) else other


def divided(numerator, denominator):
    assert numerator % denominator == 0
    return numerator // denominator


def through_a_body(x: Float[Tensor, "b d"]) -> Float[Tensor, "b"]:
    return normalized(x)  # error: return-shape


def through_a_body_right(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    return normalized(x)


def through_two(x: Float[Tensor, "b d"], scale: Float[Tensor, "d"] | None = None) -> Float[Tensor, "b d"]:
    if exists(scale):
        x = x * scale
    return x


def by_default(x: Float[Tensor, "b d"], y: Float[Tensor, "b d"] | None = None) -> Float[Tensor, "b d"]:
    y = default(y, x)
    return x + y


def with_sizes(x: Float[Tensor, "b d"], heads: int) -> Float[Tensor, "b {heads} d//{heads}"]:
    return x.view(x.shape[0], heads, divided(x.shape[1], heads))


def product(x, y):
    return x @ y  # error: shape-mismatch


def fails_inside(x: Float[Tensor, "b d"]) -> Float[Tensor, "b b"]:
    return product(x, x)


def may_fail_inside(x: Float[Tensor, "b d"], y: Float[Tensor, "b d"], flag: bool) -> Float[Tensor, "b d"]:
    return checked_product(x, y, flag)


def checked_product(x, y, flag):
    if flag:
        return x @ y
    return x + y


def factorial(n):
    return 1 if n == 0 else n * factorial(n - 1)


def recursive(x: Float[Tensor, "b d"], n: int) -> Float[Tensor, "b d"]:
    return x * factorial(n)


def nested(x: Float[Tensor, "b t d"], w: Float[Tensor, "d e"]) -> Float[Tensor, "b t e"]:
    def project(y):
        return y @ w

    return project(x)


def nested_wrong(x: Float[Tensor, "b t d"], w: Float[Tensor, "e d"]) -> Float[Tensor, "b t e"]:
    def project(y):
        return y @ w  # error: shape-mismatch

    return project(x)


def lambdas(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b d"]:
    pool = lambda y: y.mean(dim=1)  # noqa: E731
    return pool(x)


def mapped(x: Float[Tensor, "b d"], y: Float[Tensor, "b d"]) -> Float[Tensor, "2 b d"]:
    return torch.stack(list(map(lambda t: t * 2, (x, y))))


def partially(x: Float[Tensor, "b d"], w: Float[Tensor, "d e"]) -> Float[Tensor, "b d"]:
    project = functools.partial(linear, w=w)
    return project(x)  # error: return-shape


def handed_a_function(x: Float[Tensor, "b d"], f: Callable[[Tensor], Tensor]) -> Float[Tensor, "b"]:
    return f(x)


def several(x: Float[Tensor, "b d"]) -> tuple[Float[Tensor, "b"], Float[Tensor, "d"]]:
    return x.sum(0), x.sum(1)  # error: return-shape


def unpacked(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    rows, columns = halves(x)
    return rows[:, None] + columns


def halves(x: Float[Tensor, "b d"]) -> tuple[Float[Tensor, "b"], Float[Tensor, "d"]]:
    return x.sum(1), x.sum(0)


def starred(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b*t d"]:
    *rest, d = x.shape
    return x.reshape(math.prod(rest), d)


def spread(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
    return torch.zeros(*x.shape)


@torch.no_grad()
def decorated(x: Float[Tensor, "b d"]) -> Float[Tensor, "d b"]:
    return x  # error: return-shape


def mask_for(x: Float[Tensor, "b d"]) -> Bool[Tensor, "b d"]:
    return x  # error: dtype-mismatch


def by_dtype(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    if x.dtype == torch.bool:
        return x @ x  # a float is never bool
    return x


async def awaited(x: Float[Tensor, "b d"]) -> Float[Tensor, "b"]:
    y = await later(x)
    return y  # error: return-shape


async def later(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    return x


def generated(x: Float[Tensor, "b t d"]):
    for part in parts(x):
        part @ x  # error: shape-mismatch


def parts(x):
    yield x.sum(1)
    yield x[:, 0]


def inner_contract(x: Float[Tensor, "b d"], w: Float[Tensor, "d e"]):
    def project(y: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return y @ w  # error: return-shape

    return project


def inner_contract_right(x: Float[Tensor, "b d"], w: Float[Tensor, "d e"]):
    def project(y: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
        return y @ w

    w = w * 2
    return project(x)


def inner_contract_over_a_changing_name(x: Float[Tensor, "b d"]):
    def same(y: Float[Tensor, "b"]) -> Float[Tensor, "b d"]:
        return x + y[:, None]

    first = same(x[:, 0])
    x = x.sum(1)
    return first, x


def any_number(x: Float[Tensor, "b d"], *more: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    for one in more:
        x = x + one
    return x + more[0].mT  # error: shape-mismatch


def by_keyword(x: Float[Tensor, "b d"], **named: Float[Tensor, "b d"]) -> Float[Tensor, "d b"]:
    return named["y"]  # error: return-shape


def each_summed(xs: dict[str, Float[Tensor, "b d"]]) -> dict[str, Float[Tensor, "b"]]:
    return {name: x.sum(0) for name, x in xs.items()}  # error: return-shape


def each_summed_in_a_loop(xs: dict[str, Float[Tensor, "b d"]]) -> dict[str, Float[Tensor, "d"]]:
    sums = {}
    for name, x in xs.items():
        sums[name] = x.sum(0)
    return sums


def filled_by_index(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    rows = [None] * len(x)
    for i in range(len(x)):
        rows[i] = x[i]
    return torch.stack(rows, dim=1)  # error: return-shape


def perhaps_cached(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    cache = {"x": None}
    if x.sum() > 0:
        cache["x"] = x
    return cache["x"] + 1


def one_more(x: Float[Tensor, "b d"], *more: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    return torch.stack([x, *more])  # error: return-shape
