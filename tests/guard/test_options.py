"""Which rules are on: each alone, in levels, and where guards are inside one another."""

from __future__ import annotations

import inspect

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from shapecheck.core.errors import BroadcastError, KeepdimError, SettingsError, ShapeError
from shapecheck.runtime.guard import allow_broadcast, guard
from tests.guard.programs import column_and_row, outer


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({}, ["echo", "loss", "keepdim"]),
        ({"keepdim": False}, ["echo", "loss"]),
        ({"loss": False}, ["echo", "keepdim"]),
        ({"broadcast": "allow"}, ["keepdim"]),
        ({"broadcast": "allow", "loss": True}, ["loss", "keepdim"]),
        ({"broadcast": "outer"}, ["echo", "loss", "keepdim", "outer"]),
        ({"broadcast": "rank"}, ["echo", "loss", "keepdim", "rank"]),
        ({"broadcast": "strict"}, ["echo", "loss", "keepdim", "outer", "rank", "strict"]),
    ],
    ids=str,
)
def test_each_rule_switches_alone_and_levels_include_the_ones_below(
    options: dict[str, object], kinds: list[str]
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
    assert found == set(kinds)


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
