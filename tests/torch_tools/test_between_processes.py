"""Plain pickle from one process to another: functions, instances and every kind of error arrive as what they were."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, NamedTuple

import pytest
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from shapecheck import AnnotationError, BroadcastError, DtypeError, KeepdimError, NonFiniteError, ShapeError, contract


@contract
def linear(x: Float[Tensor, "b i"], w: Float[Tensor, "o i"]) -> Float[Tensor, "b o"]:
    return x @ w.mT


@contract
def labels(x: Int[Tensor, "b"]) -> None: ...


@contract
def squared_error(prediction: Float[Tensor, "b 1"], target: Float[Tensor, "b"]) -> Float[Tensor, ""]:
    return (prediction - target).square().mean()


@contract
def normalize(x: Float[Tensor, "c c"]) -> Float[Tensor, "c c"]:
    return x / x.sum(dim=1)


@contract(finite=True)
def log(x: Float[Tensor, "b"]) -> Float[Tensor, "b"]:
    return x.log()


@contract
class Net(nn.Module):
    def forward(self, x: Float[Tensor, "b 3"]) -> Float[Tensor, "b"]:
        return x.sum(1)


@contract
@dataclass
class Batch:
    x: Float[Tensor, "b c"]
    y: Float[Tensor, "b"]


@contract
class Point(NamedTuple):
    x: Float[Tensor, "n"]
    y: Float[Tensor, "n"]


def call(function: Callable[..., Any], *shapes: tuple[int, ...]) -> Any:
    return function(*map(torch.zeros, shapes))


def facts(error: BaseException) -> dict[str, Any]:
    return {"type": type(error).__qualname__, "text": str(error), **vars(error)}


def raises_and_tells(function: Callable[..., Any], *shapes: tuple[int, ...]) -> dict[str, Any]:
    """What an error says of itself where it is raised."""
    with pytest.raises(TypeError) as caught:
        call(function, *shapes)
    return facts(caught.value)


def misunderstood(_: Tensor) -> None:
    def f(x: Float[Tensor, "a - b"]) -> None: ...

    contract(f)


@pytest.fixture(scope="module")
def other_process() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


def test_a_function_runs_there_under_its_contract(other_process: ProcessPoolExecutor) -> None:
    assert other_process.submit(call, linear, (2, 3), (4, 3)).result().shape == (2, 4)
    assert other_process.submit(call, Net(), (2, 3)).result().shape == (2,)


@pytest.mark.parametrize("instance", [Batch(torch.ones(2, 3), torch.ones(2)), Point(torch.ones(2), torch.ones(2))])
def test_an_instance_goes_there_and_comes_back(instance: Any, other_process: ProcessPoolExecutor) -> None:
    back = other_process.submit(pickle.loads, pickle.dumps(instance)).result()
    assert type(back) is type(instance) and back.x.shape == instance.x.shape


ERRORS: dict[str, tuple[type[TypeError], Callable[..., Any], tuple[tuple[int, ...], ...]]] = {
    "an argument": (ShapeError, linear, ((2, 3), (4, 5))),
    "a dtype": (DtypeError, labels, ((2,),)),
    "a module": (ShapeError, Net(), ((2, 4),)),
    "a field": (ShapeError, Batch, ((2, 3), (4,))),
    "stretching": (BroadcastError, squared_error, ((4, 1), (4,))),
    "keepdim": (KeepdimError, normalize, ((4, 4),)),
    "infinity": (NonFiniteError, log, ((3,),)),
    "an annotation": (AnnotationError, misunderstood, ((3,),)),
}


@pytest.mark.parametrize(("kind", "function", "shapes"), ERRORS.values(), ids=ERRORS)
def test_an_error_comes_back_with_class_text_and_facts(
    kind: type[TypeError], function: Callable[..., Any], shapes: Any, other_process: ProcessPoolExecutor
) -> None:
    there = other_process.submit(raises_and_tells, function, *shapes).result()
    error = other_process.submit(call, function, *shapes).exception()
    assert type(error) is kind
    here = facts(error)
    assert here.pop("__notes__", None) is None
    different = {name for name in there if there[name] != here.get(name)}
    assert different <= {"text"}, different  # the same but for the line that called
    assert here["text"].splitlines()[0] == there["text"].splitlines()[0]
