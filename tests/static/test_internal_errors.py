"""An op whose rule fails by itself is unknown, and nothing else suffers; in tests it is seen."""

from __future__ import annotations

import pytest

from shapecheck.core import ops
from shapecheck.static import check_source
from shapecheck.static.operations import STRICT

SOURCE = """
import torch
from torch import Tensor, nn
from jaxtyping import Float

def f(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    return torch.sigmoid(x)

def g(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    return nn.Linear(2, 3)(x)

def h(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    return x.mT
"""


def broken(*args: object, **kwargs: object) -> None:
    raise KeyError("an oversight")


@pytest.fixture
def broken_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    healthy = ops.apply

    def apply(name: str, *args: object, **kwargs: object) -> object:
        return broken() if "sigmoid" in name else healthy(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(ops, "apply", apply)
    monkeypatch.setattr(ops, "construct", broken)


@pytest.mark.usefixtures("broken_rules")
def test_a_broken_rule_costs_its_own_result_only() -> None:
    STRICT.set(False)
    (found,) = check_source(SOURCE, "model.py")
    assert (found.rule, found.line) == ("return-shape", 13)


@pytest.mark.usefixtures("broken_rules")
def test_a_broken_rule_is_seen_in_tests() -> None:
    with pytest.raises(AssertionError, match=r"the rule of torch\.sigmoid fails"):
        check_source(SOURCE, "model.py")
