"""The guarded stretch of a running program: which settings hold, and the function mode that shows us each operation.

`ACTIVE` is a context variable, so an asyncio task or a thread never sees another one's guard; the mode itself lives on
torch's stack, one per thread, and passes on whatever isn't run under the guard that put it there. A guard inside a
guard changes the settings and shares what is known of the tensors; the innermost settings hold.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar, Token
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor
from torch._C import (
    _get_function_stack_at,
    _get_tracing_state,
    _len_torch_function_stack,
    _pop_torch_function_stack,
    _push_on_torch_function_stack,
)
from torch.compiler import is_dynamo_compiling
from torch.overrides import TorchFunctionMode

from shapecheck.runtime.guard.calls import Arguments, Keywords, Op
from shapecheck.runtime.guard.facts import Facts
from shapecheck.runtime.guard.finite import Log
from shapecheck.runtime.guard.nonfinite import finish, judge, judge_if_full
from shapecheck.runtime.guard.raising import leaving
from shapecheck.runtime.settings import Settings

if TYPE_CHECKING:
    from shapecheck.runtime.guard.keepdim import Reduced
    from shapecheck.runtime.guard.named_views import Names


class Before(Protocol):
    """A rule's look at the operands, before torch runs the operation."""

    def __call__(self, active: Active, op: Op, args: Arguments, kwargs: Keywords, /) -> None: ...


class After(Protocol):
    """A rule's look at the result."""

    def __call__(self, active: Active, op: Op, args: Arguments, kwargs: Keywords, result: Any, /) -> None: ...


Rules = tuple[Sequence[Before], Sequence[After]]
Plan = Mapping[Op, Rules]
_NO_RULES: Rules = ((), ())


class Active:
    """One guarded stretch: its settings, the rules they switch on, and what is known of its tensors."""

    __slots__ = ("log", "mode", "named_by", "names", "owns_log", "plan", "reduced", "settings")

    def __init__(self, settings: Settings, plan: Plan, outer: Active | None, log: Log | None) -> None:
        self.settings = settings
        self.plan = plan
        self.reduced: Facts[Tensor, Reduced] = outer.reduced if outer else Facts()
        self.names: Facts[Tensor, Names] = outer.names if outer else Facts()  # a contract's call has its own
        self.named_by: CodeType | None = outer.named_by if outer else None
        self.log: Log | None = log
        self.owns_log = outer is None or log is not outer.log
        self.mode: GuardMode | None = None


ACTIVE: ContextVar[Active | None] = ContextVar("shapecheck.guard", default=None)


class GuardMode(TorchFunctionMode):
    """Shows every torch call of the stretch it belongs to to that stretch's rules."""

    def __torch_function__(
        self, func: Op, types: Sequence[type], args: Arguments = (), kwargs: Keywords | None = None
    ) -> Any:
        if kwargs is None:
            kwargs = {}
        if is_dynamo_compiling():  # compiled as if no guard were there
            return func(*args, **kwargs)
        active = ACTIVE.get()
        if active is None or active.mode is not self:
            return func(*args, **kwargs)
        rules = active.plan.get(func)
        if rules is None and active.log is None:
            return func(*args, **kwargs)
        return _run(active, rules or _NO_RULES, func, args, kwargs)


def _run(active: Active, rules: Rules, op: Op, args: Arguments, kwargs: Keywords) -> Any:
    if _get_tracing_state() is not None:  # what compares sizes would become part of the trace
        return op(*args, **kwargs)
    before, after = rules
    for check in before:
        check(active, op, args, kwargs)
    if active.log is None:
        result = op(*args, **kwargs)
    else:
        result = active.log.run(op, args, kwargs)
        if op is Tensor.backward:
            judge(active.log)
        judge_if_full(active.log)
    for note in after:
        note(active, op, args, kwargs, result)
    return result


class Stretch:
    """Enters and leaves `active`; as often as need be, for a generator leaves at each yield."""

    __slots__ = ("_active", "_pushed", "_token")

    def __init__(self, active: Active) -> None:
        self._active = active
        self._pushed = False
        self._token: Token[Active | None] | None = None

    def __enter__(self) -> None:
        active, outer, depth = self._active, ACTIVE.get(), _len_torch_function_stack()
        if not active.plan and active.log is None:
            active.mode = None  # nothing to look at, and the outer guard's settings don't hold
        elif outer is not None and depth and outer.mode is _get_function_stack_at(depth - 1):
            active.mode = outer.mode  # the outer guard's mode sees every operation first: use it
        else:
            active.mode = GuardMode()
            _push_on_torch_function_stack(active.mode)
            self._pushed = True
        if active.log is not None:
            active.log.is_open = True
        self._token = ACTIVE.set(active)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._token is not None
        with suppress(ValueError):  # a generator that was dropped is closed in whatever context collects it
            ACTIVE.reset(self._token)
        if self._pushed and self._active.mode is not None:
            _remove(self._active.mode)
            self._pushed = False
        leaving(error)
        if self._active.log is not None and self._active.owns_log:
            finish(self._active.log, error)


def _remove(mode: TorchFunctionMode) -> None:
    """Take `mode` off this thread's stack, wherever it is: tasks that interleave don't leave in order."""
    above = []
    while _len_torch_function_stack():
        top = _pop_torch_function_stack()
        if top is mode:
            break
        above.append(top)
    for other in reversed(above):
        _push_on_torch_function_stack(other)


def _in_forked_child() -> None:
    """Worker processes aren't guarded, started by fork or not: nobody would leave the guard in them."""
    ACTIVE.set(None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_forked_child)
