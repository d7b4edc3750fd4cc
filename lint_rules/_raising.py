"""The statement that does what an `assert` does, also under `python -O`."""

from __future__ import annotations

import ast

from shapecheck.lint import Edit, File, Fix, safe_fix, unsafe_fix
from shapecheck.lint.edits import replace

OPPOSITE: dict[type[ast.cmpop], str] = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Is: "is not",
    ast.IsNot: "is",
}


def raised_instead(file: File, node: ast.Assert) -> tuple[Fix | None, Fix | None]:
    """Two fixes for an assert: a safe one with `AssertionError`, and one with the exception people expect."""
    if _has_side_effects(node.test) or file.statement(node) is not node:
        return None, None
    exception = "TypeError" if _is_about_types(node.test) else "ValueError"
    match node.msg:
        case ast.Call(func=ast.Name(id=name)) if name.endswith(("Error", "Exception")):
            return None, unsafe_fix(f"raise the `{name}`", _raising(file, node, None))
    safe = safe_fix("raise `AssertionError`", _raising(file, node, "AssertionError"))
    return safe, unsafe_fix(f"raise `{exception}`", _raising(file, node, exception))


def _raising(file: File, node: ast.Assert, exception: str | None) -> Edit:
    condition, parts = _negated(node.test)
    if node.msg is None:
        text = file.text(node.test)
        return replace(node, f"if {condition}:\n    raise {exception}({_quoted(text)})", **parts)
    raised = "message" if exception is None else f"{exception}(message)"
    return replace(node, f"if {condition}:\n    raise {raised}", message=node.msg, **parts)


def _negated(test: ast.expr) -> tuple[str, dict[str, ast.expr]]:
    """Code for the opposite of a condition, and what the names in it stand for."""
    match test:
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in OPPOSITE:
            return f"left_ {OPPOSITE[type(op)]} right_", {"left_": left, "right_": right}
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return "condition_", {"condition_": operand}
        case ast.Call() | ast.Name() | ast.Attribute() | ast.Subscript() | ast.Compare():
            return "not condition_", {"condition_": test}
    return "not (condition_)", {"condition_": test}


def _is_about_types(test: ast.expr) -> bool:
    match test:
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass" | "callable")):
            return True
        case ast.UnaryOp(operand=operand):
            return _is_about_types(operand)
        case ast.BoolOp(values=values):
            return all(map(_is_about_types, values))
    return False


def _has_side_effects(test: ast.expr) -> bool:
    return any(isinstance(part, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom) for part in ast.walk(test))


def _quoted(text: str) -> str:
    """A string literal, in the quotes that need no escapes."""
    text = "expected " + " ".join(text.split())
    if "\\" not in text and '"' not in text:
        return f'"{text}"'
    return f"'{text}'" if "\\" not in text and "'" not in text else repr(text)
