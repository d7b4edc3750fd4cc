"""The contract that is running: its names, for `check`, `dims` and ``isinstance(x, Float[Tensor, "b c"])`` in its body.

A checker publishes a `Scope` only where the function's code mentions one of them. It lives in a context variable, so
threads, asyncio tasks and generators don't mix. For `isinstance` it is also pushed on jaxtyping's own stack, which
belongs to the thread: hence a coroutine's is pushed anew for each step that it runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from contextvars import ContextVar, Token
from types import CodeType, coroutine
from typing import TYPE_CHECKING, Any

from jaxtyping import _storage as storage

from shapecheck.core.unify import Bindings

if TYPE_CHECKING:
    from shapecheck.runtime.running import Contract

__all__ = [
    "COMPILING",
    "SCOPE",
    "Scope",
    "enter",
    "enter_compiling",
    "enter_with_jaxtyping",
    "is_within",
    "leave",
    "leave_compiling",
    "leave_with_jaxtyping",
    "stepped",
]


class Scope:
    """One running call: its contract, its arguments in order, and the size of each name (None while unbound)."""

    __slots__ = ("contract", "names", "values")

    def __init__(self, contract: Contract, values: tuple[Any, ...], names: dict[str, Any]) -> None:
        self.contract, self.values, self.names = contract, values, names

    def bind(self, bindings: Bindings) -> None:
        """Take over what the reference has bound."""
        self.names.update(bindings.sizes)
        self.names.update({f"*{name}": [*shape] for name, shape in bindings.shapes.items()})


SCOPE: ContextVar[Scope | None] = ContextVar("shapecheck scope", default=None)
Entered = Token[Scope | None]


def enter(scope: Scope) -> Entered:
    """Make `scope` the one that is running."""
    return SCOPE.set(scope)


def leave(token: Entered) -> None:
    """Go back to the scope around."""
    SCOPE.reset(token)


def enter_with_jaxtyping(scope: Scope) -> Entered:
    """`enter`, and show the names to jaxtyping's annotations."""
    arguments = dict(zip(scope.contract.parameters, scope.values, strict=True))
    single, variadic, *_ = storage.push_shape_memo(arguments)
    for key, size in scope.names.items():
        if size is not None and key.startswith("*"):
            variadic[key[1:]] = (key not in scope.contract.exact, tuple(size))
        elif size is not None:
            single[key] = size
    return SCOPE.set(scope)


def leave_with_jaxtyping(token: Entered) -> None:
    """`leave`, and take back what jaxtyping's annotations have bound."""
    scope = SCOPE.get()
    single, variadic, *_ = storage.get_shape_memo()  # type: ignore[no-untyped-call]
    storage.pop_shape_memo()
    SCOPE.reset(token)
    assert scope is not None
    scope.names.update(single)
    scope.names.update({f"*{name}": [*shape] for name, (_, shape) in variadic.items()})


@coroutine
def stepped(steps: Awaitable[Any], scope: Scope) -> Generator[Any, Any, Any]:
    """Await `steps`, with `scope` entered only while it runs."""
    iterator: Any = steps.__await__()
    advance, sent = iterator.send, None
    while True:
        token = enter_with_jaxtyping(scope)
        try:
            waiting = advance(sent)
        except StopIteration as stop:
            return stop.value
        finally:
            leave_with_jaxtyping(token)
        try:
            sent = yield waiting
        except GeneratorExit:
            iterator.close()
            raise
        except BaseException as error:
            advance, sent = iterator.throw, error
        else:
            advance = iterator.send


COMPILING: list[dict[str, Any]] = []
"""The names of the calls that torch.compile is reading: it can't follow a context variable, and reads one at a time."""


def enter_compiling(names: dict[str, Any]) -> None:
    COMPILING.append(names)


def leave_compiling() -> None:
    COMPILING.pop()


def is_within(code: CodeType, body: CodeType) -> bool:
    """Whether `code` is written inside `body`: the function itself, or a lambda or comprehension of it."""
    return code is body or any(is_within(code, part) for part in body.co_consts if isinstance(part, CodeType))
