"""Promotion of dtypes against `torch.result_type`, every pair of dtypes and priorities."""

from __future__ import annotations

import itertools

import pytest
import torch

from shapecheck.core.ops.promotion import DEFAULT_DTYPE, dtype_named, promote, promote_names, same_dtype
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import FLOAT, UNKNOWN, TensorValue, Value
from tests.ops.shorthand import tensor

NAMES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128".split()
OPERANDS: dict[str, tuple[Value, object]] = {
    **{f"{name} vector": (tensor("2", name), torch.ones(2, dtype=getattr(torch, name))) for name in NAMES},
    **{f"{name} scalar": (tensor("", name), torch.ones((), dtype=getattr(torch, name))) for name in NAMES},
    "True": (True, True),
    "a size": (Size.of("n"), 3),
    "a float": (FLOAT, 0.5),
    "a complex": (1j, 1j),
}


@pytest.mark.parametrize("left", OPERANDS)
def test_two_operands_promote_as_in_torch(left: str) -> None:
    own, real = OPERANDS[left]
    for right, (other, other_real) in OPERANDS.items():
        if not isinstance(real, torch.Tensor) and not isinstance(other_real, torch.Tensor):
            continue
        expected = str(torch.result_type(real, other_real)).removeprefix("torch.")  # type: ignore[call-overload]
        assert promote((own, other)) == frozenset({expected}), f"{left} and {right}"


@pytest.mark.parametrize(("left", "right"), list(itertools.combinations(NAMES, 2)))
def test_promotion_is_symmetric(left: str, right: str) -> None:
    assert promote_names(left, right) == promote_names(right, left)


def test_a_family_promotes_member_by_member() -> None:
    family = TensorValue.of((2,), {"float32", "float64"})
    assert promote((family, tensor("2", "float64"))) == frozenset({"float64"})
    assert promote((family, tensor("2", "int64"))) == family.dtypes
    assert promote((family, family)) == family.dtypes


def test_what_is_unknown_stays_so() -> None:
    assert promote((tensor("2", None), tensor("2"))) is None
    assert promote((UNKNOWN, tensor("2"))) is None


def test_families_that_overlap_may_be_the_same() -> None:
    family = TensorValue.of((2,), {"float32", "float64"})
    assert same_dtype((("a", family), ("b", tensor("2")))) == frozenset({"float32"})


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("torch.float32", "float32"),
        ("torch.long", "int64"),
        ("torch.half", "float16"),
        ("float", "float32"),
        ("int", "int64"),
    ],
)
def test_dtypes_have_several_names(given: str, name: str) -> None:
    assert dtype_named(given) == frozenset({name})


def test_the_default_dtype_can_be_another() -> None:
    token = DEFAULT_DTYPE.set("float64")
    try:
        assert promote((tensor("2", "int64"), 0.5)) == frozenset({"float64"})
    finally:
        DEFAULT_DTYPE.reset(token)
