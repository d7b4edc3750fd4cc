"""The contract that is running: its names, for `check`, `dims` and ``isinstance(x, Float[Tensor, "b c"])`` in its body.

A checker publishes a `Scope` only where the function's code mentions one of them. It lives in a context variable, so
threads, asyncio tasks and generators don't mix.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shapecheck.runtime.running import Contract

__all__ = ["SCOPE", "Scope", "enter", "is_within", "leave"]


class Scope:
    """One running call: its contract, its arguments in order, and the size of each name (None while unbound)."""

    __slots__ = ("contract", "names", "values")

    def __init__(self, contract: Contract, values: tuple[Any, ...], names: dict[str, Any]) -> None:
        self.contract, self.values, self.names = contract, values, names


SCOPE: ContextVar[Scope | None] = ContextVar("shapecheck scope", default=None)


def enter(scope: Scope) -> Token[Scope | None]:
    """Make `scope` the one that is running."""
    return SCOPE.set(scope)


def leave(token: Token[Scope | None]) -> None:
    """Go back to the scope around."""
    SCOPE.reset(token)


def is_within(code: CodeType, body: CodeType) -> bool:
    """Whether `code` is written inside `body`: the function itself, or a lambda or comprehension of it."""
    return code is body or any(is_within(code, part) for part in body.co_consts if isinstance(part, CodeType))
