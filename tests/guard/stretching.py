"""Which of torch's callables stretch (4, 1) against (4,): all of them are tried, on the torch that is installed.

    python -m tests.guard.stretching        # writes docs/guards-stretching.md anew

A callable stretches if it treats the two as if both had been expanded to (4, 4): by the shape of its result, or, where
that is reduced to a number, by its value. Both operands hold the same four numbers, so that a callable that paired them
up one by one gives something else.
"""

from __future__ import annotations

import io
import itertools
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import get_overridable_functions, resolve_name

from shapecheck.runtime.guard import ops

PAGE = Path(__file__).parents[2] / "docs" / "guards-stretching.md"

ON_PURPOSE = {
    "broadcast_tensors": "stretching is what it is for",
    "equal": "says that tensors of different shapes differ",
    "addr": "an outer product by definition",
    "kron": "a product of all pairs by definition",
    "linear": "(4, 1) and (4,) are its weight and its bias",
    "gumbel_softmax": "the second operand is its temperature",
    "sym_sum": "sums symbolic integers",
}
"""Callables that the guards leave alone although they stretch, and why."""

DTYPES: tuple[tuple[torch.dtype, ...], ...] = (
    (torch.float32, torch.float32, torch.float32),
    (torch.int64, torch.int64, torch.int64),
    (torch.bool, torch.float32, torch.float32),
    (torch.float32, torch.bool, torch.float32),
)


@dataclass(frozen=True, slots=True)
class Stretching:
    """One callable of torch that stretches: its full name, whether torch warns, and what the guards call it."""

    name: str
    op: Callable[..., Any]
    warns: bool

    @property
    def rule(self) -> str:
        if self.op in ops.LOSS:
            return "`loss`"
        if self.op in ops.POINTWISE:
            return "`echo`"
        return f"not guarded: {ON_PURPOSE.get(self.short, '?')}"

    @property
    def short(self) -> str:
        return self.name.rpartition(".")[2]


def found() -> list[Stretching]:
    """Every callable that stretches, by name."""
    callables = {
        name: op
        for ops_ in get_overridable_functions().values()
        for op in ops_
        if (name := resolve_name(op)) is not None
    }
    with redirect_stdout(io.StringIO()):
        stretching = [one for name, op in callables.items() if (one := _tried(name, op)) is not None]
    return sorted(stretching, key=lambda one: one.name)


def _tried(name: str, op: Callable[..., Any]) -> Stretching | None:
    for arity, dtypes in itertools.product((2, 3), DTYPES):
        for columns in itertools.product((True, False), repeat=arity):
            if any(columns) and not all(columns):
                outcome = _outcome(op, columns, dtypes)
                if outcome is not None:
                    return Stretching(name, op, outcome)
    return None


def _outcome(op: Callable[..., Any], columns: tuple[bool, ...], dtypes: tuple[torch.dtype, ...]) -> bool | None:
    """Whether torch warns of stretching these operands; None if it doesn't stretch them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mixed = _results(op, [_operand(column, dtype) for column, dtype in zip(columns, dtypes, strict=False)])
    if not mixed:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        paired = _results(op, [_operand(False, dtype) for _, dtype in zip(columns, dtypes, strict=False)])
        expanded = _results(
            op, [_operand(column, dtype).expand(4, 4).clone() for column, dtype in zip(columns, dtypes, strict=False)]
        )
    if not (any(result.shape == (4, 4) for result in mixed) or (_same(mixed, expanded) and not _same(mixed, paired))):
        return None
    return any("different to the input size" in str(warning.message) for warning in caught)


def _operand(column: bool, dtype: torch.dtype) -> Tensor:
    values = _VALUES[dtype].clone()
    return values[:, None] if column else values


_VALUES = {
    torch.float32: torch.tensor([0.9, 0.2, 0.4, 0.7]),
    torch.int64: torch.tensor([9, 2, 4, 7]),
    torch.bool: torch.tensor([True, False, False, True]),
}


def _results(op: Callable[..., Any], operands: list[Tensor]) -> list[Tensor]:
    try:
        torch.manual_seed(0)
        result = op(*operands)
    except Exception:  # not an operation on such operands
        return []
    return [
        torch.as_tensor(part) for part in (result if isinstance(result, list | tuple) else (result,)) if _is_value(part)
    ]


def _is_value(part: object) -> bool:
    return isinstance(part, Tensor | bool | float)


def _same(one: list[Tensor], other: list[Tensor]) -> bool:
    return len(one) == len(other) and all(
        a.shape == b.shape and torch.allclose(a.double(), b.double(), equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )


def page(everything: list[Stretching]) -> str:
    """The page of the documentation."""
    rows = [
        f"| {', '.join(f'`{one.name}`' for one in group)} | {'warns' if any(one.warns for one in group) else 'silent'} "
        f"| {group[0].rule} |"
        for group in _grouped(everything)
    ]
    silent = sum(not one.warns for one in everything)
    return "\n".join(
        [
            "# What torch stretches",
            "",
            f"Every callable of torch {_minor()} that stretches (4, 1) against (4,) to (4, 4), found by trying all of",
            f"them: {len(everything)}, of which {silent} without a word. In-place operations and `out=` refuse by",
            "themselves. The last column says which [guard](guards.md) looks at it.",
            "",
            "Generated by `python -m tests.guard.stretching`; a test holds it against the torch that is installed.",
            "",
            "| callable | torch is | guard |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _minor() -> str:
    return ".".join(torch.__version__.split(".")[:2])


def _grouped(everything: list[Stretching]) -> Iterator[list[Stretching]]:
    """The spellings of one operation together."""
    by_short: dict[str, list[Stretching]] = {}
    for one in everything:
        by_short.setdefault(one.short.strip("_"), []).append(one)
    for _, group in sorted(by_short.items()):
        yield group


if __name__ == "__main__":
    PAGE.write_text(page(found()), encoding="utf-8")
