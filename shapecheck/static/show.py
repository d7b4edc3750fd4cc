"""A source with its shapes beside it: `shapecheck shapes`, as text for people and as JSON for tools."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from shapecheck.core.sizes import Size
from shapecheck.core.tensors import UNKNOWN, Repeated, TensorValue
from shapecheck.static.inferred import Inferred
from shapecheck.static.values import Choice, Dict, Value
from shapecheck.static.wording import describe, dtype_label

__all__ = ["Span", "as_json", "as_text"]

Span = tuple[int, int]
"""The first and the last line to show."""

_WIDEST = 72


def as_text(source: str, tree: ast.Module, inferred: Inferred, spans: Sequence[Span], *, color: bool) -> str:
    """The lines of some functions, what their names and calls stand for to the right, diagnostics below."""
    lines = source.splitlines()
    beside = _beside(tree, inferred)
    return "\n\n".join(_block(lines, span, beside, inferred, color=color) for span in spans)


def _block(
    lines: Sequence[str], span: Span, beside: Mapping[int, Sequence[str]], inferred: Inferred, *, color: bool
) -> str:
    first, last = span
    width = min(
        max((len(lines[number - 1]) for number in range(first, last + 1) if number in beside), default=0), _WIDEST
    )
    shown: list[str] = []
    for number in range(first, last + 1):
        line = lines[number - 1]
        note = ", ".join(beside.get(number, ()))
        shown.append(f"{line:<{width}}  {_paint('# ' + note, 'cyan', color)}" if note else line)
        for one in inferred.diagnostics:
            if one.line == number:
                shown.extend(_complaint(one.rule, one.message, one.hint, one.col, color=color))
    return "\n".join(shown)


def _complaint(rule: str, message: str, hint: str, col: int, *, color: bool) -> Iterator[str]:
    first, *rest = message.split("\n")
    indent = " " * col
    yield f"{indent}{_paint('^ ' + rule, 'red', color)}: {first}"
    for line in [*rest, *([f"    hint: {hint}"] if hint else [])]:
        yield f"{indent}  {line}"


_COLORS = {"cyan": "36", "red": "31;1"}


def _paint(text: str, name: str, color: bool) -> str:
    return f"\x1b[{_COLORS[name]}m{text}\x1b[0m" if color else text


def _beside(tree: ast.Module, inferred: Inferred) -> dict[int, list[str]]:
    """What stands beside each line."""
    beside: dict[int, list[str]] = {}
    for node in ast.walk(tree):
        for line, text in _notes(node, inferred):
            if text not in beside.setdefault(line, []):
                beside[line].append(text)
    for line, condition in inferred.assumptions:
        beside.setdefault(line, []).append(f"given {condition}")
    return {line: texts for line, texts in beside.items() if texts}


def _notes(node: ast.AST, inferred: Inferred) -> Iterator[tuple[int, str]]:
    """The line and the words for one node: names that are bound, what is returned, calls for their own sake."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _bound(target, value, inferred)
        case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            yield from _bound(target, value, inferred)
        case ast.AugAssign(target=target):
            yield from _bound(target, None, inferred)
        case ast.For(target=target) | ast.AsyncFor(target=target):
            yield from _bound(target, None, inferred)
        case (
            ast.Return(value=ast.expr() as value)
            | ast.Expr(value=ast.Call() as value)
            | ast.Yield(value=ast.expr() as value)
        ):
            found = _value(value, inferred)
            if found is not None and _worth_showing(found):
                yield value.end_lineno or value.lineno, f"→ {describe(found)}"


def _bound(target: ast.expr, source: ast.expr | None, inferred: Inferred) -> Iterator[tuple[int, str]]:
    match target:
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            for inner in targets:
                yield from _bound(inner, None, inferred)
        case ast.Name() | ast.Attribute():
            found = _value(target, inferred)
            found = _value(source, inferred) if found is None and source is not None else found
            if found is not None and _worth_showing(found):
                yield target.lineno, f"{ast.unparse(target)}: {describe(found)}"


def _value(node: ast.expr | None, inferred: Inferred) -> Value:
    """What is known of an expression; None for nothing at all."""
    if node is None:
        return None
    found = inferred.at(node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0)
    return None if found is None or found[0] == UNKNOWN else found[0]


def _worth_showing(value: Value) -> bool:
    """Whether a value is a tensor or a symbolic size, or holds one."""
    match value:
        case TensorValue():
            return True
        case Size():
            return value.constant is None
        case tuple() | list():
            return any(map(_worth_showing, value))
        case Repeated(element):
            return _worth_showing(element)
        case Choice(options):
            return any(map(_worth_showing, options))
        case Dict(entries, rest):
            return any(map(_worth_showing, [*entries.values(), rest]))
    return False


def as_json(path: str, inferred: Inferred, spans: Sequence[Span]) -> str:
    """The same for tools: functions, expressions with shape and dtype, diagnostics."""

    def inside(line: int) -> bool:
        return any(first <= line <= last for first, last in spans)

    expressions = [
        {"line": line, "col": col, "end_line": end_line, "end_col": end_col, **_facts(value)}
        for (line, col, end_line, end_col), value in sorted(inferred.values.items(), key=lambda item: item[0])
        if inside(line) and _worth_showing(value)
    ]
    report = {
        "path": path,
        "functions": [asdict(function) for function in inferred.functions if inside(function.line)],
        "expressions": expressions,
        "assumptions": [one._asdict() for one in inferred.assumptions if inside(one.line)],
        "diagnostics": [asdict(one) for one in inferred.diagnostics if inside(one.line)],
    }
    return json.dumps(report, indent=2, ensure_ascii=False)


def _facts(value: Value) -> dict[str, object]:
    match value:
        case TensorValue(shape=shape, dtypes=dtypes):
            sizes = None if shape is None else [str(size) for size in shape]
            return {"kind": "tensor", "shape": sizes, "dtype": dtype_label(dtypes) or None}
        case Size():
            return {"kind": "int", "value": str(value)}
    return {"kind": "other", "text": describe(value)}
