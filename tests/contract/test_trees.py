"""`PyTree`, where jax is there: leaves and structures share the names of the call, whatever the order."""

from typing import Any

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from shapecheck import ShapeError, contract

pytest.importorskip("jax")

T = torch.ones


def test_leaves_share_the_names_of_the_other_arguments_and_of_the_result() -> None:
    from jaxtyping import PyTree

    @contract
    def f(tree: PyTree[Float[Tensor, "b c"]], y: Float[Tensor, "b"]) -> Float[Tensor, "c"]:
        return T(3)

    f({"a": T(2, 3), "b": [T(2, 3)]}, T(2))
    for tree, y in (({"a": T(2, 3)}, T(4)), ({"a": T(2, 3), "b": T(3, 2)}, T(2)), ({"a": T(2, 4)}, T(2))):
        with pytest.raises(ShapeError):
            f(tree, y)


def test_structures_are_names_too() -> None:
    from jaxtyping import PyTree

    @contract
    def f(x: PyTree[Any, "T"], y: PyTree[Any, "T"] | None = None) -> PyTree[Any, "T"]:
        return x

    f((1, {"a": 2}), (3, {"a": 4}))
    f((1, 2))
    with pytest.raises(ShapeError, match="y"):
        f((1, {"a": 2}), (3, {"b": 4}))

    @contract
    def g(x: PyTree[Any, "T"]) -> PyTree[Any, "T"]:
        return [x]

    with pytest.raises(ShapeError, match="return"):
        g((1, 2))
