"""Where in the user's program: the line of a contract, who called it, and on which rank."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from types import CodeType, FrameType

from shapecheck.runtime.settings import Place

__all__ = ["caller", "place_text", "rank"]

_OURS = str(Path(__file__).parent.parent)


def caller(frame: FrameType | None) -> Place | None:
    """The line that is running in the user's program, from `frame` outwards; frames of torch and of us don't count."""
    while frame is not None:
        if not _is_machinery(frame.f_code):
            return Place(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


def place_text(place: Place | None) -> str:
    """``"train.py:41"``: relative to the working directory where that is shorter."""
    if place is None:
        return ""
    try:
        relative = os.path.relpath(place.filename)
    except ValueError:  # another drive
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


def _is_machinery(code: CodeType) -> bool:
    generated = code.co_filename == "<string>" and code.co_name.startswith("__")  # a dataclass's methods
    return generated or code.co_filename.startswith(("<frozen", *_machinery()))


@cache
def _machinery() -> tuple[str, ...]:
    torch = sys.modules.get("torch")
    folders = [_OURS, str(Path(os.__file__).parent / "asyncio"), str(Path(os.__file__).parent / "contextlib.py")]
    folders += [str(Path(str(torch.__file__)).parent)] if torch is not None else []
    return tuple(folder if folder.endswith(".py") else folder + os.sep for folder in folders)
