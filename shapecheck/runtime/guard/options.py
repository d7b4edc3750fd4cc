"""The functions that have a guard of their own, and the options that their author gave it.

An outer guard still sees the operations of an inner function whose own first call is long past, so before it reports
one there it asks what that function's author said: ``@contract(broadcast="allow")`` silences it, at no cost per call.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import CodeType
from typing import Any

from shapecheck.runtime.guard.facts import Facts

Options = Mapping[str, Any]

_explicit: Facts[CodeType, Options] = Facts()


def declare(function: object, options: Options) -> None:
    """Remember that `function` has a guard with these options; also for a contract that switches every rule off."""
    code = getattr(function, "__code__", None)
    if code is not None:
        _explicit.put(code, dict(options))


def explicit_for(code: CodeType) -> Options | None:
    """What the function of this code was given, or None if it has no guard of its own."""
    return _explicit.get(code)
