"""What guards leave alone: results, threads, tasks, generators, exceptions, worker processes, other modes, `-O`."""

from __future__ import annotations

import asyncio
import copy
import inspect
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.data import DataLoader, Dataset

from shapecheck.core.errors import BroadcastError, KeepdimError, SettingsError, ShapeError
from shapecheck.runtime.guard import allow_broadcast, guard
from shapecheck.runtime.guard.active import ACTIVE
from shapecheck.runtime.settings import ShapeWarning, configure


def outer(a: Tensor, b: Tensor) -> Tensor:
    return a * b


def column_and_row() -> tuple[Tensor, Tensor]:
    return torch.rand(4, 1), torch.rand(4)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    yield
    assert ACTIVE.get() is None
    assert torch._C._len_torch_function_stack() == 0


# errors -------------------------------------------------------------------------------------------------------------


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


# settings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({}, {"echo", "loss", "keepdim"}),
        ({"keepdim": False}, {"echo", "loss"}),
        ({"loss": False}, {"echo", "keepdim"}),
        ({"broadcast": "allow"}, {"keepdim"}),
        ({"broadcast": "allow", "loss": True}, {"loss", "keepdim"}),
        ({"broadcast": "outer"}, {"echo", "loss", "keepdim", "outer"}),
        ({"broadcast": "rank"}, {"echo", "loss", "keepdim", "rank"}),
        ({"broadcast": "strict"}, {"echo", "loss", "keepdim", "outer", "rank", "strict"}),
    ],
    ids=str,
)
def test_each_rule_switches_alone_and_levels_include_the_ones_below(
    options: dict[str, object], kinds: set[str]
) -> None:
    a, b = column_and_row()
    square = torch.rand(4, 4)
    totals = square.sum(1)
    programs = {
        "echo": lambda: a * b,
        "loss": lambda: F.l1_loss(b, a, reduction="none"),
        "keepdim": lambda: square / square.sum(1),
        "outer": lambda: torch.rand(3, 1) * torch.rand(1, 5),
        "rank": lambda: square + totals,
        "strict": lambda: square + a,
    }
    found = set()
    for name, program in programs.items():
        try:
            with guard(**options):
                program()
        except ShapeError:
            found.add(name)
    assert found == kinds


def test_unknown_option_is_one_clear_error() -> None:
    with pytest.raises(SettingsError, match=r"guard\(\): unknown option 'brodcast'; did you mean 'broadcast'\?"):
        guard(brodcast="echo")
    with pytest.raises(SettingsError, match="broadcast is 'ranks'"):
        guard(broadcast="ranks")


def test_innermost_settings_hold_and_the_outer_ones_come_back() -> None:
    a, b = column_and_row()
    with guard(broadcast="strict"):
        with guard(broadcast="allow"):
            outer(a, b)
        with pytest.raises(BroadcastError):
            outer(torch.rand(4, 4), b)
        with guard(keepdim=False), pytest.raises(BroadcastError):  # what isn't said is inherited
            outer(torch.rand(4, 4), b)


def test_allow_broadcast_wants_a_reason() -> None:
    with pytest.raises(TypeError, match="wants the reason"):
        allow_broadcast(" ")


def test_explicit_options_of_an_inner_function_silence_an_outer_guard_in_later_calls_too() -> None:
    @guard(broadcast="allow")
    def pairs(a: Tensor, b: Tensor) -> Tensor:
        return a * b

    @guard(keepdim=False)
    def columns(x: Tensor) -> Tensor:
        return x / x.sum(1)

    with guard():
        for _ in range(4):
            pairs(*column_and_row())
            columns(torch.rand(3, 3))
        with pytest.raises(KeepdimError):
            inspect.unwrap(pairs)(x := torch.rand(3, 3), x.sum(1))  # only what the options name is allowed


# what is decorated --------------------------------------------------------------------------------------------------


class Methods:
    @guard
    def method(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b

    @guard
    @classmethod
    def of_class(cls, a: Tensor, b: Tensor) -> Tensor:
        return a * b

    @guard(broadcast="echo")
    @staticmethod
    def static(a: Tensor, b: Tensor) -> Tensor:
        return a * b


@guard
class Module(nn.Module):
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b


@pytest.mark.parametrize(
    "function", [guard(outer), Methods().method, Methods.of_class, Methods.static, Module(), guard(lambda a, b: a * b)]
)
def test_every_kind_of_function_is_guarded(function: object) -> None:
    with pytest.raises(BroadcastError):
        function(*column_and_row())  # type: ignore[operator]
    assert function(torch.rand(4), torch.rand(4)).shape == (4,)  # type: ignore[operator]


def test_decorated_function_keeps_its_face() -> None:
    decorated = guard(outer)
    assert (decorated.__name__, inspect.signature(decorated), inspect.unwrap(decorated)) == (
        "outer",
        inspect.signature(outer),
        outer,
    )


@pytest.mark.parametrize("thing", [3, "text", int, nn.Linear(1, 1)], ids=repr)
def test_what_cannot_be_guarded_is_refused(thing: object) -> None:
    with pytest.raises(TypeError, match="decorates functions"):
        guard(thing)


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


# threads and processes ----------------------------------------------------------------------------------------------


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


# torch --------------------------------------------------------------------------------------------------------------


def test_other_function_modes_keep_their_place() -> None:
    class Count(TorchFunctionMode):
        calls = 0

        def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            self.calls += 1
            return func(*args, **(kwargs or {}))

    with guard(), Count() as inside, torch.device("meta"), guard():
        torch.rand(3).add(1)
        with pytest.raises(BroadcastError):
            outer(*column_and_row())
    assert inside.calls >= 2
    with Count() as around, guard():
        torch.rand(3).add(1)
    assert around.calls == 2
    with pytest.raises(BroadcastError) as caught, guard(), Count():
        outer(*column_and_row())
    assert caught.value.expression == "a * b"


def test_what_backward_recomputes_is_guarded_if_it_is_decorated() -> None:
    @guard
    def block(x: Tensor) -> Tensor:
        return x.exp() * x

    x = torch.rand(4, requires_grad=True)
    with guard():
        torch.utils.checkpoint.checkpoint(block, x, use_reentrant=False).sum().backward()
    assert x.grad is not None


@pytest.mark.parametrize("options", [{}, {"finite": True}, {"broadcast": "allow", "dims": True}], ids=str)
def test_results_and_gradients_are_bitwise_those_of_the_bare_program(options: dict[str, object]) -> None:
    def program() -> list[Tensor]:
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.LazyLinear(5)
        )
        optimizer = torch.optim.AdamW(model.parameters())
        for _ in range(2):
            loss = F.cross_entropy(model(torch.rand(4, 1, 8, 8)), torch.arange(4))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return [loss, *model.state_dict().values(), *(p.grad for p in model.parameters() if p.grad is not None)]

    bare = program()
    with guard(**options):
        guarded = program()
    assert all(torch.equal(one, other) for one, other in zip(bare, guarded, strict=True))


def test_tensors_without_an_ordinary_shape_pass() -> None:
    nested = torch.nested.nested_tensor([torch.rand(2, 3), torch.rand(4, 3)])
    jagged = torch.nested.nested_tensor([torch.rand(2, 3), torch.rand(4, 3)], layout=torch.jagged)
    sparse = torch.rand(4, 4).to_sparse()
    with guard():
        _ = nested * 2 + nested
        _ = jagged * 2 + jagged
        _ = sparse * 2 + sparse
        _ = sparse.sum(1)
        _ = torch.rand(4, 4, device="meta") + torch.rand(4, device="meta")


def test_fake_tensors_are_checked_without_data() -> None:
    from torch._subclasses import FakeTensorMode

    with FakeTensorMode():
        a, b = column_and_row()
        with pytest.raises(BroadcastError), guard():
            outer(a, b)


def test_guarded_tensors_carry_nothing(tmp_path: Path) -> None:
    with guard():
        total = torch.rand(3, 3).sum(1)
    assert vars(total) == {}
    torch.save(total, tmp_path / "total.pt")
    assert torch.equal(torch.load(tmp_path / "total.pt", weights_only=True), total)


# -O -----------------------------------------------------------------------------------------------------------------


def test_nothing_is_left_under_optimization() -> None:
    code = """
import torch
from shapecheck import allow_broadcast, guard
def f(a, b): return a * b
assert guard(f) is f and guard(broadcast="rank")(f) is f
class M(torch.nn.Module):
    def forward(self, x): return x
forward = M.forward
assert guard(M).forward is forward
with guard(), allow_broadcast("reason"):
    if torch._C._len_torch_function_stack(): raise SystemExit("a mode is active")
    f(torch.rand(4), torch.rand(4, 1))
"""
    subprocess.run(
        [
            sys.executable,
            "-O",
            "-c",
            code.replace("assert ", "if not (")
            .replace(" is f\n", " is f): raise SystemExit(1)\n")
            .replace("is forward\n", "is forward): raise SystemExit(1)\n"),
        ],
        check=True,
    )
