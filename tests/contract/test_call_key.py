"""Which calls of a contract the guards take for alike: a new list length, a None or another size is looked at anew."""

from typing import Any

import pytest
import torch
from jaxtyping import Float
from torch import Tensor, nn

from shapecheck import BroadcastError, contract
from shapecheck.runtime.guard.active import ACTIVE

T = torch.ones
Rows = list[Float[Tensor, "n"]]


@contract
def looked_at(
    x: Float[Tensor, "b c"],
    rows: list[Float[Tensor, "b d"]],
    named: dict[str, Float[Tensor, "e"]] | None = None,
    mask: Float[Tensor, "b f"] | None = None,
    mixed: list[Float[Tensor, "#b _"]] | None = None,
    flag: bool = False,
    count: int = 0,
) -> bool:
    return ACTIVE.get() is not None


BASE: dict[str, Any] = {"x": T(3, 5), "rows": [T(3, 7)] * 2, "named": {"a": T(9)}}
NEW: dict[str, dict[str, Any]] = {
    "a size of 1": {"x": T(3, 1)},
    "a size equal to another": {"x": T(3, 7)},
    "another length": {"rows": [T(3, 7)] * 4},
    "other sizes in the list": {"rows": [T(3, 1)] * 2},
    "an empty list": {"rows": []},
    "another length of a dict": {"named": {"a": T(9), "b": T(9)}},
    "other sizes in a dict": {"named": {"a": T(1)}},
    "None": {"named": None},
    "not None": {"mask": T(3, 2)},
    "not None, sizes without names": {"mixed": [T(1, 4)]},
    "a switch": {"flag": True},
}
SAME: dict[str, dict[str, Any]] = {"the same": {}, "a number": {"count": 4}, "another key": {"named": {"z": T(9)}}}


@pytest.mark.parametrize("change", NEW.values(), ids=NEW)
def test_a_call_that_differs_in_shapes_is_looked_at(change: dict[str, Any]) -> None:
    looked_at(**BASE)
    for _ in range(8):
        looked_at(**BASE)
    assert looked_at(**{**BASE, **change})


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_a_call_like_an_earlier_one_is_not(change: dict[str, Any]) -> None:
    for _ in range(9):
        looked_at(**BASE)
    assert not looked_at(**{**BASE, **change})


def test_a_list_that_grows_shows_what_its_second_tensor_does() -> None:
    @contract
    def differences(rows: Rows) -> list[Tensor]:
        return [row * torch.rand(3, 1) for row in rows[1:]]

    differences([T(3)])
    differences([T(3)])
    with pytest.raises(BroadcastError):
        differences([T(3), T(3)])


def test_modules_of_one_class_are_alike_and_tensors_as_self_are_not() -> None:
    class Block(nn.Module):
        @contract
        def forward(self, x: Float[Tensor, "b d"]) -> bool:
            return ACTIVE.get() is not None

    class Wider(Block):
        pass

    class Bag(tuple[Tensor, ...]):
        @contract
        def seen(self, x: Float[Tensor, "b d"]) -> bool:
            return ACTIVE.get() is not None

    x = T(2, 3)
    assert Block()(x)
    assert Block()(x)  # call number 2 is looked at whatever its sizes
    assert not Block()(x)
    assert Wider()(x)
    bags = [Bag([T(2)]), Bag([T(2), T(5)]), Bag([T(1)])]
    assert [bag.seen(x) for bag in bags] == [True, True, True]
