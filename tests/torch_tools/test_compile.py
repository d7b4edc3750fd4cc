"""`torch.compile`: the graphs, shape guards and recompiles of the bare function, and violations come through.

Where sizes that aren't plain symbols are compared, Dynamo leaves the arithmetic in its graph, unused; every backend
drops it, and so does `Seen`.
"""

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from jaxtyping import Float
from torch import Tensor, nn

from shapecheck import ShapeError, contract
from tests.torch_tools import subjects
from tests.torch_tools.subjects import bare, sizes

Call = tuple[tuple[Any, ...], dict[str, Any]]


def call(*arguments: Any, **keywords: Any) -> Call:
    return arguments, keywords


@pytest.fixture(autouse=True)
def _fresh_compiler() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@dataclass
class Seen:
    """What one compiled function made the compiler do."""

    graphs: list[list[str]] = field(default_factory=list)  # the ops of each graph
    shape_guards: list[str] = field(default_factory=list)

    def backend(self, module: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        module.graph.eliminate_dead_code()
        module.recompile()
        self.graphs.append([f"{node.op} {node.target}" for node in module.graph.nodes if node.op.startswith("call")])
        return module.forward


def observe(function: Callable[..., Any], calls: list[Call], **options: Any) -> Seen:
    """Compile `function`, call it and keep what the compiler saw."""
    torch._dynamo.reset()
    seen = Seen()
    compiled = torch.compile(function, backend=seen.backend, **options)
    with captured_guards(seen):
        for arguments, keywords in calls:
            expected = function(*arguments, **keywords)
            torch.testing.assert_close(compiled(*arguments, **keywords), expected)
    return seen


class captured_guards(logging.Handler):
    """The symbolic shape guards that Dynamo installs, read from the log in which torch lists them."""

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self.seen, self.logger = seen, logging.getLogger("torch.fx.experimental.symbolic_shapes")

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith("eval "):
            self.seen.shape_guards.append(symmetric(text.removeprefix("eval ").partition(" [")[0]))

    def __enter__(self) -> None:
        self.level = self.logger.level
        self.logger.setLevel(logging.INFO)
        self.logger.addHandler(self)

    def __exit__(self, *_: object) -> None:
        self.logger.removeHandler(self)
        self.logger.setLevel(self.level)


def symmetric(guard: str) -> str:
    """``Eq(a, b)`` and ``Eq(b, a)`` as the same text."""
    sides = re.fullmatch(r"Eq\((\w+), (\w+)\)", guard)
    return "Eq({}, {})".format(*sorted(sides.groups())) if sides else guard


VARYING = {
    "pointwise": (subjects.scale, [call(*sizes((b, 5))) for b in (2, 3, 4, 7)]),
    "names shared by arguments": (subjects.linear, [call(*sizes((b, 5), (o, 5))) for b, o in ((2, 3), (3, 3), (4, 6))]),
    "an expression": (subjects.flatten, [call(*sizes((b, h, 4))) for b, h in ((2, 3), (3, 3), (4, 5), (6, 7))]),
    "attention": (
        subjects.attend,
        [call(*sizes((b, 2, t, 4), (b, 2, s, 4), (b, 2, s, 4))) for b, t, s in ((2, 3, 5), (3, 4, 6), (4, 7, 9))],
    ),
    "*batch and #c": (subjects.last_dim, [call(*sizes((b, 3, 4), (4,))) for b in (2, 3, 5)]),
    "a list": (subjects.total, [call(sizes((b, 3), (b, 3), (b, 3))) for b in (2, 3, 5)]),
    "an optional argument": (subjects.masked, [call(*sizes((b, 3), (b, 3))) for b in (2, 3)] + [call(*sizes((4, 3)))]),
    "a tuple returned": (subjects.halves, [call(*sizes((b, 4))) for b in (2, 3, 5)]),
    "an argument's value": (subjects.first, [call(*sizes((b, 4)), n=2) for b in (3, 4, 5)]),
    "batch of 1": (subjects.scale, [call(*sizes((b, 5))) for b in (2, 1, 3)]),
}


@pytest.mark.parametrize(("function", "calls"), VARYING.values(), ids=VARYING.keys())
@pytest.mark.parametrize("options", [{}, {"dynamic": True}, {"dynamic": False}], ids=["automatic", "dynamic", "static"])
def test_graphs_and_shape_guards_are_those_of_the_bare_function(
    function: Callable[..., Any], calls: list[Call], options: dict[str, Any]
) -> None:
    ours, theirs = (observe(each, calls, fullgraph=True, **options) for each in (function, bare(function)))
    assert ours.graphs == theirs.graphs
    assert ours.shape_guards == theirs.shape_guards


@pytest.mark.parametrize("fullgraph", [False, True])
def test_check_and_dims_inside_are_traced_through(fullgraph: bool) -> None:
    for function in (subjects.checked_inside, subjects.reads_dims):
        seen = observe(function, [call(*sizes((b, 4))) for b in (2, 3)], fullgraph=fullgraph)
        assert len(seen.graphs) <= 2


@pytest.mark.parametrize("make", [subjects.Block, subjects.Net])
def test_modules_compile_whole(make: Callable[[], nn.Module]) -> None:
    model = make()
    seen = observe(model, [call(*sizes((b, 3, 8))) for b in (2, 4, 5)], fullgraph=True)
    assert len(seen.graphs) == 2


def test_stacked_blocks_make_the_graph_of_bare_ones() -> None:
    ours, theirs = (nn.Sequential(*(make() for _ in range(4))) for make in (subjects.Block, subjects.BareBlock))
    calls = [call(*sizes((b, 8))) for b in (2, 3)]
    assert observe(ours, calls, fullgraph=True).graphs == observe(theirs, calls, fullgraph=True).graphs


def test_twelve_functions_compiled_one_by_one_stay_within_the_recompile_limit() -> None:
    sources = "\n".join(
        f"@contract\ndef f{n}(x: Float[Tensor, 'b c']) -> Float[Tensor, 'b c']:\n    return x * {n}" for n in range(12)
    )
    names: dict[str, Any] = {"contract": contract, "Float": Float, "Tensor": Tensor}
    exec(sources, names)
    seen = Seen()
    for n in range(12):
        compiled = torch.compile(names[f"f{n}"], backend=seen.backend, fullgraph=True)
        assert compiled(torch.ones(2, 3))[0, 0] == n
    assert len(seen.graphs) == 12


def test_a_violation_in_compiled_code_is_the_same_error() -> None:
    compiled = torch.compile(subjects.linear, backend="eager")
    compiled(*sizes((2, 5), (3, 5)))
    with pytest.raises(ShapeError, match=r"linear\(\): argument `w` has i=4 on dim 1, but `x` made i=5"):
        compiled(*sizes((2, 5), (3, 4)))


def test_a_violation_under_fullgraph_is_told_in_full() -> None:
    compiled = torch.compile(subjects.linear, backend="eager", fullgraph=True)
    with pytest.raises(Exception, match=r"argument `w` has i=4 on dim 1, but `x` made i=5"):
        compiled(*sizes((2, 5), (3, 4)))


def test_a_violation_after_a_good_call_with_dynamic_shapes() -> None:
    compiled = torch.compile(subjects.linear, backend="eager", dynamic=True)
    compiled(*sizes((2, 5), (3, 5)))
    compiled(*sizes((4, 6), (3, 6)))
    with pytest.raises(ShapeError, match="has i=7 on dim 1, but `x` made i=6"):
        compiled(*sizes((4, 6), (3, 7)))


def test_the_decorator_above_compile() -> None:
    @contract
    @torch.compile(backend="eager", fullgraph=True)
    def double(x: Float[Tensor, "b b"]) -> Float[Tensor, "b b"]:
        return x * 2

    assert double(torch.ones(3, 3)).sum() == 18
    with pytest.raises(ShapeError, match="double"):
        double(torch.ones(3, 4))


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_training_step_compiles(backend: str) -> None:
    model = subjects.Net()
    compiled = torch.compile(model, backend=backend, fullgraph=True)
    loss = compiled(*sizes((2, 3, 8))).square().mean()
    loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
