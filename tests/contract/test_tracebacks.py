"""Where a violation says that it happened: its traceback and its text name the caller's line, never a line of ours."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import linecache
import traceback
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest
import torch
from jaxtyping import Float
from torch import Tensor, nn

from shapecheck import BroadcastError, ShapeError, check, contract

T = torch.ones


@contract
def takes(x: Float[Tensor, "b 3"]) -> None: ...


@contract
def gives(x: Float[Tensor, "b"]) -> Float[Tensor, "b b"]:
    return x


@contract
def checks(x: Float[Tensor, "b"]) -> None:
    check(x[1:], Float[Tensor, "b"])  # CALLER


@contract
def passes_on(x: Tensor) -> None:
    takes(x)  # CALLER


@contract
async def waits(x: Float[Tensor, "b 3"]) -> Float[Tensor, "b 4"]:
    return x


@contract
def yields(x: Float[Tensor, "b"]) -> Generator[Float[Tensor, "b"], Float[Tensor, "b"], Float[Tensor, "b"]]:
    sent = yield x
    yield sent
    return x[1:]


@contract
def yields_too_few(x: Float[Tensor, "b"]) -> Iterator[Float[Tensor, "b"]]:
    yield x[1:]


@contract
async def yields_later(x: Float[Tensor, "b"]) -> AsyncIterator[Float[Tensor, "b"]]:
    yield x
    yield x[1:]


@contextlib.contextmanager
@contract
def holding(x: Float[Tensor, "b 3"]) -> Iterator[Tensor]:
    yield x


@contract(assignment=True)
@dataclasses.dataclass
class Batch:
    images: Float[Tensor, "n 3"]
    labels: Float[Tensor, "n"]


@contract
@dataclasses.dataclass
class Pair:
    images: Float[Tensor, "n 3"]
    labels: Float[Tensor, "n"]


@contract
class Net(nn.Module):
    def forward(self, x: Float[Tensor, "b 3"]) -> Float[Tensor, "b"]:
        return x.sum(1)

    @property
    def width(self) -> Float[Tensor, "1"]:
        return T(2)


def call_argument() -> None:
    takes(T(2, 4))  # CALLER


def call_result() -> None:
    gives(T(2))  # CALLER


def call_of_a_method() -> None:
    Net().forward(T(2, 4))  # CALLER


def read_a_property() -> None:
    Net().width  # noqa: B018  # CALLER


def await_it() -> None:
    async def main() -> None:
        await waits(T(2, 4))  # CALLER

    asyncio.run(main())


def await_a_result() -> None:
    async def main() -> None:
        await waits(T(2, 3))  # CALLER

    asyncio.run(main())


def first_step() -> None:
    for _ in yields_too_few(T(2)):  # CALLER
        pass


def send() -> None:
    steps = yields(T(2))
    next(steps)
    steps.send(T(3))  # CALLER


def last_step() -> None:
    steps = yields(T(2))
    next(steps)
    steps.send(T(2))
    next(steps)  # CALLER


def async_step() -> None:
    async def main() -> None:
        async for _ in yields_later(T(2)):  # CALLER
            pass

    asyncio.run(main())


def make() -> None:
    Pair(T(2, 3), T(4))  # CALLER


def assign() -> None:
    batch = Batch(T(2, 3), T(2))
    batch.labels = T(3)  # CALLER


VIOLATIONS: list[Callable[[], Any]] = [
    call_argument, call_result, call_of_a_method, read_a_property, await_it, await_a_result, first_step, send,
    last_step, async_step, make, assign,
]  # fmt: skip


@pytest.mark.parametrize("violate", VIOLATIONS, ids=lambda violate: violate.__name__)
def test_traceback_and_text_end_at_the_line_that_called(violate: Callable[[], Any]) -> None:
    with pytest.raises(ShapeError) as caught:
        violate()
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert last.filename == __file__ and "# CALLER" in (last.line or "")
    assert f"{caught.value}".splitlines()[-1].startswith("  called at ")
    assert f"{__file__.rpartition('/')[2]}:{last.lineno}, contract at" in str(caught.value)


@pytest.mark.parametrize(
    "violate", [lambda: checks(T(2)), lambda: passes_on(T(2, 4))], ids=["check", "another contract"]
)
def test_inside_a_contract_the_line_of_its_body_is_the_last(violate: Callable[[], Any]) -> None:
    with pytest.raises(ShapeError) as caught:
        violate()
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert "# CALLER" in (last.line or "")
    assert f":{last.lineno}, contract at" in str(caught.value)


@pytest.mark.parametrize("violate", [lambda: Net()(T(2, 4)), lambda: holding(T(2)).__enter__()], ids=["module", "with"])
def test_where_torch_or_the_library_calls_the_text_names_the_users_line(violate: Callable[[], Any]) -> None:
    with pytest.raises(ShapeError) as caught:
        violate()
    line = violate.__code__.co_firstlineno
    assert f"{__file__.rpartition('/')[2]}:{line}, contract at" in str(caught.value)


def test_no_frame_of_ours_is_in_the_traceback() -> None:
    with pytest.raises(ShapeError) as caught:
        takes(T(2, 4))
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [frame.filename for frame in frames] == [__file__]


def test_an_error_of_the_body_keeps_its_traceback() -> None:
    @contract
    def fails(x: Float[Tensor, "b"]) -> Iterator[Float[Tensor, "b"]]:
        yield x
        raise ShapeError("the body's own")  # HERE

    with pytest.raises(ShapeError, match="the body's own") as caught:
        list(fails(T(2)))
    assert "# HERE" in (traceback.extract_tb(caught.value.__traceback__)[-1].line or "")


@contract
def squared_error(prediction: Float[Tensor, "b 1"], target: Float[Tensor, "b"]) -> Float[Tensor, ""]:
    return (prediction - target).square().mean()


def test_a_guard_names_the_line_that_called_the_contract_not_its_def() -> None:
    with pytest.raises(BroadcastError) as caught:
        squared_error(T(16, 1), T(16))  # CALLED
    number = int(str(caught.value).partition("called at ")[2].partition("\n")[0].rpartition(":")[2])
    assert "# CALLED" in linecache.getline(__file__, number)
