"""Every op and module of the table against torch on random calls; one without a generator fails."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shapecheck.core import ops
from shapecheck.core.ops import Note
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import TensorValue, Value
from tests.ops import generators
from tests.ops.differential import CASES, COUNT, Call, Draw, abstract, check, torch_function

for module in pkgutil.iter_modules([str(Path(generators.__file__).parent)]):
    importlib.import_module(f"{generators.__name__}.{module.name}")

NAMES = list(ops.names())
MODULES = list(ops.module_names())
ALWAYS_DOUBLE = "float_power"
"""In place it accepts nothing but float64."""


def in_place(name: str) -> bool:
    """Whether torch has ``name_``."""
    if not name.startswith("torch."):
        return False
    try:
        torch_function(f"{name}_")
    except AttributeError:
        return False
    return ops.kind(name) == "pointwise" and not name.endswith(ALWAYS_DOUBLE)


@pytest.mark.parametrize("name", NAMES)
def test_the_table_says_what_torch_does(name: str) -> None:
    assert name in CASES, f"{name} has no generator in tests/ops/generators"
    found = CASES[name]
    if name.startswith("einx."):
        pytest.importorskip("einx")
    check(name, found.torch or torch_function(name), partial(ops.apply, name), found, COUNT)


@pytest.mark.parametrize("name", [f"{name}_" for name in NAMES if in_place(name)])
def test_so_does_the_variant_in_place(name: str) -> None:
    check(name, torch_function(name), partial(ops.apply, name), CASES[name[:-1]], COUNT)


@pytest.mark.parametrize("name", MODULES)
def test_so_does_the_table_of_modules(name: str) -> None:
    assert name in CASES, f"{name} has no generator in tests/ops/generators"
    found = CASES[name]
    check(name, found.torch or made_and_called(name), partial(constructed_and_applied, name), found, COUNT)


def made_and_called(name: str) -> Callable[..., Any]:
    def call(constructor: Call, *args: Any, **kwargs: Any) -> Any:
        return torch_function(name)(*constructor.args, **constructor.kwargs)(*args, **kwargs)

    return call


def constructed_and_applied(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Value], notes: list[Note] | None = None
) -> Value:
    constructor, *rest = args
    hyper = ops.construct(name, constructor.args, constructor.kwargs, notes=notes)
    return ops.apply_module(name, hyper, rest, kwargs, notes=notes)


@pytest.mark.parametrize("name", [name for name in MODULES if ops.module_state(name, {})])
def test_a_modules_parameters_have_the_shapes_that_torch_makes(name: str) -> None:
    draw = Draw(name)
    for _ in range(5):
        constructor = CASES[name].generate(draw).args[0]
        try:
            made = torch_function(name)(*constructor.args, **constructor.kwargs)
        except (ValueError, RuntimeError):
            continue
        given = abstract(constructor, Size.of)
        for parameter, value in ops.module_state(name, ops.construct(name, given.args, given.kwargs)).items():
            found = getattr(made, parameter)
            expected = None if found is None else TensorValue.of(found.shape)
            assert (value and TensorValue(value.shape)) == expected, f"{name}({constructor}).{parameter}"


def test_generators_are_of_ops_in_the_table() -> None:
    assert sorted(CASES.keys() - {*NAMES, *MODULES}) == []
