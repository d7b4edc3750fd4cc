"""The error as the user sees it: its text, its attributes, where its traceback ends, and that it travels whole."""

import copy
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import Float, Int
from torch import Tensor

from shapecheck import DtypeError, ShapeError, contract

T = torch.ones


@contract
def attend(
    q: Float[Tensor, "b h t d"], k: Float[Tensor, "b h s d"], v: Float[Tensor, "b h s d"]
) -> Float[Tensor, "b h t d"]:
    return (q @ k.mT).softmax(-1) @ v


@contract
def conv(x: Float[Tensor, "t"], w: Float[Tensor, "k"], y: Float[Tensor, "t-k+1"]) -> None: ...


@contract
def halve(x: Float[Tensor, "a b"], y: Float[Tensor, "a//b"]) -> None: ...


@contract
def label(logits: Float[Tensor, "b c"], labels: Int[Tensor, "b"]) -> None: ...


@contract
def batch(x: Float[Tensor, "b c h w"]) -> None: ...


@contract
def either(x: Float[Tensor, "a a"] | Int[Tensor, "a"] | None) -> None: ...


@contract
def several(xs: list[Float[Tensor, "n"]], more: dict[str, Float[Tensor, "n"]] | None = None) -> None: ...


@contract
def stacked(x: Float[Tensor, "*b c"], y: Float[Tensor, "*b c"]) -> None: ...


def broken(call: Callable[[], Any]) -> ShapeError:
    with pytest.raises(ShapeError) as caught:
        call()
    return caught.value


def test_the_whole_text() -> None:
    q, k, v = T(2, 4, 8, 16), T(2, 4, 9, 16), T(2, 4, 10, 16)
    lines = str(broken(lambda: attend(q, k, v))).splitlines()
    assert lines[:-1] == [
        "attend(): argument `v` has s=10 on dim 2, but `k` made s=9",
        '    q  Float[Tensor, "b h t d"]   (2, 4, 8, 16)   float32',
        '    k  Float[Tensor, "b h s d"]   (2, 4, 9, 16)   float32     s=9 bound here',
        '  > v  Float[Tensor, "b h s d"]   (2, 4, 10, 16)  float32     dim 2: 10 ≠ 9',
    ]
    assert "called at " in lines[-1]
    assert ", contract at " in lines[-1]
    assert Path(__file__).name in lines[-1]


def test_the_facts_are_attributes() -> None:
    error = broken(lambda: attend(T(2, 4, 8, 16), T(2, 4, 9, 16), T(2, 4, 10, 16)))
    assert (error.function, error.argument, error.dim, error.dim_name) == ("attend", "v", 2, "s")
    assert (error.expected, error.found) == (9, 10)
    assert error.bindings == {"b": 2, "h": 4, "t": 8, "d": 16, "s": 9}
    assert error.bound_by["s"] == "k"


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_it_travels_whole(travel: Callable[[ShapeError], ShapeError]) -> None:
    error = broken(lambda: label(T(2, 3), T(2)))
    there = travel(error)
    assert type(there) is DtypeError
    assert str(there) == str(error)
    assert vars(there) == vars(error)


FIRST_LINES: dict[str, tuple[Callable[[], Any], str]] = {
    "the odd one out": (
        lambda: attend(T(2, 4, 8, 5), T(2, 4, 9, 16), T(2, 4, 9, 16)),
        "argument `q` has d=5 on dim 3, but `k` made d=16",
    ),
    "an expression": (lambda: conv(T(10), T(3), T(7)), "argument `y` has size 7 on dim 0, expected t-k+1 = 10-3+1 = 8"),
    "division by zero": (lambda: halve(T(4, 0), T(2)), "a//b = 4//0 has no value"),
    "a dtype": (lambda: label(T(2, 3), T(2)), "argument `labels` has dtype float32, expected Int"),
    "a rank": (lambda: batch(T(3, 8, 8)), 'argument `x` has 3 dims (3, 8, 8), expected 4 dims: "b c h w"'),
    "None": (lambda: batch(None), 'argument `x` is None, expected Float[Tensor, "b c h w"]'),  # type: ignore[arg-type]
    "no tensor": (lambda: batch([1, 2]), "argument `x` is a list of 2, expected"),  # type: ignore[arg-type]
    "another library": (
        lambda: batch(np.ones((1, 2, 3, 4))),  # type: ignore[arg-type]
        "argument `x` is a numpy.ndarray of shape (1, 2, 3, 4), expected",
    ),
    "an item of a list": (
        lambda: several([T(2), T(2), T(3)]),
        "argument `xs[2]` has n=3 on dim 0, but `xs[0]` made n=2",
    ),
    "a value of a dict": (lambda: several([T(2)], {"k": T(3)}), "`more['k']` has n=3 on dim 0, but `xs[0]` made n=2"),
    "several dims": (lambda: stacked(T(2, 3, 4), T(3, 2, 4)), "has *b=(3, 2), but `x` made *b=(2, 3)"),
    "a union": (lambda: either(T(2, 3)), "argument `x` fits no branch of its union"),
}


@pytest.mark.parametrize(("call", "expected"), FIRST_LINES.values(), ids=FIRST_LINES)
def test_the_first_line(call: Callable[[], Any], expected: str) -> None:
    assert expected in str(broken(call)).splitlines()[0]


HINTS: dict[str, tuple[Callable[[], Any], str]] = {
    "swapped": (
        lambda: attend(T(2, 4, 8, 16), T(2, 4, 9, 16), T(2, 9, 4, 16)),
        "dims 1 and 2 look swapped: `v.transpose(1, 2)` fits",
    ),
    "labels": (lambda: label(T(2, 3), T(2)), "class labels and indices are integers: `labels.long()` cuts off"),
    "no batch": (lambda: batch(T(3, 8, 8)), "dim 0 (`b`) looks missing: `x.unsqueeze(0)` fits"),
    "numpy": (lambda: batch(np.ones(3)), "`torch.from_numpy(x)` makes a tensor of it"),  # type: ignore[arg-type]
    "None": (lambda: batch(None), "| None` if None is allowed"),  # type: ignore[arg-type]
    "a line per branch": (lambda: either(T(2, 3)), 'Float[Tensor, "a a"]: has a=3 on dim 1, but a=2 on dim 0'),
}


@pytest.mark.parametrize(("call", "expected"), HINTS.values(), ids=HINTS)
def test_hints(call: Callable[[], Any], expected: str) -> None:
    assert expected in str(broken(call))


def test_no_values_and_no_flood() -> None:
    many = str(broken(lambda: several([T(2) * 12345] * 5000 + [T(3) * 12345])))
    assert "12345" not in many
    assert len(many.splitlines()) < 20
    assert "xs[5000]" in many


def test_the_traceback_ends_in_the_users_file() -> None:
    error = broken(lambda: batch(T(3)))
    frames = traceback.extract_tb(error.__traceback__)
    assert {frame.filename for frame in frames} == {__file__}
    assert error.__suppress_context__
