"""Raise a `ShapeError` from inside one of torch's operators, and tidy it up where it leaves the guard.

torch's operators answer NotImplemented to any TypeError, so Python would say "unsupported operand type(s) for -" in
place of our message; and every ShapeError is a TypeError. While it is inside the guard an error therefore has a class
whose method resolution order lacks TypeError alone: ``except ShapeError`` catches it there too. On the way out it gets
its own class back, and its traceback ends at the user's line.

A frame enters a traceback where the exception leaves the instruction that raised it, and a bare ``raise`` in a handler
hands the exception on without that. So whichever of our functions the user called ends with

    except ShapeError as error:
        hide(error)
        raise
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any

from shapecheck.core.errors import ShapeError
from shapecheck.runtime.guard.site import is_ours, is_passed_over


class _NoTypeError(type):
    def mro(cls) -> list[type]:
        return [base for base in super().mro() if base is not TypeError]


def through_operators(error: ShapeError) -> ShapeError:
    """`error` such that torch's operators let it pass."""
    kind = type(error)
    if kind not in _passing:
        _passing[kind] = _without_type_error(kind)
    error.__class__ = _passing[kind]
    return error


def leaving(error: BaseException | None) -> None:
    """Tidy up a guard's error; any other is none of our business."""
    if error is None or not isinstance(type(error), _NoTypeError):
        return
    error.__class__ = type(error).__mro__[1]
    hide(error)


def hide(error: BaseException) -> None:
    """End the traceback at the user's line, and leave out our own frames."""
    entries = list(_entries(error.__traceback__))
    while entries and is_passed_over(entries[-1].tb_frame.f_code):
        entries.pop()
    shown: TracebackType | None = None
    for entry in reversed(entries):
        if not is_ours(entry.tb_frame.f_code):
            shown = TracebackType(shown, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    error.__traceback__ = shown


def _entries(entry: TracebackType | None) -> Iterator[TracebackType]:
    while entry is not None:
        yield entry
        entry = entry.tb_next


_passing: dict[type[ShapeError], Any] = {}


def _without_type_error(kind: type[ShapeError]) -> Any:
    """`kind` without TypeError; to pickle it is to pickle the original."""

    def reduce(error: ShapeError) -> tuple[Any, ...]:
        return kind, error.args, error.__dict__

    return _NoTypeError(kind.__name__, (kind,), {"__module__": kind.__module__, "__reduce__": reduce})
