"""Classes under contract: every annotated method."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import FrameType, FunctionType
from typing import Any

__all__ = ["contracted_class"]


def contracted_class(cls: type, options: Mapping[str, Any], frame: FrameType | None) -> type:
    """`cls` with its own annotated methods checked."""
    from shapecheck.runtime.contract import apply

    for name, member in list(vars(cls).items()):
        if _is_annotated(member):
            setattr(cls, name, apply(member, options, frame))
    return cls


def _is_annotated(member: Any) -> bool:
    match member:
        case FunctionType():
            return bool(member.__annotations__)
        case classmethod() | staticmethod():
            return _is_annotated(member.__func__)
        case property():
            return any(map(_is_annotated, (member.fget, member.fset, member.fdel)))
        case functools.cached_property():
            return _is_annotated(member.func)
    return False
