"""`install(..., guard=…)`: every function of the packages is guarded, annotated or not, and stays as it was."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

from shapecheck import BroadcastError, KeepdimError, SettingsError, ShapeError, install
from shapecheck.runtime.places import place_text
from shapecheck.runtime.settings import Place
from tests.hook.conftest import Project

UNANNOTATED = '''
"""Nobody wrote a shape here."""
import asyncio
from functools import cached_property, lru_cache

import torch
from torch import nn

SCALE = 2

def weighted(loss, weights):
    return (loss * weights).mean()

def normalized(x):
    return x / x.sum(dim=1)

async def later(a, b):
    await asyncio.sleep(0)
    return a * b

def steps(a, b):
    yield a
    yield a * b

async def steps_later(a, b):
    yield a * b

def with_closure(a):
    def inner(b):
        return a * b
    return inner

def nothing():
    pass

def shape_of(x):
    return x.shape

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3, 1))

    def forward(self, x):
        return self.helper(x)

    def helper(self, x):
        return x * self.scale

    @staticmethod
    def static(a, b):
        return a * b

    @classmethod
    def of_class(cls, a, b):
        return a * b

    @property
    def pairs(self):
        return self.scale * self.scale.squeeze(1)

class Data:
    def __init__(self, a, b):
        self.a, self.b = a, b

    def __getitem__(self, i):
        return self.a * self.b

@torch.jit.script
def scripted(a, b):
    return a * b

def called_by_script(a: torch.Tensor, b: torch.Tensor):
    return doubled(a) * b

def doubled(a: torch.Tensor):
    return a * 2
'''


def column_and_row() -> tuple[Tensor, Tensor]:
    return torch.rand(3, 1), torch.rand(3)


async def collected(items: Any) -> list[Tensor]:
    return [item async for item in items]


CALLS: dict[str, Any] = {
    "function": lambda m: m.weighted(*column_and_row()),
    "coroutine": lambda m: asyncio.run(m.later(*column_and_row())),
    "generator": lambda m: list(m.steps(*column_and_row())),
    "async generator": lambda m: asyncio.run(collected(m.steps_later(*column_and_row()))),
    "nested function": lambda m: m.with_closure(torch.rand(3, 1))(torch.rand(3)),
    "forward": lambda m: m.Model()(torch.rand(3)),
    "method": lambda m: m.Model().helper(torch.rand(3)),
    "static method": lambda m: m.Model.static(*column_and_row()),
    "class method": lambda m: m.Model.of_class(*column_and_row()),
    "property": lambda m: m.Model().pairs,
    "item": lambda m: m.Data(*column_and_row())[0],
}


@pytest.mark.parametrize("kind", CALLS)
def test_every_kind_of_function_is_guarded(project: Project, kind: str) -> None:
    project.write(plainpkg=UNANNOTATED)
    with install("plainpkg", guard=True):
        module = project.load("plainpkg")
    with pytest.raises(BroadcastError) as caught:
        CALLS[kind](module)
    assert caught.value.filename == module.__file__


@pytest.mark.parametrize("options", [{}, {"guard": False}], ids=str)
@pytest.mark.parametrize("kind", CALLS)
def test_unannotated_functions_are_left_alone_unless_it_is_asked_for(
    project: Project, kind: str, options: dict[str, Any]
) -> None:
    project.write(plainpkg=UNANNOTATED)
    with install("plainpkg", **options):
        module = project.load("plainpkg")
    CALLS[kind](module)
    assert not hasattr(module.weighted, "__wrapped__")


def test_message_names_the_users_call(project: Project) -> None:
    project.write(plainpkg=UNANNOTATED)
    with install("plainpkg", guard=True):
        module = project.load("plainpkg")
    with pytest.raises(KeepdimError) as caught:
        module.normalized(torch.rand(4, 4))
    assert caught.value.expression == "x / x.sum(dim=1)"
    here = place_text(Place(__file__, test_message_names_the_users_call.__code__.co_firstlineno + 5))
    assert f"argument `x` of normalized(), called at {here}" in str(caught.value)


def test_contracts_stay_contracts_and_functions_keep_their_face(project: Project) -> None:
    project.write(
        plainpkg=UNANNOTATED
        + """
from jaxtyping import Float
def annotated(a: Float[torch.Tensor, "n"], b: Float[torch.Tensor, "m"]):
    return a * b
"""
    )
    with install("plainpkg", guard=True):
        module = project.load("plainpkg")
    with pytest.raises(ShapeError, match="argument `a`"):
        module.annotated(torch.rand(3, 3), torch.rand(3))
    assert str(inspect.signature(module.weighted)) == "(loss, weights)"
    assert inspect.iscoroutinefunction(module.later)
    assert inspect.isgeneratorfunction(module.steps)
    assert inspect.isasyncgenfunction(module.steps_later)
    assert "loss * weights" in inspect.getsource(module.weighted)
    assert pickle.loads(pickle.dumps(module.weighted)) is module.weighted


def test_what_computes_nothing_or_is_compiled_elsewhere_is_left_alone(project: Project) -> None:
    project.write(plainpkg=UNANNOTATED)
    with install("plainpkg", guard=True):
        module = project.load("plainpkg")
    assert not hasattr(module.nothing, "__wrapped__")
    assert not hasattr(module.shape_of, "__wrapped__")
    assert module.scripted(*column_and_row()).shape == (3, 3)
    assert torch.jit.script(module.called_by_script)(torch.ones(3), torch.ones(3)).tolist() == [2.0] * 3


def test_level_holds_for_contracts_and_for_what_has_none(project: Project) -> None:
    project.write(
        plainpkg="""
        from jaxtyping import Float
        from torch import Tensor

        def plain(x, bias):
            return x + bias

        def annotated(x: Float[Tensor, "n d"], bias: Float[Tensor, "d"]):
            return x + bias
        """
    )
    with install("plainpkg", guard="rank"):
        module = project.load("plainpkg")
    for function in (module.plain, module.annotated):
        with pytest.raises(BroadcastError) as caught:
            function(torch.rand(2, 3), torch.rand(3))
        assert caught.value.rule == "rank"


def test_options_are_those_of_the_guards(project: Project) -> None:
    project.write(plainpkg=UNANNOTATED)
    with install("plainpkg", guard=True, keepdim=False):
        module = project.load("plainpkg")
    module.normalized(torch.rand(4, 4))
    with pytest.raises(BroadcastError):
        module.weighted(*column_and_row())


def test_own_guard_of_a_function_counts(project: Project) -> None:
    project.write(
        plainpkg="""
        from shapecheck import guard

        @guard(broadcast="allow")
        def pairs(a, b):
            return a * b

        def calls(a, b):
            return pairs(a, b)
        """
    )
    with install("plainpkg", guard=True):
        module = project.load("plainpkg")
    for _ in range(3):
        assert module.calls(*column_and_row()).shape == (3, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"guard": "ranks"}, "guard is 'ranks', expected one of True, False, 'echo', 'outer', 'rank', 'strict'"),
        ({"guard": "allow"}, "guard is 'allow'"),
        ({"guard": None}, "guard is None"),
        ({"guard": "rank", "broadcast": "echo"}, "guard='rank', but broadcast='echo'"),
    ],
    ids=str,
)
def test_wrong_option_is_one_clear_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        install("anything", **options)
    assert message in str(caught.value)


def test_nothing_is_left_under_optimization_and_in_mode_off(project: Project) -> None:
    project.write(
        plainpkg=UNANNOTATED,
        program="""
        from shapecheck import install
        install("plainpkg", guard=True)
        import plainpkg, torch
        print(hasattr(plainpkg.weighted, "__wrapped__"), plainpkg.weighted(torch.rand(3, 1), torch.rand(3)).ndim)
        """,
    )
    for run in (project.python("-O", "program.py"), project.python("program.py", SHAPECHECK="off")):
        assert run.stdout.split() == ["False", "0"], run.stderr
    assert "BroadcastError" in project.python("program.py").stderr


def test_cached_code_is_kept_apart_from_that_of_an_install_without_guard(project: Project) -> None:
    project.write(
        plainpkg=UNANNOTATED,
        program="""
        import sys
        from shapecheck import install
        install("plainpkg", guard=sys.argv[1] == "guard")
        import plainpkg
        print(hasattr(plainpkg.weighted, "__wrapped__"))
        """,
    )
    ways = ["guard", "plain", "guard", "plain"]
    runs = [project.python("program.py", way) for way in ways]
    assert [run.stdout.strip() for run in runs] == ["True", "False"] * 2


def test_module_that_has_no_torch_is_left_alone(project: Project) -> None:
    project.write(
        plainpkg="def add(a, b):\n    return a + b\n",
        program="""
        import sys
        from shapecheck import install
        install("plainpkg", guard=True)
        import plainpkg
        print(hasattr(plainpkg.add, "__wrapped__"), plainpkg.add(1, 2), "torch" in sys.modules)
        """,
    )
    assert project.python("program.py").stdout.split() == ["False", "3", "False"]


TABLES = '''
from typing import TypedDict, Unpack

import torch
from jaxtyping import Float
from torch import Tensor

class Options(TypedDict, total=False):
    scale: int

class Table:
    """Looked up with `[]`, as a project's own kind of shape annotation would be."""
    def __getitem__(self, name):
        return name

TABLE = Table()

def looked_up(x: int, **options: Unpack[Options]) -> "Later":
    return TABLE["a"] if isinstance(x, int) else x

def annotated(x: Float[Tensor, "n"], **options: Unpack[Options]) -> Float[Tensor, "n"]:
    return x * options.get("scale", 1)

class Later:
    pass
'''


@pytest.mark.parametrize("options", [{}, {"guard": True}], ids=str)
def test_plain_annotations_of_functions_without_shapes_are_not_checked(
    project: Project, options: dict[str, Any]
) -> None:
    project.write(plainpkg=TABLES)
    with install("plainpkg", **options):
        module = project.load("plainpkg")
    assert module.looked_up("text", scale="large", other=1) == "text"
    assert module.looked_up(3) == "a"
    assert module.annotated(torch.ones(2), scale=3).tolist() == [3.0, 3.0]
    with pytest.raises(ShapeError, match="argument `x`"):
        module.annotated(torch.ones(2, 2), scale=3)
