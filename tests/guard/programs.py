"""What the tests run under a guard: the smallest operation that stretches both of its operands."""

from __future__ import annotations

import torch
from torch import Tensor


def outer(a: Tensor, b: Tensor) -> Tensor:
    return a * b


def column_and_row() -> tuple[Tensor, Tensor]:
    return torch.rand(4, 1), torch.rand(4)
