"""What a guard raises: which class inside and outside, its facts, its traceback; and the mode "warn"."""

from __future__ import annotations

import asyncio
import copy
import pickle
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import shapecheck
from shapecheck import contract
from shapecheck.core.errors import BroadcastError, NonFiniteError, ShapeError
from shapecheck.runtime.guard import guard
from shapecheck.runtime.settings import ShapeWarning, configure
from tests.guard.programs import column_and_row

SOURCE = str(Path(str(shapecheck.__file__)).parent)


def outer(a: Tensor, b: Tensor) -> Tensor:
    return a * b


def test_error_passes_torch_operators_and_is_caught_by_its_class_inside_the_guard() -> None:
    """torch answers NotImplemented to any TypeError in an operator, which would hide ours."""
    a, b = column_and_row()
    with guard():
        for operation in (lambda: a - b, lambda: b.sub(a), lambda: b.__rsub__(a), lambda: a == b, lambda: 2 ** (a * b)):
            with pytest.raises(BroadcastError):
                operation()


def test_error_is_a_type_error_once_it_has_left_the_guard() -> None:
    with pytest.raises(TypeError) as caught, guard():
        outer(*column_and_row())
    assert type(caught.value) is BroadcastError
    assert type(caught.value).__mro__[:3] == (BroadcastError, ShapeError, TypeError)


def test_error_carries_its_facts_and_survives_pickling_and_copying() -> None:
    errors = []

    def program(a: Tensor, b: Tensor) -> None:
        try:
            outer(a, b)
        except ShapeError as inside:
            errors.extend([pickle.loads(pickle.dumps(inside)), copy.deepcopy(inside)])
            raise

    with pytest.raises(BroadcastError) as caught, guard():
        program(*column_and_row())
    errors += [caught.value, pickle.loads(pickle.dumps(caught.value)), copy.deepcopy(caught.value)]
    for error in errors:
        assert isinstance(error, BroadcastError)
        assert (error.rule, error.expression, error.function) == ("echo", "a * b", "outer")
        assert (error.argument, error.found, error.expected) == ("b", (4,), (4, 1))
        assert (error.shapes, error.result) == (((4, 1), (4,)), (4, 4))
        assert error.filename == __file__
        assert str(error) == str(caught.value)


def test_traceback_ends_at_the_users_line() -> None:
    with pytest.raises(BroadcastError) as caught, guard():
        nn.MSELoss()(*column_and_row())
    last = caught.traceback[-1]
    assert last.frame.code.path == Path(__file__)
    assert str(last.statement).strip() == "nn.MSELoss()(*column_and_row())"


def nan(x: Tensor) -> Tensor:
    return x.log() * 0


async def nan_later(x: Tensor) -> Tensor:
    await asyncio.sleep(0)
    return nan(x)


def nan_in_steps(x: Tensor) -> Iterator[Tensor]:
    yield x
    yield nan(x)


async def nan_in_steps_later(x: Tensor) -> AsyncIterator[Tensor]:
    yield x
    yield nan(x)


async def drain(items: AsyncIterator[Tensor]) -> None:
    async for _ in items:
        pass


async def waiting(result: Awaitable[Tensor]) -> Tensor:
    return await result


def stretch(x: Tensor) -> Tensor:
    column = x.unsqueeze(1)
    return nn.functional.relu(x * column)


def in_block(x: Tensor) -> None:
    with guard(finite=True):
        nan(x)


Program = Callable[[Tensor], object]

ENTRIES: dict[str, Program] = {
    "block": in_block,
    "function": guard(finite=True)(nan),
    "generator": lambda x: list(guard(finite=True)(nan_in_steps)(x)),
    "coroutine": lambda x: asyncio.run(waiting(guard(finite=True)(nan_later)(x))),
    "async generator": lambda x: asyncio.run(drain(guard(finite=True)(nan_in_steps_later)(x))),
    "contract": contract(finite=True)(nan),
    "stretching in a function": guard(stretch),
    "stretching in a contract": contract(stretch),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_traceback_shows_no_frame_of_ours_and_ends_in_the_users_file(entry: str) -> None:
    with pytest.raises(ShapeError) as caught:
        ENTRIES[entry](torch.zeros(3))
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [frame.filename for frame in frames if frame.filename.startswith(SOURCE)] == []
    assert frames[-1].filename == __file__


def test_traceback_of_a_backward_after_the_guard_ends_in_torch() -> None:
    weight = torch.zeros(3, requires_grad=True)
    loss = guard(finite=True)(lambda weight: weight.sqrt().sum())(weight)
    with pytest.raises(NonFiniteError) as caught:
        loss.backward()
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [frame.filename for frame in frames if frame.filename.startswith(SOURCE)] == []


def test_other_exceptions_pass_untouched() -> None:
    with pytest.raises(RuntimeError, match="must match the size") as caught, guard():
        outer(torch.rand(3), torch.rand(4))
    assert not isinstance(caught.value, ShapeError)


def test_warn_mode_warns_at_the_users_line_and_goes_on() -> None:
    with configure(mode="warn"), pytest.warns(ShapeWarning, match=r"`a \* b`: \(4, 1\) and \(4,\)") as caught, guard():
        shapes = [outer(*column_and_row()).shape for _ in range(2)]
    assert shapes == [(4, 4)] * 2
    assert [(warning.filename, len(caught)) for warning in caught] == [(__file__, 1)]


def test_mode_off_does_nothing() -> None:
    with configure(mode="off"), guard():
        assert torch._C._len_torch_function_stack() == 0
        outer(*column_and_row())


def test_equal_code_in_two_files_is_told_apart(tmp_path: Path) -> None:
    for name in ("one.py", "two.py"):
        file = tmp_path / name
        file.write_text("def product(a, b):\n    return a * b\n")
        names: dict[str, Any] = {}
        exec(compile(file.read_text(), str(file), "exec"), names)
        with pytest.raises(BroadcastError) as caught, guard():
            names["product"](*column_and_row())
        assert caught.value.filename == str(file)
