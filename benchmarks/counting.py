"""What one call does, counted instead of timed: the same on every machine that runs the same Python.

    count(partial(function, x))  →  Counts(instructions=24, frames=2, kept=0, transient=312)

Byte-code instructions are those that the interpreter executes, Python code that is called included: `sys.monitoring`
reports each of them from Python 3.12 on, opcode tracing does in Python 3.11.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from types import CodeType, FrameType
from typing import Any

Call = Callable[[], object]
CALLS = 1000


@dataclass(frozen=True, slots=True)
class Counts:
    """One call, once warm.

    Attributes:
        instructions: byte-code instructions executed.
        frames: Python functions entered.
        kept: blocks of memory that a thousand calls leave behind.
        transient: bytes of Python's memory that a call needs at most at a time.
    """

    instructions: int
    frames: int
    kept: int
    transient: int


def count(call: Call, warm_up: int = 0) -> Counts:
    """Count one call of many that are alike, after `warm_up` others."""
    for _ in repeat(None, warm_up):
        call()
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        kept = _kept(call)
        transient = _transient(call)
        return Counts(*_executed(call), kept, transient)
    finally:
        if enabled:
            gc.enable()


def _kept(call: Call) -> int:
    """The least of three tries: what else happens to be allocated meanwhile isn't the call's."""
    return min(_left_behind(call) for _ in range(3))


def _left_behind(call: Call) -> int:
    before = sys.getallocatedblocks()
    for _ in repeat(None, CALLS):
        call()
    return sys.getallocatedblocks() - before - 1  # `before` itself


def _transient(call: Call) -> int:
    tracemalloc.start()
    try:
        return min(_peak(call) for _ in range(3))
    finally:
        tracemalloc.stop()


def _peak(call: Call) -> int:
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    call()
    return tracemalloc.get_traced_memory()[1] - before


if sys.version_info >= (3, 12):

    def _executed(call: Call) -> tuple[int, int]:
        """Instructions executed and frames entered."""
        monitoring, own = sys.monitoring, sys._getframe().f_code
        executed = entered = 0

        def instruction(code: CodeType, offset: int) -> None:
            nonlocal executed
            executed += code is not own

        def start(code: CodeType, offset: int) -> None:
            nonlocal entered
            entered += code is not own

        events = {monitoring.events.INSTRUCTION: instruction, monitoring.events.PY_START: start}
        monitoring.use_tool_id(monitoring.PROFILER_ID, __name__)
        try:
            for event, callback in events.items():
                monitoring.register_callback(monitoring.PROFILER_ID, event, callback)
            monitoring.set_events(monitoring.PROFILER_ID, sum(events))
            call()
            monitoring.set_events(monitoring.PROFILER_ID, monitoring.events.NO_EVENTS)
        finally:
            monitoring.free_tool_id(monitoring.PROFILER_ID)
        return executed, entered

else:

    def _executed(call: Call) -> tuple[int, int]:
        """Instructions executed and frames entered."""
        executed = entered = 0

        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal executed, entered
            if event == "call":
                frame.f_trace_opcodes = True
                entered += 1
            executed += event == "opcode"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            call()
        finally:
            sys.settrace(before)
        return executed, entered
