"""How findings are put into words: the operation as written, the shapes of its operands, who made the sizes.

`q @ k`: dim 3 of `q` (b, h, t, d) is d, but dim 2 of `k` (b, h, s, d) is s
    q  (b, h, t, d)  parameter, line 12
    k  (b, h, s, d)  parameter, line 12
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

from shapecheck.core.dtypes import family
from shapecheck.core.sizes import Size, Symbol, symbols
from shapecheck.core.tensors import UNKNOWN, Dtypes, Opaque, Repeated, TensorValue
from shapecheck.static.frame import Frame
from shapecheck.static.values import (
    Choice,
    ClassValue,
    Dict,
    ExternalName,
    Function,
    Lambda,
    Layer,
    Layers,
    Object,
    Value,
)

__all__ = ["describe", "dtype_label", "evidence", "in_their_words", "plural", "shape_text", "text_of"]

_LONGEST = 60


def text_of(node: ast.AST | None, longest: int = _LONGEST) -> str:
    """An expression as its author wrote it, on one line and not too long."""
    if not isinstance(node, ast.expr | ast.stmt):
        return "?"
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def shape_text(shape: Iterable[Size] | None) -> str:
    """``(b, 3)``, as Python writes a tuple."""
    if shape is None:
        return "(...)"
    sizes = [str(size) for size in shape]
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"


def plural(count: int, what: str) -> str:
    """``1 dim``, ``2 dims``"""
    return f"{count} {what}{'s' * (count != 1)}"


def dtype_label(dtypes: Dtypes) -> str:
    """``float32``, or the family that all dtypes are of; "" where there is none."""
    families = {family(dtype) for dtype in dtypes or ()}
    if dtypes and len(dtypes) == 1:
        return next(iter(dtypes))
    return families.pop() or "" if len(families) == 1 else ""


def describe(value: Value) -> str:
    """A value in a few words, tensors by their shape."""
    match value:
        case TensorValue(shape=shape, dtypes=dtypes):
            return f"{shape_text(shape)} {dtype_label(dtypes)}".rstrip()
        case Size() | None | bool() | float():
            return str(value)
        case str():
            return repr(value)
        case Opaque(kind):
            return kind or "unknown"
        case tuple():
            return f"({', '.join(map(describe, value))}{',' * (len(value) == 1)})"
        case list():
            return f"[{', '.join(map(describe, value))}]"
        case Repeated(element, length):
            return f"{length} × {describe(element)}"
        case Choice(options):
            return " | ".join(map(describe, options))
        case Dict(entries, rest):
            items = [f"{key!r}: {describe(item)}" for key, item in entries.items()]
            return f"{{{', '.join([*items, *([f'...: {describe(rest)}'] if rest not in (None, UNKNOWN) else [])])}}}"
        case Layer(name, arguments):
            sizes = [f"{key}={size}" for key, size in arguments.items() if isinstance(size, Size)]
            return f"{name.removeprefix('torch.')}({', '.join(sizes[:3])})"
        case Layers(kind, _):
            return f"nn.{kind}"
        case Object(info):
            return info.name
        case ClassValue(info):
            return f"class {info.name}"
        case Function(signature):
            return f"function {signature.label}"
        case Lambda():
            return "lambda"
        case ExternalName(name):
            return name
    return "unknown"


def in_their_words(reason: str, names: dict[str, ast.expr | None]) -> str:
    """A sentence about parameters, said of the expressions that were passed for them."""

    def replaced(match: re.Match[str]) -> str:
        name, rest = match[1], match[2]
        node = names.get(name)
        return match[0] if node is None else f"`{text_of(node, 40)}{rest}`"

    return re.sub(r"`(\w+)((?:\[\d+\])?)`", replaced, reason)


def evidence(operands: Sequence[tuple[ast.expr | None, Value]], sizes: Sequence[Size], frame: Frame) -> str:
    """The operands with their shapes and where they come from, a line each; then who made the sizes that disagree."""
    rows = [(text_of(node, 40), describe(value), _origin(node, frame)) for node, value in operands if node is not None]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    lines = [f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}".rstrip() for row in rows]
    return "".join(f"\n    {line}" for line in [*lines, *_makers(sizes, frame)])


def _origin(node: ast.expr | None, frame: Frame) -> str:
    match node:
        case ast.Name(id=name) if line := frame.state.lines.get(name):
            declared = frame.signature and any(name == parameter.name for parameter in frame.signature.parameters)
            own = frame.signature and line == frame.signature.node.lineno
            return f"parameter, line {line}" if declared and own else f"line {line}"
    return ""


def _makers(sizes: Sequence[Size], frame: Frame) -> Iterator[str]:
    mentioned: dict[Symbol, None] = dict.fromkeys(symbol for size in sizes for symbol in symbols(size))
    for symbol in mentioned:
        origin = frame.run.origins.get(symbol)
        if origin is not None:
            yield f"{symbol}: {origin}"
