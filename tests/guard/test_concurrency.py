"""Generators, tasks, threads and worker processes: a guard covers its own code and nobody else's."""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from shapecheck.core.errors import BroadcastError
from shapecheck.runtime.guard import guard
from tests.guard.programs import column_and_row, outer


def test_generator_is_guarded_in_its_own_steps_only() -> None:
    @guard
    def steps(a: Tensor, b: Tensor) -> Iterator[Tensor]:
        received = yield a
        yield received
        yield a * b

    generator = steps(*column_and_row())
    assert inspect.isgenerator(generator)
    next(generator)
    outer(*column_and_row())  # the consumer's code between two steps isn't guarded
    assert generator.send(torch.ones(2)).shape == (2,)  # type: ignore[attr-defined]
    outer(*column_and_row())
    with pytest.raises(BroadcastError):
        next(generator)


def test_generator_receives_what_is_thrown_into_it_and_is_closed() -> None:
    heard = []

    @guard
    def steps() -> Iterator[int]:
        try:
            yield 1
        except ValueError:
            heard.append("thrown")
        try:
            yield 2
        finally:
            heard.append("closed")

    generator = steps()
    next(generator)
    assert generator.throw(ValueError()) == 2  # type: ignore[attr-defined]
    generator.close()  # type: ignore[attr-defined]
    assert heard == ["thrown", "closed"]


def test_coroutines_that_interleave_do_not_see_one_another() -> None:
    @guard
    async def guarded(seen: list[str]) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            with pytest.raises(BroadcastError):
                outer(*column_and_row())
            seen.append("guarded")

    async def bare(seen: list[str]) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            outer(*column_and_row())
            seen.append("bare")

    async def both() -> list[str]:
        seen: list[str] = []
        await asyncio.gather(guarded(seen), bare(seen), guarded(seen), bare(seen))
        return seen

    assert sorted(asyncio.run(both())) == ["bare"] * 6 + ["guarded"] * 6


def test_blocks_in_coroutines_that_interleave_do_not_see_one_another() -> None:
    async def guarded(pauses: int) -> None:
        with guard():
            for _ in range(pauses):
                await asyncio.sleep(0)
                with pytest.raises(BroadcastError):
                    outer(*column_and_row())

    async def bare() -> None:
        for _ in range(6):
            await asyncio.sleep(0)
            outer(*column_and_row())

    async def both() -> None:
        await asyncio.gather(guarded(2), bare(), guarded(5), bare(), guarded(3))

    asyncio.run(both())


def test_async_generator_is_guarded_in_its_own_steps_only() -> None:
    @guard
    async def steps(a: Tensor, b: Tensor) -> AsyncIterator[Tensor]:
        await asyncio.sleep(0)
        yield a
        await asyncio.sleep(0)
        yield a * b

    consumed = []

    async def consume() -> None:
        async for _ in steps(*column_and_row()):
            consumed.append(outer(*column_and_row()))

    assert inspect.isasyncgen(steps(*column_and_row()))
    with pytest.raises(BroadcastError):
        asyncio.run(consume())
    assert len(consumed) == 1


def test_recursion_is_guarded_throughout() -> None:
    @guard
    def countdown(n: int, a: Tensor, b: Tensor) -> Tensor:
        return a * b if n == 0 else countdown(n - 1, a, b)

    with pytest.raises(BroadcastError):
        countdown(5, *column_and_row())


def test_another_thread_is_not_guarded_by_ours() -> None:
    shapes = []
    with guard():
        thread = threading.Thread(target=lambda: shapes.append(outer(*column_and_row()).shape))
        thread.start()
        thread.join()
    assert shapes == [(4, 4)]


def test_threads_guard_side_by_side() -> None:
    guarded = guard(check="always")(outer)

    def caught(_: int) -> bool:
        try:
            guarded(*column_and_row())
        except BroadcastError:
            return True
        return False

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(caught, range(200)))


def test_one_guard_serves_many_threads_and_tasks() -> None:
    shared = guard()

    def in_thread(_: int) -> bool:
        for _ in range(20):
            with pytest.raises(BroadcastError), shared:
                outer(*column_and_row())
        return torch._C._len_torch_function_stack() == 0

    async def in_task(pauses: int) -> None:
        with shared:
            for _ in range(pauses):
                await asyncio.sleep(0)
            with pytest.raises(BroadcastError):
                outer(*column_and_row())

    async def tasks() -> None:
        await asyncio.gather(*(in_task(pauses) for pauses in (3, 1, 4, 2)))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(in_thread, range(8)))
    asyncio.run(tasks())


class Stretching(Dataset[Tensor]):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Tensor:
        return outer(torch.rand(4, 1), torch.rand(4))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_workers_are_not_guarded() -> None:
    with guard():
        shapes = [batch.shape for batch in DataLoader(Stretching(), num_workers=1, multiprocessing_context="fork")]
        with pytest.raises(BroadcastError):
            next(iter(DataLoader(Stretching())))
    assert shapes == [(1, 4, 4)] * 4
