"""Every op of the table against torch on random calls; an op without a generator fails."""

from __future__ import annotations

import importlib
import pkgutil
from functools import partial
from pathlib import Path

import pytest

from shapecheck.core import ops
from tests.ops import generators
from tests.ops.differential import CASES, COUNT, check, torch_function

for module in pkgutil.iter_modules([str(Path(generators.__file__).parent)]):
    importlib.import_module(f"{generators.__name__}.{module.name}")

NAMES = [
    name for name in ops.names() if not name.startswith("torch.nn.") or name.split(".")[2] in {"functional", "init"}
]
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
    check(name, found.torch or torch_function(name), partial(ops.apply, name), found, COUNT)


@pytest.mark.parametrize("name", [f"{name}_" for name in NAMES if in_place(name)])
def test_so_does_the_variant_in_place(name: str) -> None:
    check(name, torch_function(name), partial(ops.apply, name), CASES[name[:-1]], COUNT)


def test_generators_are_of_ops_in_the_table() -> None:
    assert sorted(CASES.keys() - set(ops.names())) == []
