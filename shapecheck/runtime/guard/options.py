"""The options that a contract or guard was given explicitly, by the function they hold for.

An outer guard still sees the operations of an inner function whose own first call is long past, so before it reports
one there it asks what that function's author said: ``@contract(broadcast="allow")`` silences it, at no cost per call.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from types import CodeType
from typing import Any

Options = Mapping[str, Any]

_explicit: weakref.WeakKeyDictionary[CodeType, Options] = weakref.WeakKeyDictionary()


def declare(function: object, options: Options) -> None:
    """Remember that `function` was given `options`; also for a contract that switches every guard off."""
    code = getattr(function, "__code__", None)
    if code is not None and options:
        _explicit[code] = dict(options)


def explicit_for(code: CodeType) -> Options | None:
    """What the function of this code was given, or None."""
    return _explicit.get(code)
