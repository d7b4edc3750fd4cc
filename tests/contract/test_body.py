"""`check`, `dims` and `isinstance` in a body: the names of the call, and of no other."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from shapecheck import AnnotationError, ShapeError, check, contract, dims

T = torch.ones


@contract
def checked(x: Float[Tensor, "b c"], y: Any = None) -> Tensor:
    return check(x[0] if y is None else y, Float[Tensor, "c"])


def test_check_shares_the_names_and_returns_the_value() -> None:
    y = T(3)
    assert checked(T(2, 3), y) is y
    with pytest.raises(
        ShapeError, match=r"checked\(\): `x\[0\] if y is None else y` has c=4 on dim 0, but `x` made c=3"
    ):
        checked(T(2, 3), T(4))


def test_names_that_check_binds_hold_for_the_result() -> None:
    @contract
    def f(x: Float[Tensor, "b"], n: int) -> Float[Tensor, "b m"]:
        check(T(n), Float[Tensor, "m"])
        return T(len(x), 5)

    assert f(T(2), 5).shape == (2, 5)
    with pytest.raises(ShapeError, match="the return value has m=5"):
        f(T(2), 4)


def test_check_outside_of_a_contract_checks_the_value_alone() -> None:
    assert check(T(2, 2), Float[Tensor, "n n"]).shape == (2, 2)
    with pytest.raises(ShapeError, match=r"`T\(2, 3\)` has n=3"):
        check(T(2, 3), Float[Tensor, "n n"])


def test_a_helper_has_names_of_its_own() -> None:
    def helper(y: Tensor) -> Tensor:
        return check(y, Float[Tensor, "c"])

    @contract
    def f(x: Float[Tensor, "b c"]) -> int:
        check(x, Float[Tensor, "b c"])
        return len(helper(T(99)))

    assert f(T(2, 3)) == 99


def test_an_expression_over_an_unknown_name_is_refused() -> None:
    with pytest.raises(AnnotationError, match="`n` is not a dim of any argument"):
        check(T(2), Float[Tensor, "n+1"])


def test_dims() -> None:
    def helper() -> dict[str, Any]:
        return dims()

    @contract
    def f(x: Float[Tensor, "*batch c"], y: Float[Tensor, "#c d"] | None = None) -> dict[str, Any]:
        assert helper() == dims()
        return dims()

    assert f(T(2, 3, 4)) == {"batch": (2, 3), "c": 4}
    assert f(T(4), T(1, 5)) == {"batch": (), "c": 4, "d": 5}
    assert dims() == {}


def test_dims_from_a_helper_when_the_checker_had_no_use_for_a_size() -> None:
    def helper() -> dict[str, Any]:
        return dims()

    def f(x: Float[Tensor, "b c"], y: Float[Tensor, "*s #e 3"], unchecked: int = 0) -> dict[str, Any]:
        return around()

    around = helper  # by another name, which does not say that names are asked for
    for decorate in (contract, contract(broadcast="allow", keepdim=False)):
        checked = decorate(f)
        assert checked(T(2, 3), T(4, 5, 1, 3)) == {"b": 2, "c": 3, "s": (4, 5)}
        assert checked(T(2, 3), T(7, 3)) == {"b": 2, "c": 3, "s": (), "e": 7}


def test_isinstance_sees_the_names() -> None:
    @contract
    def f(x: Float[Tensor, "b c"], y: Tensor) -> bool:
        return isinstance(y, Float[Tensor, "c"])

    assert f(T(2, 3), T(3))
    assert not f(T(2, 3), T(4))


def test_generators_tasks_and_threads_keep_apart() -> None:
    @contract
    def rows(x: Float[Tensor, "b c"]) -> Iterator[int]:
        for _ in range(3):
            check(x, Float[Tensor, "b c"])
            yield dims()["c"]

    assert list(zip(rows(T(2, 3)), rows(T(4, 5)), strict=True)) == [(3, 5)] * 3

    @contract
    async def task(x: Float[Tensor, "n"]) -> list[int]:
        seen = []
        for _ in range(3):
            await asyncio.sleep(0)
            seen.append(dims()["n"])
        return seen

    async def both() -> list[list[int]]:
        return await asyncio.gather(task(T(1)), task(T(2)))

    assert asyncio.run(both()) == [[1] * 3, [2] * 3]

    wrong = []

    @contract
    def often(x: Float[Tensor, "n"]) -> None:
        wrong.extend(n for _ in range(100) if (n := dims()["n"]) != len(x))

    threads = [threading.Thread(target=often, args=(T(n),)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
