"""A torch call as a function mode is given it: the callable, its arguments, its keywords."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

Op = Callable[..., Any]
Arguments = tuple[Any, ...]
Keywords = Mapping[str, Any]


def tensors_of(args: Arguments, kwargs: Keywords) -> list[Tensor]:
    """The tensor operands of a call; `out` is a result."""
    operands = [arg for arg in args if isinstance(arg, Tensor)]
    if kwargs:
        operands += [value for name, value in kwargs.items() if name != "out" and isinstance(value, Tensor)]
    return operands


def name_of(op: Op) -> str:
    """torch's name for it, e.g. ``"mse_loss"``."""
    return str(getattr(op, "__name__", op))
