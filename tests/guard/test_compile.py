"""Compiled, exported and traced code: the same graphs with and without guards, and what compiled callees do is seen."""

from __future__ import annotations

import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch._dynamo
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter
from torch.fx.experimental.proxy_tensor import make_fx

from shapecheck.core.errors import BroadcastError
from shapecheck.runtime.guard import allow_broadcast, guard
from shapecheck.runtime.guard.stance import hold_eager, release_eager

Program = Callable[[Tensor, Tensor], Tensor]


def bare(x: Tensor, y: Tensor) -> Tensor:
    return (x * 2 + y).relu().sum(-1)


guarded = guard(bare)


def block(x: Tensor, y: Tensor) -> Tensor:
    with guard(), allow_broadcast("inside compiled code"):
        return bare(x, y)


class Bare(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return bare(x, y)


class Guarded(nn.Module):
    @guard
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return bare(x, y)


@pytest.fixture(autouse=True)
def fresh_dynamo() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def arguments(n: int = 4) -> tuple[Tensor, Tensor]:
    return torch.rand(n, 5), torch.rand(5)


def graphs(program: Program, **options: Any) -> tuple[int, int]:
    """How many graphs and operations three calls compile to."""
    torch._dynamo.reset()
    counter = CompileCounter()
    compiled = torch.compile(program, backend=counter, fullgraph=True, **options)
    for n in (4, 4, 7):
        compiled(*arguments(n))
    return counter.frame_count, counter.op_count


@pytest.mark.parametrize("dynamic", [None, True, False])
@pytest.mark.parametrize("program", [guarded, block], ids=["decorated", "block"])
def test_compiling_guarded_code_makes_the_same_graphs(program: Program, dynamic: bool | None) -> None:
    assert graphs(program, dynamic=dynamic) == graphs(bare, dynamic=dynamic)


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "non-strict"])
@pytest.mark.parametrize("dynamic", [None, ({0: torch.export.Dim("n")}, None)], ids=["static", "dynamic"])
def test_exporting_guarded_code_makes_the_same_graph(strict: bool, dynamic: Any) -> None:
    nodes = [
        [
            str(node.target)
            for node in torch.export.export(model, arguments(), strict=strict, dynamic_shapes=dynamic).graph.nodes
        ]
        for model in (Bare(), Guarded())
    ]
    assert nodes[0] == nodes[1]


def test_export_inside_a_guard_works() -> None:
    with guard():
        for strict in (True, False):
            torch.export.export(Bare(), arguments(), strict=strict)


def test_tracing_makes_the_same_graph_without_warnings() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", torch.jit.TracerWarning)
        one, other = torch.jit.trace(bare, arguments()), torch.jit.trace(guard(bare), arguments())
        with guard():
            third = torch.jit.trace(bare, arguments())
    kinds = [[node.kind() for node in traced.graph.nodes()] for traced in (one, other, third)]
    assert kinds[0] == kinds[1] == kinds[2]
    symbolic = [make_fx(program, tracing_mode="symbolic")(*arguments()) for program in (bare, guard(bare))]
    assert symbolic[0].code == symbolic[1].code
    modules = [torch.fx.symbolic_trace(model).code for model in (Bare(), Guarded())]
    assert modules[0] == modules[1]


def test_vmap_and_grad_see_logical_shapes() -> None:
    program = guard(lambda a, b: (a * b).sum())
    torch.vmap(program)(torch.rand(8, 3), torch.rand(8, 3))
    torch.func.grad(program)(torch.rand(3), torch.rand(3))
    with pytest.raises(BroadcastError):
        torch.vmap(program)(torch.rand(8, 3, 1), torch.rand(8, 3))


def test_compiled_callee_runs_eagerly_while_it_is_checked_and_compiles_afterwards() -> None:
    counter = CompileCounter()
    compiled = torch.compile(bare, backend=counter, fullgraph=True)
    around = guard(lambda x, y: compiled(x, y))
    counts = []
    for _ in range(6):
        around(*arguments())
        counts.append(counter.frame_count)
    assert counts == [0, 0, 1, 1, 1, 1]


def test_bug_inside_a_compiled_callee_is_seen() -> None:
    compiled = torch.compile(lambda a, b: a * b, backend="eager", fullgraph=True)
    with pytest.raises(BroadcastError), guard():
        compiled(torch.rand(4), torch.rand(4, 1))


def test_generated_code_is_not_held_to_spelling_out() -> None:
    """In what Dynamo generates, `a[:, None] * b` stands on two lines."""
    code = """
import torch, sys
from shapecheck import guard
with guard():
    assert "torch._dynamo" not in sys.modules
    compiled = torch.compile(lambda a, b: a[:, None] * b, backend="eager", fullgraph=True)
    assert compiled(torch.rand(4), torch.rand(4)).shape == (4, 4)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_guarded_function_between_two_graphs_runs() -> None:
    @torch._dynamo.disable
    @guard
    def middle(x: Tensor) -> Tensor:
        return x * 2

    def program(x: Tensor) -> Tensor:
        return middle(x + 1) + 1

    assert torch.equal(torch.compile(program, backend="eager")(torch.zeros(3)), torch.full((3,), 3.0))


def test_overlapping_guards_give_the_compiler_back() -> None:
    """`torch.compiler.set_stance` is process-wide: overlapping uses of it alone leave the process eager for good."""
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        hold_eager()
        first_in.set()
        second_in.wait()
        release_eager()
        first_out.set()

    def second() -> None:
        first_in.wait()
        hold_eager()
        second_in.set()
        first_out.wait()
        release_eager()

    threads = [threading.Thread(target=target) for target in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert graphs(bare) == (2, 8)
