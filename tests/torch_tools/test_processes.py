"""Ranks, data-loader workers, threads and asyncio: names never mix, errors arrive whole, nobody hangs."""

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from shapecheck import ShapeError, check, contract, dims
from tests.torch_tools import subjects

ROOT = Path(__file__).parents[2]
LINEAR = "linear(): argument `w` has i=4 on dim 1, but `x` made i=3"


class Examples(Dataset[Tensor]):
    """Eight examples, one of which the contract refuses."""

    def __init__(self, bad: int | None = None) -> None:
        self.bad = bad

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Tensor:
        width = 4 if index == self.bad else 3
        return subjects.linear(torch.ones(2, 3), torch.ones(5, width))


@contract
def two_waits(x: Float[Tensor, "n"], y: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    return x + y


def ranks(scenario: str, folder: Path) -> list[subprocess.CompletedProcess[str]]:
    """Both processes of a scenario, ended."""
    command = [sys.executable, "-m", "tests.torch_tools.ranks", scenario]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    processes = [
        subprocess.Popen(
            [*command, str(rank), str(folder / "store")],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    ended = []
    for process in processes:
        try:
            output, errors = process.communicate(timeout=150)
        finally:
            process.kill()
        ended.append(subprocess.CompletedProcess(process.args, process.returncode, output, errors))
    return ended


def test_ddp_trains_under_contract(tmp_path: Path) -> None:
    for process in ranks("ddp", tmp_path):
        assert (process.returncode, process.stdout) == (0, "trained\n"), process.stderr


def test_a_violation_on_one_rank_names_it_and_ends_the_other_too(tmp_path: Path) -> None:
    healthy, broken = ranks("ddp_violation", tmp_path)
    assert broken.returncode == 1
    assert "Regression.forward(): argument `y` has b=5 on dim 0, but `x` made b=3" in broken.stderr
    assert "on rank 1 of 2" in broken.stderr
    assert healthy.returncode != 0, "the other rank must not wait for ever"
    assert "trained" not in healthy.stdout
    assert "ShapeError" not in healthy.stderr


def test_dtensors_are_checked_by_their_global_shape(tmp_path: Path) -> None:
    for rank, process in enumerate(ranks("dtensor", tmp_path)):
        assert process.returncode == 0, process.stderr
        said, violation, *_, place, known = process.stdout.splitlines()
        assert said == "global (4, 2) local (2, 2)"
        assert "argument `w` has i=8 on dim 0, but `x` made i=6" in violation
        assert place.endswith(f", on rank {rank} of 2") and known == f"rank={rank}"


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_data_loader_workers_check_and_send_the_error_whole(context: str) -> None:
    assert len(list(DataLoader(Examples(), num_workers=2, multiprocessing_context=context))) == 8
    with pytest.raises(ShapeError) as caught:
        list(DataLoader(Examples(bad=5), num_workers=2, multiprocessing_context=context))
    assert "in DataLoader worker process" in str(caught.value)
    assert LINEAR in str(caught.value)


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_an_error_keeps_its_facts_across_processes(context: str) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context(context)) as pool:
        future = pool.submit(subjects.linear, torch.ones(2, 3), torch.ones(5, 4))
        error = future.exception(timeout=120)
    assert isinstance(error, ShapeError)
    assert str(error).startswith(LINEAR)
    assert (error.function, error.argument, error.dim, error.dim_name) == ("linear", "w", 1, "i")
    assert (error.expected, error.found, error.bound_by["i"]) == (3, 4, "x")


def test_threads_have_names_of_their_own() -> None:
    start = threading.Barrier(8)

    @contract
    def slow(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        start.wait(timeout=30)
        assert dims() == {"n": len(x)}
        return check(x * 2, Float[Tensor, "n"])

    def run(n: int) -> list[int]:
        return [len(slow(torch.ones(n))) for _ in range(50)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, range(1, 9))) == [[n] * 50 for n in range(1, 9)]


def test_asyncio_tasks_have_names_of_their_own() -> None:
    @contract
    async def slow(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        for _ in range(5):
            await asyncio.sleep(0)
            assert dims() == {"n": len(x)}
            check(x, Float[Tensor, "n"])
            assert isinstance(x, Float[Tensor, "n"])
        return x

    async def many() -> list[Tensor]:
        return await asyncio.gather(*(slow(torch.ones(n)) for n in range(1, 9)))

    assert [len(x) for x in asyncio.run(many())] == list(range(1, 9))


def test_an_asyncio_violation_belongs_to_its_task() -> None:
    @contract
    async def slow(x: Float[Tensor, "n"], grow: int) -> Float[Tensor, "n"]:
        await asyncio.sleep(0)
        return torch.ones(len(x) + grow)

    async def many() -> list[Tensor | BaseException]:
        return await asyncio.gather(*(slow(torch.ones(n), n == 2) for n in range(1, 4)), return_exceptions=True)

    one, two, three = asyncio.run(many())
    assert isinstance(two, ShapeError) and two.argument == "return"
    assert isinstance(one, Tensor) and isinstance(three, Tensor)
