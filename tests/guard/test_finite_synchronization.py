"""Rule `finite` waits for the device once per guarded call and once per backward pass, never per operation.

There is no GPU here, so tensors say that they aren't on the CPU and are treated as on one; what would make a GPU wait
is counted: numbers fetched one by one by torch's profiler, whole transfers where `finite` makes them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from shapecheck.core.errors import NonFiniteError
from shapecheck.runtime.guard import guard
from shapecheck.runtime.guard.finite import Log

WAITS = frozenset(
    f"aten::{name}"
    for name in """item _local_scalar_dense is_nonzero nonzero equal masked_select unique _unique2
                   repeat_interleave""".split()
)


@pytest.fixture
def transfers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many measures came over in each transfer."""
    made: list[int] = []
    original = Log.read_back

    def counted(log: Log) -> None:
        if log._unread:
            made.append(len(log._unread))
        original(log)

    monkeypatch.setattr(Tensor, "is_cpu", False, raising=False)
    monkeypatch.setattr(Log, "read_back", counted)
    return made


@contextmanager
def waits() -> Iterator[list[str]]:
    """The operations that would have waited for the device."""
    found: list[str] = []
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        yield found
    found += [event.name for event in profiled.events() if event.name in WAITS]


def attention(x: Tensor) -> Tensor:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
    return F.layer_norm(layer(x), (8,)).softmax(-1)


def training_step(x: Tensor) -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 3))
    optimizer = torch.optim.AdamW(model.parameters(), foreach=True)
    for _ in range(2):
        loss = model(x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_counting_waits_finds_them() -> None:
    x = torch.rand(3)
    with waits() as found:
        _ = x[0].item(), bool(x[0] > 0), x.sum() * 2
    assert "aten::_local_scalar_dense" in found
    assert "aten::is_nonzero" in found


def test_guarded_call_waits_once(transfers: list[int]) -> None:
    x = torch.rand(2, 5, 8)
    with waits() as bare:
        attention(x)
    with waits() as guarded:
        guard(finite=True)(attention)(x)
    assert guarded == bare == []
    assert len(transfers) == 1
    assert transfers[0] > 20


def test_training_waits_once_for_each_backward_and_once_at_the_end(transfers: list[int]) -> None:
    x = torch.rand(5, 8)
    with waits() as bare:
        training_step(x)
    with waits() as guarded, guard(finite=True):
        training_step(x)
    assert guarded == bare
    assert len(transfers) == 3


def test_backward_after_the_guard_waits_once_more(transfers: list[int]) -> None:
    x = torch.rand(2, 5, 8, requires_grad=True)
    loss = guard(finite=True)(attention)(x).square().sum()
    assert len(transfers) == 1
    with waits() as found:
        loss.backward()
    assert found == []
    assert len(transfers) == 2


@pytest.mark.parametrize("options", [{}, {"broadcast": "strict"}, {"dims": True}], ids=str)
def test_other_rules_wait_for_nothing(transfers: list[int], options: dict[str, object]) -> None:
    x = torch.rand(2, 5, 8)
    with waits() as found, guard(**options):
        attention(x)
    assert found == transfers == []


def test_verdict_is_the_same_from_a_transfer(transfers: list[int]) -> None:
    def program() -> None:
        for _ in range(10):
            (torch.ones(3) * 2).exp()
        assert transfers == []
        torch.zeros(3).log()

    with pytest.raises(NonFiniteError) as caught, guard(finite=True):
        program()
    assert len(transfers) == 1
    assert transfers[0] > 20
    assert caught.value.expression == "torch.zeros(3).log()"
    assert caught.value.count is None  # counting would take a second pass
    assert math.isclose(caught.value.ranges[0][1], 0.0)
