"""Dims that are computed: ``dim-1``, ``2*a``, ``h//p``, ``min(a,b)``, ``{self.heads}*d``.

    expression := whole number | name | {python expression over the call's arguments}
                | expression (+ - * / // % **) expression | -expression
                | min(...) | max(...) | abs(...) | int(...) | round(...) | pow(...) | (expression)

An expression is parsed once into the small tree below. Three readers use it: `evaluate` (numbers), the contract's
code generator (Python source) and the static engine (symbolic sizes).
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shapecheck.core.errors import AnnotationError

__all__ = ["Apply", "Const", "Expression", "Field", "Name", "Operation", "evaluate", "fields", "names", "parse"]


@dataclass(frozen=True, slots=True)
class Const:
    value: int


@dataclass(frozen=True, slots=True)
class Name:
    """A dim named elsewhere in the same contract."""

    name: str


@dataclass(frozen=True, slots=True)
class Field:
    """``{source}``: a Python expression over the arguments of the call, e.g. ``{self.heads}``."""

    source: str

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names it reads, in order of appearance."""
        found = [node.id for node in ast.walk(ast.parse(self.source, mode="eval")) if isinstance(node, ast.Name)]
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Operation:
    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Apply:
    function: str
    arguments: tuple[Expression, ...]


Expression = Const | Name | Field | Operation | Apply

OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "int": int,
    "round": round,
    "pow": pow,
}
_SYMBOLS: Mapping[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
}


def evaluate(tree: Expression, size_of: Callable[[str], Any], value_of: Callable[[str], Any]) -> Any:
    """The value of an expression; `size_of` looks up a dim's name, `value_of` a field's source.

    Raises whatever the look-ups raise (`KeyError` for an unbound name) and `ArithmeticError` for ``a//0``.
    """
    match tree:
        case Const(value):
            return value
        case Name(name):
            return size_of(name)
        case Field(source):
            return value_of(source)
        case Operation(symbol, left, right):
            return OPERATORS[symbol](evaluate(left, size_of, value_of), evaluate(right, size_of, value_of))
        case Apply(function, arguments):
            return FUNCTIONS[function](*(evaluate(argument, size_of, value_of) for argument in arguments))


def names(tree: Expression) -> Iterator[str]:
    """The dim names an expression reads."""
    yield from (leaf.name for leaf in _leaves(tree) if isinstance(leaf, Name))


def fields(tree: Expression) -> Iterator[Field]:
    """The ``{...}`` parts of an expression."""
    yield from (leaf for leaf in _leaves(tree) if isinstance(leaf, Field))


def _leaves(tree: Expression) -> Iterator[Expression]:
    match tree:
        case Operation(_, left, right):
            yield from _leaves(left)
            yield from _leaves(right)
        case Apply(_, arguments):
            for argument in arguments:
                yield from _leaves(argument)
        case _:
            yield tree


def parse(text: str, whole: str, offset: int) -> Expression:
    """Parse one computed dim, `text`, found at `offset` in the shape string `whole`.

    Raises:
        AnnotationError: with a caret under the place in `whole`.
    """
    plain, sources = _without_fields(text, whole, offset)
    try:
        body = ast.parse(plain, mode="eval").body
    except (SyntaxError, ValueError) as error:
        place = max(0, (getattr(error, "offset", None) or 1) - 1)
        raise AnnotationError(_advice(text), whole, offset + min(place, len(text) - 1)) from None
    return _Reader(plain, sources, whole, offset).read(body)


def _advice(text: str) -> str:
    if text in {"+", "-", "*", "/", "//", "%", "**"} or text[-1:] in "+-*/%(," or text[:1] in "+/%),":
        return f"`{text}` is not a dim: write expressions without spaces, e.g. `a-1`, `min(a,b)`"
    if text[0].isdigit():
        return f"`{text}` is not a dim: a name can't begin with a digit"
    return f"`{text}` is not a dim: expected a size, a name or an expression over names"


def _without_fields(text: str, whole: str, offset: int) -> tuple[str, dict[str, str]]:
    """`text` with each ``{...}`` replaced by an identifier of the same length, and what each one stands for."""
    plain, start = "", 0
    sources: dict[str, str] = {}
    for first, last in braces(text, whole, offset):
        source = text[first + 1 : last]
        try:
            ast.parse(source.strip(), mode="eval")
        except (SyntaxError, ValueError):
            reason = f"`{{{source}}}` is not a Python expression over the arguments"
            raise AnnotationError(reason, whole, offset + first) from None
        # Letters of a script that no program is written in, one per field: the offsets of everything else stay right.
        stand_in = chr(0x10400 + len(sources)) * (last + 1 - first)
        sources[stand_in] = source.strip()
        plain += text[start:first] + stand_in
        start = last + 1
    return plain + text[start:], sources


def braces(text: str, whole: str, offset: int) -> Iterator[tuple[int, int]]:
    """Index of the opening and of the closing brace of every ``{...}`` in `text`; quotes and nesting are respected.

    Raises:
        AnnotationError: a brace without its partner.
    """
    depth, first, quote = 0, 0, ""
    for index, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif depth and char in "'\"":
            quote = char
        elif char == "{":
            first = first if depth else index
            depth += 1
        elif char == "}":
            depth -= 1
            if depth < 0:
                raise AnnotationError("`}` without `{`", whole, offset + index)
            if depth == 0:
                yield first, index
    if depth:
        raise AnnotationError("`{` is never closed", whole, offset + first)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns the ast of one computed dim into the tree above, or says where it can't."""

    plain: str
    sources: Mapping[str, str]
    whole: str
    offset: int

    def read(self, node: ast.expr) -> Expression:
        match node:
            case ast.Constant(value=int() as value) if not isinstance(value, bool):
                return Const(value)
            case ast.Constant(value=value):
                raise self.error(node, f"`{value!r}` is not a size: sizes are whole numbers")
            case ast.Name(id=name) if name in self.sources:
                return Field(self.sources[name])
            case ast.Name(id=name):
                return Name(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Operation("-", Const(0), self.read(operand))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.read(operand)
            case ast.BinOp(op=symbol) if type(symbol) in _SYMBOLS:
                return Operation(_SYMBOLS[type(symbol)], self.read(node.left), self.read(node.right))
            case ast.Call(func=ast.Name(id=function), args=[_, *_] as arguments, keywords=[]) if function in FUNCTIONS:
                return Apply(function, tuple(self.read(argument) for argument in arguments))
            case ast.Call(func=ast.Name(id=function)):
                raise self.error(node, f"`{function}(...)` is not known in a dim: {', '.join(FUNCTIONS)} are")
            case ast.Tuple():
                raise self.error(node, "dims are separated by spaces, not commas")
            case _:
                raise self.error(node, f"`{ast.unparse(node)}` is not a dim: use names, whole numbers and + - * // %")

    def error(self, node: ast.expr, reason: str) -> AnnotationError:
        for stand_in, source in self.sources.items():
            reason = reason.replace(stand_in, f"{{{source}}}")
        column = len(self.plain.encode()[: node.col_offset].decode())
        return AnnotationError(reason, self.whole, self.offset + column)
