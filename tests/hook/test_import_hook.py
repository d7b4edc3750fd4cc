"""`install`: what is checked in the packages it names, and that everything else about a module stays as it was."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pickle
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import shapecheck
from shapecheck import AnnotationError, SettingsError, ShapeError, install
from shapecheck.runtime.hooked import ShapeHookWarning
from tests.hook.conftest import Project

EVERYTHING = '''
"""Docstring of the module."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

Image = Float[Tensor, "c h w"]

def function(x: Float[Tensor, "b c"], y: Float[Tensor, "b"]) -> Float[Tensor, "b c"]:
    """Docstring of the function."""
    return x * y[:, None]

async def coroutine(x: Float[Tensor, "b"], y: Float[Tensor, "b"]) -> Float[Tensor, "b"]:
    await asyncio.sleep(0)
    return x + y

def generator(x: Float[Tensor, "b c"]) -> Iterator[Float[Tensor, "c"]]:
    yield x[0]
    yield x.T[0]

def outer(x: Float[Tensor, "a"]):
    def inner(y: Float[Tensor, "a b"], z: Float[Tensor, "b"]):
        return y @ z
    return inner

def alias(x: Image) -> Image:
    return x

def plain(x: int, y: Tensor) -> Tensor:
    return y * x

def unannotated(x):
    y: Float[Tensor, "b c"] = x
    z: Float[Tensor, "b"] = y[0]
    return z

class Methods:
    def method(self, x: Float[Tensor, "b"], y: Float[Tensor, "b"]): return x + y
    @classmethod
    def of(cls, x: Float[Tensor, "b"], y: Float[Tensor, "b"]): return x + y
    @staticmethod
    def static(x: Float[Tensor, "b"], y: Float[Tensor, "b"]): return x + y
    @property
    def prop(self) -> Float[Tensor, "3"]: return torch.ones(4)
    @cached_property
    def cached(self) -> Float[Tensor, "3"]: return torch.ones(4)
    @torch.no_grad()
    def without_grad(self, x: Float[Tensor, "b"], y: Float[Tensor, "b"]): return x + y
    def __private(self, x: Float[Tensor, "b b"]): return x
    def calls_private(self, x): return self.__private(x)

class Net(nn.Module):
    def __init__(self, d: int):
        super().__init__()
        self.d = d
        self.weight: Float[Tensor, "{self.d} {self.d}"] = nn.Parameter(torch.ones(d, d))
    def forward(self, x: Float[Tensor, "b {self.d}"]) -> Float[Tensor, "b"]:
        return (x @ self.weight).sum(1)

@dataclass
class Batch:
    x: Float[Tensor, "b c"]
    y: Int[Tensor, "b"]

@dataclass
class Labelled(Batch):
    z: Float[Tensor, "b"] = field(kw_only=True)

class Pair(NamedTuple):
    x: Float[Tensor, "b"]
    y: Float[Tensor, "b"]
'''

T = torch.ones


@pytest.fixture
def everything(project: Project) -> Any:
    project.write(everything=EVERYTHING)
    with install("everything"):
        return project.load("everything")


VIOLATIONS = {
    "function": lambda m: m.function(T(2, 3), T(4)),
    "coroutine": lambda m: asyncio.run(m.coroutine(T(2), T(3))),
    "generator": lambda m: list(m.generator(T(2, 3))),
    "nested function": lambda m: m.outer(T(2))(T(2, 3), T(4)),
    "alias": lambda m: m.alias(T(2, 3)),
    "annotated local": lambda m: m.unannotated(T(2, 3)),
    "method": lambda m: m.Methods().method(T(2), T(3)),
    "classmethod": lambda m: m.Methods.of(T(2), T(3)),
    "staticmethod": lambda m: m.Methods.static(T(2), T(3)),
    "property": lambda m: m.Methods().prop,
    "cached_property": lambda m: m.Methods().cached,
    "method below another decorator": lambda m: m.Methods().without_grad(T(2), T(3)),
    "private method": lambda m: m.Methods().calls_private(T(2, 3)),
    "nn.Module": lambda m: m.Net(3)(T(2, 4)),
    "dataclass": lambda m: m.Batch(T(2, 3), T(3).long()),
    "inheriting dataclass": lambda m: m.Labelled(T(2, 3), T(2).long(), z=T(3)),
    "NamedTuple": lambda m: m.Pair(T(2), T(3)),
}


@pytest.mark.parametrize("violate", VIOLATIONS.values(), ids=VIOLATIONS.keys())
def test_every_annotated_thing_is_checked(everything: Any, violate: Any) -> None:
    with pytest.raises(ShapeError):
        violate(everything)


def test_healthy_calls_pass(everything: Any) -> None:
    m = everything
    m.function(T(2, 3), T(2))
    asyncio.run(m.coroutine(T(2), T(2)))
    m.outer(T(2))(T(2, 3), T(3))
    m.alias(T(2, 3, 4))
    assert m.plain(2, T(3)).sum() == 6
    m.unannotated(T(3, 3))
    m.Methods().without_grad(T(2), T(2))
    m.Net(3)(T(2, 3))
    m.Labelled(T(2, 3), T(2).long(), z=T(2))
    assert m.Pair(T(2), T(2)).x.shape == (2,)


def test_what_holds_no_shape_is_the_function_that_was_written(everything: Any) -> None:
    assert not hasattr(everything.plain, "__wrapped__")
    assert everything.plain.__code__.co_filename == everything.__file__


def test_source_lines_and_docstrings_are_those_of_the_file(everything: Any) -> None:
    m = everything
    assert m.__doc__ == "Docstring of the module."
    assert m.function.__doc__ == "Docstring of the function."
    assert inspect.getsource(m.function).startswith("def function(x")
    assert inspect.getsource(m.Net.forward).strip().startswith("def forward(self")
    assert inspect.getsource(m.Batch).startswith("@dataclass\nclass Batch")
    assert list(inspect.signature(m.function).parameters) == ["x", "y"]
    assert inspect.iscoroutinefunction(m.coroutine)


def test_a_traceback_points_at_the_line_of_the_file(project: Project) -> None:
    project.write(
        lines="""\
        from jaxtyping import Float
        from torch import Tensor

        def f(x: Float[Tensor, "b"]):
            y: Float[Tensor, "b"] = (
                x +
                undefined
            )
            return y
        """
    )
    with install("lines"):
        module = project.load("lines")
    with pytest.raises(NameError) as caught:
        module.f(T(2))
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.filename, last.lineno, last.name) == (module.__file__, 7, "f")


def test_a_violated_local_ends_its_traceback_at_the_assignment(project: Project) -> None:
    project.write(
        ends="""\
        from jaxtyping import Float
        from torch import Tensor

        def f(x: Float[Tensor, "b"]):
            y: Float[Tensor, "b"] = x[1:]
            return y
        """
    )
    with install("ends"):
        module = project.load("ends")
    with pytest.raises(ShapeError) as caught:
        module.f(T(2))
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.filename, last.lineno, last.name) == (module.__file__, 5, "f")


def test_an_annotated_local_names_itself_and_shares_the_names_of_the_call(project: Project) -> None:
    project.write(
        m="""
        from jaxtyping import Float
        from torch import Tensor

        def f(x: Float[Tensor, "b c"]) -> Float[Tensor, "b"]:
            mean: Float[Tensor, "b"] = x.mean(0)
            return mean
        """
    )
    with install("m"):
        module = project.load("m")
    with pytest.raises(ShapeError, match=r"f\(\): .*`mean` has b=3 on dim 0, but `x` made b=2"):
        module.f(T(2, 3))
    module.f(T(3, 3))


def test_locals_can_be_left_out(project: Project) -> None:
    project.write(everything=EVERYTHING)
    with install("everything", locals=False):
        module = project.load("everything")
    module.unannotated(T(2, 3))
    with pytest.raises(ShapeError):
        module.function(T(2, 3), T(4))


def test_only_the_named_packages_are_checked(project: Project) -> None:
    source = 'from jaxtyping import Float\nfrom torch import Tensor\ndef f(x: Float[Tensor, "b b"]): ...'
    project.write(pkg____init__="", pkg__models=source, pkg__other=source, pkgs=source)
    with install("pkg.models") as handle:
        for name in ("pkg.models", "pkg.other", "pkgs"):
            project.load(name)
    assert handle.modules == ("pkg.models",)
    with pytest.raises(ShapeError):
        sys.modules["pkg.models"].f(T(2, 3))
    for name in ("pkg.other", "pkgs"):
        sys.modules[name].f(T(2, 3))


def test_options_reach_every_contract(project: Project) -> None:
    project.write(
        m="""
        from jaxtyping import Float
        from torch import Tensor
        def f(x: Float[Tensor, "b"]): return x / 0
        """
    )
    with install("m", finite=True):
        module = project.load("m")
    with pytest.raises(shapecheck.NonFiniteError):
        module.f(T(2))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((), {}, "no package named"),
        (("my-pkg",), {}, "'my-pkg' isn't the dotted name of a package"),
        (("",), {}, "'' isn't the dotted name"),
        ((".models",), {}, "'.models' isn't the dotted name"),
        ((sys,), {}, r"expected the names of packages, found <module 'sys'"),
        ((["a", "b"],), {}, r"expected the names of packages, found \['a', 'b'\]"),
        (("m",), {"brodcast": "rank"}, "unknown option 'brodcast'; did you mean 'broadcast'"),
        (("m",), {"broadcast": "sometimes"}, "broadcast is 'sometimes'"),
        (("m",), {"locals": "yes"}, "locals is 'yes'"),
        (("m",), {"unresolved": "maybe"}, "unresolved is 'maybe'"),
    ],
)
def test_bad_arguments_get_one_clear_error(arguments: Any, options: dict[str, Any], message: str) -> None:
    before = list(sys.meta_path)
    with pytest.raises(SettingsError, match=message):
        install(*arguments, **options)
    assert sys.meta_path == before


def test_modules_imported_before_are_named(project: Project) -> None:
    project.write(early____init__="", early__a="", early__b="")
    for name in ("early.a", "early.b"):
        project.load(name)
    with pytest.warns(ShapeHookWarning, match=r"early and 2 modules below it were imported before install\(\)"):
        install("early").uninstall()
    with pytest.warns(ShapeHookWarning, match=r"early\.a was imported before") as caught:
        install("early.a").uninstall()
    assert caught[0].filename == __file__


def test_a_package_may_install_the_hook_for_itself(project: Project) -> None:
    project.write(
        selfish____init__="from shapecheck import install\nwith install('selfish'):\n    from . import part",
        selfish__part='from jaxtyping import Float\nfrom torch import Tensor\ndef f(x: Float[Tensor, "b b"]): ...',
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module = project.load("selfish.part")
    with pytest.raises(ShapeError):
        module.f(T(2, 3))


def test_uninstall_and_reload(project: Project) -> None:
    project.write(m='from jaxtyping import Float\nfrom torch import Tensor\ndef f(x: Float[Tensor, "b b"]): ...')
    with install("m"):
        module = project.load("m")
        importlib.reload(module)
        with pytest.raises(ShapeError):
            module.f(T(2, 3))
    with pytest.raises(ShapeError):
        module.f(T(2, 3))  # what is loaded stays checked
    importlib.reload(module)
    module.f(T(2, 3))


def test_uninstalling_twice_is_harmless() -> None:
    handle = install("nowhere")
    assert "nowhere: installed" in repr(handle) and handle.unmatched == ("nowhere",)
    handle.uninstall()
    handle.uninstall()
    assert "not installed" in repr(handle)


def test_functions_and_classes_pickle_by_name(everything: Any) -> None:
    for thing in (everything.function, everything.Batch, everything.Pair, everything.Net):
        assert pickle.loads(pickle.dumps(thing)) is thing
    batch = pickle.loads(pickle.dumps(everything.Batch(T(2, 3), T(2).long())))
    assert batch.x.shape == (2, 3)


def test_cloudpickle_of_a_module_by_value(everything: Any) -> None:
    import cloudpickle

    cloudpickle.register_pickle_by_value(everything)
    try:
        unannotated = pickle.loads(cloudpickle.dumps(everything.unannotated))
    finally:
        cloudpickle.unregister_pickle_by_value(everything)
    assert unannotated(T(3, 3)).shape == (3,)
    with pytest.raises(ShapeError):
        unannotated(T(2, 3))


def test_namespace_packages(project: Project) -> None:
    project.write(space__m='from jaxtyping import Float\nfrom torch import Tensor\ndef f(x: Float[Tensor, "b b"]): ...')
    assert not (project.folder / "space" / "__init__.py").exists()
    with warnings.catch_warnings(), install("space"):
        warnings.simplefilter("error")
        module = project.load("space.m")
    with pytest.raises(ShapeError):
        module.f(T(2, 3))


def test_packages_without_source_are_left_alone_with_one_warning(project: Project) -> None:
    import compileall

    source = 'from jaxtyping import Float\nfrom torch import Tensor\ndef f(x: Float[Tensor, "b b"]): ...'
    project.write(compiled____init__="", compiled__a=source, compiled__b=source)
    compileall.compile_dir(project.folder, legacy=True, quiet=2)
    for path in (project.folder / "compiled").glob("*.py"):
        path.unlink()
    with install("compiled"):
        with pytest.warns(ShapeHookWarning) as caught:
            project.load("compiled.a")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            project.load("compiled.b").f(T(2, 3))
    assert len(caught) == 1
    assert "contracts of compiled aren't checked: it is loaded without a source file" in str(caught[0].message)


def test_packages_in_a_zip_file_are_left_alone_with_one_warning(project: Project) -> None:
    import zipfile

    archive = project.folder / "archive.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped/__init__.py", "x = 1")
    sys.path.insert(0, str(archive))
    try:
        with pytest.warns(ShapeHookWarning, match="contracts of zipped aren't checked"), install("zipped"):
            assert project.load("zipped").x == 1
    finally:
        sys.path.remove(str(archive))


def test_a_loader_that_rewrites_too_is_left_alone_with_a_warning(project: Project) -> None:
    import jaxtyping

    project.write(theirs="x = 1")
    told = pytest.warns(ShapeHookWarning, match=r"it is loaded by jaxtyping\._import_hook\._JaxtypingLoader")
    with jaxtyping.install_import_hook("theirs", None), install("theirs"), told:
        project.load("theirs")


def test_the_latest_of_two_hooks_wins(project: Project) -> None:
    project.write(everything=EVERYTHING)
    with install("everything"), install("everything", locals=False):
        module = project.load("everything")
    module.unannotated(T(2, 3))


# --- annotations that can't be resolved or understood -------------------------------------------------------------

UNRESOLVABLE = """
from __future__ import annotations
from typing import TYPE_CHECKING
from jaxtyping import Float
from torch import Tensor
if TYPE_CHECKING:
    from missing_package import Config

def healthy(x: Float[Tensor, "b b"]): ...

def unresolved(x: Float[Tensor, "b b"], config: Config): ...

def no_concern_of_ours(x: Tensor, config: Config): ...

def misspelled(x: Flaot[Tensor, "b b"]): ...

def malformed(x: Float[Tensor, "b - 1"]): ...

def local(x):
    y: Flaot[Tensor, "b"] = x
    return y
"""


def test_what_cannot_be_resolved_is_told_once_with_its_line_and_the_rest_is_checked(project: Project) -> None:
    project.write(m=UNRESOLVABLE)
    with warnings.catch_warnings(record=True) as caught, install("m"):
        warnings.simplefilter("always")
        module = project.load("m")
        for _ in range(2):
            module.misspelled(T(2, 3))
            module.malformed(T(2, 3))
            module.no_concern_of_ours(T(2, 3), None)
            module.local(T(2))
            with pytest.raises(ShapeError):
                module.unresolved(T(2, 3), None)
    told = {(Path(each.filename).name, each.lineno): str(each.message) for each in caught}
    assert all(issubclass(each.category, ShapeHookWarning) for each in caught)
    assert len(caught) == len(told)
    assert told.keys() == {("m.py", line) for line in (11, 15, 17, 20)}
    assert "unresolved(), parameter `config`" in told["m.py", 11] and "importing it fails" in told["m.py", 11]
    assert "misspelled" in told["m.py", 15] and "Flaot" in told["m.py", 15]
    assert "malformed" in told["m.py", 17] and "b - 1" in told["m.py", 17]
    assert "local(), `y`" in told["m.py", 20] and "Flaot" in told["m.py", 20]
    with pytest.raises(ShapeError):
        module.healthy(T(2, 3))


def test_what_cannot_be_resolved_can_be_an_error(project: Project) -> None:
    project.write(m=UNRESOLVABLE)
    with install("m", unresolved="raise"), pytest.raises(AnnotationError, match=r"Flaot|Config"):
        project.load("m")


def test_what_cannot_be_resolved_can_be_ignored(project: Project) -> None:
    project.write(m=UNRESOLVABLE)
    with warnings.catch_warnings(), install("m", unresolved="ignore"):
        warnings.simplefilter("error")
        module = project.load("m")
        module.misspelled(T(2, 3))
    with pytest.raises(ShapeError):
        module.healthy(T(2, 3))


def test_names_imported_for_type_checkers_only_are_found(project: Project) -> None:
    project.write(
        m="""
        from __future__ import annotations
        import typing
        if typing.TYPE_CHECKING:
            from jaxtyping import Float
            from torch import Tensor
            from m_types import Image

        def f(x: Float[Tensor, "b b"], image: Image | None = None):
            y: Float[Tensor, "b"] = x[0, 1:]
            return y
        """,
        m_types="""
        from jaxtyping import Float
        from torch import Tensor
        Image = Float[Tensor, "c h w"]
        """,
    )
    with install("m"):
        module = project.load("m")
    with pytest.raises(ShapeError, match="argument `x`"):
        module.f(T(2, 3))
    with pytest.raises(ShapeError, match="image"):
        module.f(T(2, 2), T(2, 2))
    with pytest.raises(ShapeError, match="`y`"):
        module.f(T(2, 2))


def test_names_that_mean_something_else_in_the_class_are_still_types(project: Project) -> None:
    project.write(
        m="""
        from __future__ import annotations
        from typing import TypeVar
        import torch
        from jaxtyping import Float
        from torch import Tensor, device, dtype

        T = TypeVar("T", bound="Thing")

        class Thing:
            def float(self) -> Thing: return self
            @property
            def device(self) -> device: return torch.device("cpu")
            def scale(self: T, x: Float[Tensor, "b b"], by: float, device: device | None = None) -> T: return self
        """
    )
    with warnings.catch_warnings(), install("m"):
        warnings.simplefilter("error")
        module = project.load("m")
        thing = module.Thing()
        assert thing.scale(T(2, 2), 1.5, thing.device) is thing
    with pytest.raises(ShapeError):
        thing.scale(T(2, 3), 1.5)


def test_old_spellings_of_plain_types_make_no_noise(project: Project) -> None:
    project.write(
        m="""
        from typing import Dict, List
        from jaxtyping import Float
        from torch import Tensor

        def f(x: Float[Tensor, "b"], names: List[str], sizes: Dict[str, List[int]]) -> List[str]: return names
        """
    )
    with warnings.catch_warnings(), install("m"):
        warnings.simplefilter("error")
        project.load("m").f(T(2), ["a"], {"a": [1]})


def test_a_class_defined_further_down_is_found(project: Project) -> None:
    project.write(
        m="""
        from __future__ import annotations
        from dataclasses import dataclass
        from jaxtyping import Float
        from torch import Tensor

        def f(x: Float[Tensor, "b"], batch: Batch) -> Later: return x

        @dataclass
        class Batch:
            x: Float[Tensor, "b c"]

        Later = Float[Tensor, "b"]
        """
    )
    with warnings.catch_warnings(), install("m"):
        warnings.simplefilter("error")
        module = project.load("m")
        module.f(T(2), module.Batch(T(2, 3)))
    with pytest.raises(ShapeError):
        module.f(T(2, 3), module.Batch(T(2, 3)))
