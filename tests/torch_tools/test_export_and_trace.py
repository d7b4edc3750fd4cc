"""`torch.export`, `jit.trace`, `jit.script`, `fx.symbolic_trace` and `make_fx`."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.export import Dim, export
from torch.fx.experimental.proxy_tensor import make_fx

from shapecheck import ShapeError, contract
from tests.torch_tools import subjects
from tests.torch_tools.subjects import bare, sizes


class Wrapped(nn.Module):
    """`torch.export` takes modules only."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *arguments: Any) -> Any:
        return self.function(*arguments)


def ops(graph: torch.fx.Graph) -> list[str]:
    return [str(node.target) for node in graph.nodes if node.op == "call_function"]


EXPORTED = {
    "pointwise": (subjects.scale, [(4, 5)], ({0: Dim("b")},)),
    "shared names": (subjects.linear, [(4, 5), (3, 5)], ({0: Dim("b")}, {})),
    "an expression": (subjects.flatten, [(4, 3, 5)], ({0: Dim("b"), 1: Dim("h")},)),
    "attention": (
        subjects.attend,
        [(2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 5)],
        tuple({2: Dim(name)} for name in "tss"),
    ),
}


@pytest.mark.parametrize(("function", "shapes", "dynamic"), EXPORTED.values(), ids=EXPORTED.keys())
@pytest.mark.parametrize("strict", [True, False], ids=["strict", "non-strict"])
@pytest.mark.parametrize("is_dynamic", [True, False], ids=["dynamic", "static"])
def test_export_gives_the_ops_and_ranges_of_the_bare_function(
    function: Callable[..., Any],
    shapes: list[tuple[int, ...]],
    dynamic: tuple[dict[int, Any], ...],
    strict: bool,
    is_dynamic: bool,
) -> None:
    inputs = tuple(sizes(*shapes))
    dims = {"dynamic_shapes": {"arguments": dynamic}} if is_dynamic else {}
    ours, theirs = (export(Wrapped(each), inputs, strict=strict, **dims) for each in (function, bare(function)))
    assert ops(ours.graph) == ops(theirs.graph)
    assert list(ours.range_constraints.values()) == list(theirs.range_constraints.values())
    torch.testing.assert_close(ours.module()(*inputs), theirs.module()(*inputs))


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "non-strict"])
def test_export_of_a_contracted_module(strict: bool) -> None:
    model = subjects.Net()
    (x,) = sizes((2, 3, 8))
    exported = export(model, (x,), strict=strict)
    torch.testing.assert_close(exported.module()(x), model(x))


@pytest.mark.parametrize("function", [subjects.scale, subjects.flatten])
def test_jit_trace_records_the_bare_graph(function: Callable[..., Any]) -> None:
    inputs = sizes((2, 3)) if function is subjects.scale else sizes((2, 3, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that sizes compared in Python are constants: true, and what is wanted
        ours, theirs = (torch.jit.trace(each, tuple(inputs)) for each in (function, bare(function)))
    assert [node.kind() for node in ours.inlined_graph.nodes() if node.kind() in KERNELS] == [
        node.kind() for node in theirs.inlined_graph.nodes() if node.kind() in KERNELS
    ]
    torch.testing.assert_close(ours(*inputs), theirs(*inputs))


KERNELS = {"aten::mul", "aten::add", "aten::reshape", "aten::matmul", "aten::view"}


def test_jit_trace_still_refuses_a_violation() -> None:
    with pytest.raises(ShapeError, match="made i=5"):
        torch.jit.trace(subjects.linear, tuple(sizes((2, 5), (3, 4))))


@pytest.mark.parametrize("function", [subjects.scale, subjects.linear])
def test_fx_symbolic_trace_passes_proxies_through(function: Callable[..., Any]) -> None:
    ours, theirs = (torch.fx.symbolic_trace(each) for each in (function, bare(function)))
    assert [str(node) for node in ours.graph.nodes] == [str(node) for node in theirs.graph.nodes]


def test_fx_symbolic_trace_of_a_module() -> None:
    model = subjects.Block()
    (x,) = sizes((2, 8))
    torch.testing.assert_close(torch.fx.symbolic_trace(model)(x), model(x))


@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
@pytest.mark.parametrize("function", [subjects.scale, subjects.linear, subjects.flatten])
def test_make_fx_records_the_bare_graph(function: Callable[..., Any], mode: str) -> None:
    inputs = {
        subjects.scale: sizes((2, 3)),
        subjects.linear: sizes((2, 3), (4, 3)),
        subjects.flatten: sizes((2, 3, 4)),
    }[function]
    ours, theirs = (make_fx(each, tracing_mode=mode)(*inputs) for each in (function, bare(function)))
    assert ops(ours.graph) == ops(theirs.graph)


def calls_a_contract(x: Tensor) -> Tensor:
    return subjects.scale(x)


@contract
class Scripted(nn.Module):
    def forward(self, x: Float[Tensor, "b"]) -> Float[Tensor, "b"]:
        return x


@contract
def without_shapes(x: Tensor) -> Tensor:
    return x + 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("scripted", "name"),
    [
        (subjects.scale, r"scale\(\)"),
        (calls_a_contract, r"scale\(\)"),
        (Scripted(), "Scripted"),
        (nn.Sequential(Scripted()), "Scripted"),
    ],
    ids=["a function", "a function that calls one", "a module", "a module in a module"],
)
def test_jit_script_says_why_not_and_what_to_do(scripted: Any, name: str) -> None:
    reason = rf"{name} is under contract, and TorchScript can't read shape annotations.*use torch.compile"
    with pytest.raises(RuntimeError, match=reason):
        torch.jit.script(scripted)


@pytest.mark.filterwarnings("ignore")
def test_jit_script_takes_a_contract_without_shapes() -> None:
    assert torch.jit.script(without_shapes)(torch.ones(2)).tolist() == [2, 2]
