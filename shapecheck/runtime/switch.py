"""Contracts switched off and on while the program runs: a checker's code object is exchanged, nothing else.

Off, a checker that lives in its function's own module runs that function's own code: it costs what the bare function
costs. One around another decorator's wrapper hands its arguments on.
"""

from __future__ import annotations

import weakref
from types import CodeType, FunctionType
from typing import NamedTuple

from shapecheck.runtime import settings

__all__ = ["contracts_are_on", "install", "register"]


class Codes(NamedTuple):
    on: CodeType
    off: CodeType


_codes: weakref.WeakKeyDictionary[FunctionType, Codes] = weakref.WeakKeyDictionary()


def contracts_are_on() -> bool:
    """Whether the process-wide mode lets contracts check anything."""
    return settings.current().mode != "off"


def register(checker: FunctionType, off: CodeType) -> None:
    """Have `checker` run `off` while contracts are off."""
    _codes[checker] = Codes(checker.__code__, off)
    if not contracts_are_on():
        checker.__code__ = off


def install(checker: FunctionType, on: CodeType) -> None:
    """Give `checker` another code for when contracts are on."""
    if checker not in _codes:
        checker.__code__ = on
        return
    _codes[checker] = _codes[checker]._replace(on=on)
    if contracts_are_on():
        checker.__code__ = on


def _switch() -> None:
    on = contracts_are_on()
    for checker, codes in list(_codes.items()):
        checker.__code__ = codes.on if on else codes.off


settings.on_change(_switch)
