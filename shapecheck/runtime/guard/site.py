"""Where in the user's program an operation stands: its frame, its line, and the expression itself.

Only a candidate violation pays for any of this. Frames of torch and of this package are passed over, so the place of
`criterion(pred, y)` is the user's line and not torch/nn/functional.py. The expression comes from the instruction's
column range and linecache (which knows notebooks too); it is parsed once per instruction.
"""

from __future__ import annotations

import ast
import linecache
import os
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType

import torch

from shapecheck.runtime.guard.facts import Facts
from shapecheck.runtime.places import place_text
from shapecheck.runtime.settings import Place
from shapecheck.runtime.source import is_checker

_OURS = str(Path(__file__).parents[2]) + os.sep
_TORCH = str(Path(torch.__file__).parent) + os.sep
_PASSED_OVER = (_OURS, _TORCH, "<frozen", "<shapecheck")
_MODES = frozenset({"__torch_function__", "__torch_dispatch__"})
_LIBRARIES = tuple({path + os.sep for name in ("purelib", "platlib", "stdlib") if (path := sysconfig.get_path(name))})

Instruction = tuple[CodeType, int]
Node = ast.expr | ast.AugAssign


@dataclass(frozen=True, slots=True)
class Site:
    """One operation in the source.

    Attributes:
        place: file and line.
        function: qualified name of the function it stands in.
        text: the expression as written, on one line; "" without source.
        node: the same, parsed; None without source or where the text is no expression by itself.
        library: whether the file is installed, so that the user can't change it.
        generated: whether a program wrote it (torch.fx, einops): nobody spells anything out there.
        direct: whether the user's own line runs the operation, rather than a function of torch that it calls.
    """

    place: Place
    function: str
    text: str
    node: Node | None
    library: bool
    generated: bool
    direct: bool

    def __str__(self) -> str:
        return f"{place_text(self.place)}, in {self.function}"


def user_frame() -> FrameType | None:
    """The innermost frame that belongs neither to torch nor to this package."""
    return next(_users(sys._getframe(1)), None)


def instruction() -> Instruction | None:
    """What the innermost user frame is executing: cheap, to be turned into a `Site` only if need be."""
    frame = user_frame()
    return None if frame is None else (frame.f_code, frame.f_lasti)


def site() -> Site | None:
    """The site of the operation being run."""
    frame = user_frame()
    return None if frame is None else site_in(frame, runner() is frame.f_code)


def runner() -> CodeType | None:
    """The innermost code that isn't ours: what runs the operation, in torch or not."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return None if frame is None else frame.f_code


def callers() -> Iterator[tuple[FrameType, Site]]:
    """The user frames outward from the operation, each with what it is executing."""
    for frame in _users(sys._getframe(1)):
        yield frame, site_in(frame)


def site_in(frame: FrameType, direct: bool = True) -> Site:
    """The site of what `frame` is executing."""
    return site_of(frame.f_code, frame.f_lasti, direct, frame.f_globals.get("__name__") == "__main__")


def site_of(code: CodeType, lasti: int, direct: bool = True, main: bool = False) -> Site:
    """The site of one instruction; `main` says that it stands in the script or prompt that the user runs."""
    return _site(code.co_filename, code, lasti, direct, main)


@lru_cache(maxsize=4096)
def _site(filename: str, code: CodeType, lasti: int, direct: bool, main: bool) -> Site:
    """`filename` is the code's: two codes that differ in nothing else are equal."""
    start, end, left, right = next(islice(code.co_positions(), lasti // 2, None), (None,) * 4)
    line = start or code.co_firstlineno
    lines = linecache.getlines(filename)
    text = ""
    if end is not None and left is not None and right is not None and end <= len(lines):
        text = _cut(lines[line - 1 : end], left, right)
    return Site(
        place=Place(filename, line),
        function=code.co_qualname,
        text=" ".join(text.split()),
        node=_parsed(text),
        library=filename.startswith(_LIBRARIES),
        generated=not main and filename.startswith("<"),
        direct=direct,
    )


def is_passed_over(code: CodeType) -> bool:
    """Whether `code` belongs to torch, to this package, to Python's import machinery, or is another mode's."""
    return code.co_filename.startswith(_PASSED_OVER) or code.co_name in _MODES or _is_generated(code)


def is_ours(code: CodeType) -> bool:
    """Whether `code` is this package's, written or generated."""
    return code.co_filename.startswith(_OURS) or _is_generated(code)


def _is_generated(code: CodeType) -> bool:
    """Whether `code` is a contract's checker; asked at every operation under the rule `finite`."""
    known = _generated.get(code)
    if known is None:
        _generated.put(code, known := is_checker(code))
    return known


_generated: Facts[CodeType, bool] = Facts()


def _users(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        if not is_passed_over(frame.f_code):
            yield frame
        frame = frame.f_back


def _cut(lines: list[str], left: int, right: int) -> str:
    """The text between two columns, which Python counts in UTF-8 bytes."""
    encoded = [line.encode() for line in lines]
    encoded[-1] = encoded[-1][:right]
    encoded[0] = encoded[0][left:]
    return b"".join(encoded).decode(errors="replace")


def _parsed(text: str) -> Node | None:
    for source in (f"({text}\n)", text):
        try:
            statement = ast.parse(source).body[0]
        except (SyntaxError, ValueError, IndexError):
            continue
        match statement:
            case ast.Expr(value=node) | (ast.AugAssign() as node):
                return node
    return None
