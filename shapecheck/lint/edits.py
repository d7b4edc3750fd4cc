"""The edits that fixes are made of. Each names a node of the file's `ast`; the fixer changes the same node in libcst,
so layout and comments around it stay as they are.

    replace(call, "log_softmax(x, dim=-1)", x=call.args[0])     code, with `x` standing for a node kept as written
    append(loss, ".item()")            add_keyword(call, "keepdim", "True")
    insert_before(statement, "optimizer.zero_grad()")           remove(statement)
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from shapecheck.lint.file import FunctionNode
from shapecheck.lint.violation import Edit

if TYPE_CHECKING:
    import libcst as cst


def replace(node: ast.expr | ast.stmt, code: str, **parts: ast.expr) -> Edit:
    """Put code in the place of an expression or statement; names in `parts` stand for nodes kept as written."""
    return Edit("replace", node, code, tuple(parts.items()))


def append(node: ast.expr, suffix: str) -> Edit:
    """Follow an expression by more: `append(loss, ".item()")`; put in parentheses where it needs them."""
    return Edit("replace", node, f"_expression_{suffix}", (("_expression_", node),))


def change(node: ast.expr, function: Callable[[cst.CSTNode], cst.CSTNode]) -> Edit:
    """Replace an expression by what a function makes of its libcst node."""
    return Edit("replace", node, change=function)


def add_keyword(call: ast.Call, name: str, code: str) -> Edit:
    """Pass a keyword argument, replacing one of that name, before any `**kwargs`."""

    def with_keyword(node: cst.CSTNode) -> cst.CSTNode:
        import libcst as cst

        if not isinstance(node, cst.Call):
            return node
        value = cst.parse_expression(code)
        for i, arg in enumerate(node.args):
            if arg.keyword is not None and arg.keyword.value == name:
                return node.with_changes(args=[*node.args[:i], arg.with_changes(value=value), *node.args[i + 1 :]])
        return _with_argument(node, cst.Arg(value, cst.Name(name), equal=cst.AssignEqual(_no_space(), _no_space())))

    return Edit("replace", call, f"{name}={code}", change=with_keyword)


def remove_keyword(call: ast.Call, name: str) -> Edit:
    """No longer pass a keyword argument."""

    def without_keyword(node: cst.CSTNode) -> cst.CSTNode:
        import libcst as cst

        if not isinstance(node, cst.Call):
            return node
        kept = [arg for arg in node.args if arg.keyword is None or arg.keyword.value != name]
        if kept and len(kept) < len(node.args) and kept[-1] is not node.args[-1]:
            kept[-1] = kept[-1].with_changes(
                comma=node.args[-1].comma, whitespace_after_arg=node.args[-1].whitespace_after_arg
            )
        return node.with_changes(args=kept)

    return Edit("replace", call, f"-{name}", change=without_keyword)


def remove(statement: ast.stmt) -> Edit:
    """Take a statement out; comments above it stay, and a block that it leaves empty gets `pass`."""
    return Edit("remove", statement)


def insert_before(statement: ast.stmt, code: str) -> Edit:
    """Put statements in front of one, in its block."""
    return Edit("before", statement, code)


def insert_after(statement: ast.stmt, code: str) -> Edit:
    """Put statements behind one, in its block."""
    return Edit("after", statement, code)


def prepend(definition: FunctionNode | ast.ClassDef, code: str) -> Edit:
    """Put statements at the start of a body, after its docstring."""
    first = definition.body[0]
    is_docstring = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return insert_after(first, code) if is_docstring else insert_before(first, code)


def add_import(tree: ast.Module, code: str) -> Edit:
    """Import something at the top of the file, unless a top-level import already says exactly that."""
    return Edit("import", tree, code)


def _with_argument(call: cst.Call, argument: cst.Arg) -> cst.Call:
    """Add an argument behind the last one, laid out as that one is."""
    import libcst as cst

    args = list(call.args)
    place = next((i for i, arg in enumerate(args) if arg.star == "**"), len(args))
    if not args:
        return call.with_changes(args=[argument])
    if place < len(args):
        comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        return call.with_changes(args=[*args[:place], argument.with_changes(comma=comma), *args[place:]])
    last = args[-1]
    between = args[-2].comma if len(args) > 1 else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    args[-1] = last.with_changes(comma=between, whitespace_after_arg=cst.SimpleWhitespace(""))
    return call.with_changes(
        args=[*args, argument.with_changes(comma=last.comma, whitespace_after_arg=last.whitespace_after_arg)]
    )


def _no_space() -> cst.SimpleWhitespace:
    import libcst as cst

    return cst.SimpleWhitespace("")
