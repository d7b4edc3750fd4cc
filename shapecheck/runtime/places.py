"""Where in the user's program: the line of a contract, who called it, and on which rank."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from types import CodeType, FrameType

from shapecheck.runtime.arrays import is_compiling
from shapecheck.runtime.settings import Place
from shapecheck.runtime.source import is_checker

__all__ = ["caller", "place_text", "rank"]


def caller(frame: FrameType | None) -> Place | None:
    """The line that is running in the user's program, from `frame` outwards; frames of torch and of us don't count."""
    while frame is not None:
        if not is_machinery(frame.f_code):
            return Place(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


def place_text(place: Place | None) -> str:
    """``"train.py:41"``: relative to the working directory where that is shorter."""
    if place is None:
        return ""
    if is_compiling():
        return f"{place.filename}:{place.line}"
    try:
        relative = os.path.relpath(place.filename)
    except (ValueError, OSError):  # another drive, or the working directory is gone
        relative = place.filename
    name = relative if len(relative) < len(place.filename) and not place.filename.startswith("<") else place.filename
    return f"{name}:{place.line}"


def rank() -> tuple[int, int] | None:
    """The rank of this process and how many there are, where `torch.distributed` is running."""
    torch = sys.modules.get("torch")
    distributed = getattr(torch, "distributed", None)
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return distributed.get_rank(), distributed.get_world_size()


def is_machinery(code: CodeType) -> bool:
    """Whether code is ours, torch's, the standard library's, or a dataclass's methods: nobody wants to be shown it."""
    name = code.co_filename
    if is_checker(code):
        return True
    if name == "<string>":
        return code.co_name.startswith("__")
    return name.startswith(("<frozen", *_machinery())) and "-packages" + os.sep not in name.removeprefix(_torch())


@cache
def _machinery() -> tuple[str, ...]:
    here, library = Path(__file__).parent.parent, Path(os.__file__).parent
    return tuple(str(folder) + os.sep for folder in (here, library)) + ((_torch(),) if _torch() else ())


@cache
def _torch() -> str:
    torch = sys.modules.get("torch")
    return str(Path(str(torch.__file__)).parent) + os.sep if torch is not None else ""
