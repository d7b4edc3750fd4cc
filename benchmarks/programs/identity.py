"""Every kind of thing that can be decorated, and whether it comes back as the very object that it was."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple, overload

import torch
from jaxtyping import Float
from torch import Tensor, nn

from shapecheck import ShapeError, contract, guard


def function(x: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    return x


async def coroutine(x: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    return x


def generator(x: Float[Tensor, "n n"]) -> Iterator[Float[Tensor, "n n"]]:
    yield x


async def async_generator(x: Float[Tensor, "n n"]) -> AsyncIterator[Float[Tensor, "n n"]]:
    yield x


@overload
def overloaded(x: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]: ...
@overload
def overloaded(x: int) -> int: ...
def overloaded(x: Any) -> Any:
    return x


class Plain:
    """A class whose methods, `__call__` included, are under contract as a whole."""

    def __call__(self, x: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
        return x

    def method(self, x: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
        return x


@dataclasses.dataclass
class Data:
    x: Float[Tensor, "n n"]


class Named(NamedTuple):
    x: Float[Tensor, "n n"]


class Layer(nn.Module):
    def forward(self, x: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
        return x


# Decorators that contracts meet in either order.
OUTER: dict[str, Callable[[Any], Any]] = {
    "contextmanager": contextlib.contextmanager,
    "asynccontextmanager": contextlib.asynccontextmanager,
    "cached_property": functools.cached_property,
    "classmethod": classmethod,
    "staticmethod": staticmethod,
    "property": property,
}
INNER = {"contextmanager": generator, "asynccontextmanager": async_generator}

THINGS: dict[str, Any] = {
    "function": function,
    "async function": coroutine,
    "generator": generator,
    "async generator": async_generator,
    "lambda": lambda x: x,
    "partial": functools.partial(function),
    "method of an object": Plain().method,
    "overloaded function": overloaded,
    **{f"contract over {name}": make(INNER.get(name, function)) for name, make in OUTER.items()},
    "class": Plain,
    "dataclass": Data,
    "NamedTuple": Named,
    "nn.Module class": Layer,
}
GUARDED = ("function", "async function", "generator", "nn.Module class")


def unchanged(decorator: Callable[[Any], Any], thing: Any) -> bool:
    """Whether a decorator gives back the same object, and of a class every attribute the same."""
    before = dict(vars(thing)) if isinstance(thing, type) else {}
    made = decorator(thing)
    return made is thing and all(vars(thing)[name] is value for name, value in before.items())


def rejects(checked: Callable[[Any], Any]) -> bool:
    try:
        checked(torch.ones(2, 3))
    except ShapeError:
        return True
    return False


def answers() -> dict[str, bool]:
    """By kind: the same object? Classes come last, since a contract changes them in place where it is on."""
    every = contract(broadcast="rank")
    inner = {name: INNER.get(name, function) for name in OUTER}  # what a decorator above `contract` is then given
    found = {f"{name} over contract": contract(each) is each for name, each in inner.items()}
    found |= {name: unchanged(contract, thing) and unchanged(every, thing) for name, thing in THINGS.items()}
    found |= {f"{name}, @guard": unchanged(guard, THINGS[name]) for name in GUARDED}
    always = contract(always=True)(function)
    return found | {"function, always=True": always is function, "and it rejects a bad call": rejects(always)}
