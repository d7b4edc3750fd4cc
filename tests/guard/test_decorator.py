"""`guard` as a decorator: every kind of function is guarded and looks as before; nothing is left under `-O`."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from shapecheck.core.errors import BroadcastError
from shapecheck.runtime.guard import guard
from tests.guard.programs import column_and_row, outer


class Methods:
    @guard
    def method(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b

    @guard
    @classmethod
    def of_class(cls, a: Tensor, b: Tensor) -> Tensor:
        return a * b

    @guard(broadcast="echo")
    @staticmethod
    def static(a: Tensor, b: Tensor) -> Tensor:
        return a * b


@guard
class Module(nn.Module):
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b


@pytest.mark.parametrize(
    "function", [guard(outer), Methods().method, Methods.of_class, Methods.static, Module(), guard(lambda a, b: a * b)]
)
def test_every_kind_of_function_is_guarded(function: object) -> None:
    with pytest.raises(BroadcastError):
        function(*column_and_row())  # type: ignore[operator]
    assert function(torch.rand(4), torch.rand(4)).shape == (4,)  # type: ignore[operator]


def test_decorated_function_keeps_its_face() -> None:
    decorated = guard(outer)
    assert (decorated.__name__, inspect.signature(decorated), inspect.unwrap(decorated)) == (
        "outer",
        inspect.signature(outer),
        outer,
    )


@pytest.mark.parametrize("thing", [3, "text", int, nn.Linear(1, 1)], ids=repr)
def test_what_cannot_be_guarded_is_refused(thing: object) -> None:
    with pytest.raises(TypeError, match="decorates functions"):
        guard(thing)


def test_nothing_is_left_under_optimization() -> None:
    code = """
import torch
from shapecheck import allow_broadcast, guard
def f(a, b): return a * b
assert guard(f) is f and guard(broadcast="rank")(f) is f
class M(torch.nn.Module):
    def forward(self, x): return x
forward = M.forward
assert guard(M).forward is forward
with guard(), allow_broadcast("reason"):
    if torch._C._len_torch_function_stack(): raise SystemExit("a mode is active")
    f(torch.rand(4), torch.rand(4, 1))
"""
    subprocess.run(
        [
            sys.executable,
            "-O",
            "-c",
            code.replace("assert ", "if not (")
            .replace(" is f\n", " is f): raise SystemExit(1)\n")
            .replace("is forward\n", "is forward): raise SystemExit(1)\n"),
        ],
        check=True,
    )
