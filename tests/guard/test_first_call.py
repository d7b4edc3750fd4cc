"""When a decorated function is checked: once per pattern of sizes, then at its calls number 2, 4, 8, …"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from shapecheck.core.errors import BroadcastError
from shapecheck.runtime.guard import FirstCall, allow_broadcast, guard
from shapecheck.runtime.guard.active import ACTIVE
from shapecheck.runtime.guard.first_call import checks, part_of_key, pattern_of
from shapecheck.runtime.settings import configure


class Probe:
    """A function that remembers in which of its calls it was guarded."""

    def __init__(self, **options: object) -> None:
        self.guarded: list[bool] = []
        self.call: Callable[..., object] = guard(**options)(self._remember)

    def _remember(self, *args: object, **kwargs: object) -> None:
        self.guarded.append(torch._C._len_torch_function_stack() > 0)


def test_one_pattern_is_checked_at_calls_1_2_4_8_16() -> None:
    probe = Probe()
    for _ in range(40):
        probe.call(torch.rand(3, 4))
    assert [number for number, guarded in enumerate(probe.guarded, 1) if guarded] == [1, 2, 4, 8, 16, 32]


def test_schedule_is_the_powers_of_two() -> None:
    bare = list(islice(checks(), 5000))
    assert [number for number, known in enumerate(bare, 2) if not known] == [2**k for k in range(1, 13)]


def test_sizes_of_one_pattern_share_their_calls() -> None:
    probe = Probe()
    for length in range(5, 45):
        probe.call(torch.rand(3, length), torch.rand(length))
    assert sum(probe.guarded) == 6


@pytest.mark.parametrize(
    "other",
    [
        (torch.rand(4, 4), torch.rand(5)),
        (torch.rand(3, 5), torch.rand(5)),
        (torch.rand(3, 1), torch.rand(4)),
        (torch.rand(3, 0), torch.rand(4)),
        (torch.rand(3), torch.rand(4)),
        (torch.rand(3, 4), [torch.rand(4)]),
        (torch.rand(3, 4), {"x": torch.rand(4)}),
        (torch.rand(3, 4), None),
        (torch.rand(3, 4), torch.rand(5), True),
    ],
    ids=lambda args: ", ".join(str(getattr(arg, "shape", type(arg).__name__)) for arg in args),
)
def test_another_pattern_is_checked_anew(other: tuple[object, ...]) -> None:
    probe = Probe()
    for _ in range(3):
        probe.call(torch.rand(3, 4), torch.rand(5))
    probe.call(*other)
    assert probe.guarded == [True, True, False, True]


def test_keyword_arguments_count() -> None:
    probe = Probe()
    for _ in range(3):
        probe.call(x=torch.rand(3, 4))
    probe.call(x=torch.rand(4, 4))
    assert probe.guarded == [True, True, False, True]


def test_numbers_and_objects_do_not_make_new_patterns() -> None:
    probe = Probe()
    for step in range(20):
        probe.call(torch.rand(3), step, step / 2, f"{step}", object())
    assert sum(probe.guarded) == 5


def test_always_checks_every_call() -> None:
    probe = Probe(check="always")
    for _ in range(10):
        probe.call(torch.rand(3))
    assert all(probe.guarded)


def test_a_call_that_raised_is_not_taken_for_checked() -> None:
    @guard
    def program(a: Tensor, b: Tensor, fail: list[bool]) -> Tensor:
        if fail.pop():
            raise ValueError
        return a * b

    schedule = [False, True]
    with pytest.raises(ValueError):
        program(torch.rand(4, 1), torch.rand(4), schedule)
    for _ in range(3):
        with pytest.raises(BroadcastError):
            program(torch.rand(4, 1), torch.rand(4), [False])


def test_a_call_inside_an_allowing_block_is_not_taken_for_checked() -> None:
    @guard
    def program(a: Tensor, b: Tensor) -> Tensor:
        return a * b

    for _ in range(3):
        with allow_broadcast("for once"):
            program(torch.rand(4, 1), torch.rand(4))
    with pytest.raises(BroadcastError):
        program(torch.rand(4, 1), torch.rand(4))


def test_changed_settings_check_everything_anew() -> None:
    probe = Probe()
    for _ in range(3):
        probe.call(torch.rand(3))
    with configure(broadcast="rank"):
        probe.call(torch.rand(3))
    with configure(mode="off"):
        probe.call(torch.rand(3))
    probe.call(torch.rand(3))
    assert probe.guarded == [True, True, False, True, False, True]


def test_memory_is_bounded() -> None:
    first = FirstCall(lambda x: None)
    for size in range(10_000):
        first.call((size, size % 97, (size % 89, 1)), (None,), {})
    assert len(first.seen) <= 4096
    assert len(first._patterns) <= 4096


def test_the_seam_runs_bare_once_the_sizes_are_known() -> None:
    """The lines of a generated checker, as the package's docstring gives them."""
    guarded = []
    first = FirstCall(lambda x: guarded.append(ACTIVE.get() is not None))
    seen = first.seen
    for _ in range(3):
        known = next(seen[4, 5, (2, 3)])
        first.fn(torch.rand(4)) if known else first.call((4, 5, (2, 3)), (torch.rand(4),), {}, ())
    assert guarded == [True, True, False]


keys = st.recursive(st.integers(0, 6), lambda part: st.lists(part, max_size=4).map(tuple), max_leaves=8).map(
    lambda part: part if isinstance(part, tuple) else (part,)
)


@given(keys, st.permutations(range(2, 7)))
def test_pattern_depends_only_on_which_sizes_are_0_or_1_or_equal(key: tuple[object, ...], renamed: list[int]) -> None:
    def rename(part: object) -> object:
        if isinstance(part, tuple):
            return tuple(rename(inner) for inner in part)
        assert isinstance(part, int)
        return part if part < 2 else renamed[part - 2] * 100

    assert pattern_of(key) == pattern_of(rename(key))  # type: ignore[arg-type]


@given(keys, keys)
def test_patterns_are_equal_only_for_equal_structure(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    def flat(part: object) -> Iterator[int]:
        if isinstance(part, tuple):
            for inner in part:
                yield from flat(inner)
        else:
            assert isinstance(part, int)
            yield part

    a, b = list(flat(one)), list(flat(other))
    same = len(a) == len(b) and all(
        (x == y if min(x, y) < 2 else True) and ((x == p) == (y == q))
        for x, y in zip(a, b, strict=True)
        for p, q in zip(a, b, strict=True)
    )
    if pattern_of(one) == pattern_of(other):
        assert same


class Lazy(dict[str, object]):
    """Its values come from a guarded method, as those of lazily loaded tables do."""

    @guard
    def values(self) -> list[object]:  # type: ignore[override]
        return [torch.rand(3)]


def endless() -> list[object]:
    numbers: list[object] = [torch.rand(3)]
    numbers.append(numbers)
    return numbers


def nested() -> Tensor:
    return torch.nested.nested_tensor([torch.rand(2, 3), torch.rand(4, 3)])


@pytest.mark.filterwarnings("ignore:.*nested tensors:UserWarning")
@pytest.mark.parametrize("make", [lambda: Lazy(a=1), endless, nested, lambda: [0] * 10**6])
def test_any_argument_can_be_looked_into(make: Callable[[], object]) -> None:
    @guard
    def identity(x: object) -> object:
        return x

    value = make()
    for _ in range(3):
        assert identity(value) is value
    assert isinstance(part_of_key(value), tuple | type)
    assert isinstance(part_of_key((value, torch.rand(3))), tuple)


def test_lazy_table_may_call_guarded_methods() -> None:
    assert len(Lazy(a=1).values()) == 1
