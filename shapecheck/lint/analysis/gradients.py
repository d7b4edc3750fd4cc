"""Where gradients are off: `no_grad`, `inference_mode`, `set_grad_enabled(False)` around or before the code."""

from __future__ import annotations

import ast
import re

from shapecheck.lint.analysis.calls import argument, callers
from shapecheck.lint.analysis.flow import comes_first
from shapecheck.lint.file import File, FunctionNode, per_file

_OFF = frozenset({"torch.no_grad", "torch.inference_mode", "fastai.torch_core.no_grad"})
_OFF_WORD = re.compile(r"no_?grad|inference_mode", re.IGNORECASE)
_SWITCH = "torch.set_grad_enabled"


def gradients_off(file: File, node: ast.AST) -> bool:
    """Whether code certainly builds no graph: by a `with`, a decorator, an earlier switch, or because
    every call of its function in this file is without."""
    return _off(file, node, certainly=True)


def gradients_may_be_off(file: File, node: ast.AST) -> bool:
    """The same, or under a switch that depends on a value: `torch.set_grad_enabled(phase == "train")`."""
    return _off(file, node, certainly=False)


@per_file
def _off(file: File, node: ast.AST, certainly: bool, follow: int = 1) -> bool:
    child = node
    for outer in (node, *file.ancestors(node)):
        match outer:
            case ast.With(items=items) | ast.AsyncWith(items=items) if child in outer.body:
                if any(_turns_off(file, item.context_expr, certainly) for item in items):
                    return True
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() if outer is not node:
                if any(_turns_off(file, decorator, certainly) for decorator in outer.decorator_list):
                    return True
        child = outer
    if any(comes_first(file, switch, node) for switch in _switches(file, certainly)):
        return True
    function = file.function(node)
    return bool(follow and function is not None and _called_without(file, function, certainly, follow))


def _called_without(file: File, function: FunctionNode, certainly: bool, follow: int) -> bool:
    places = callers(file, function)
    return bool(places) and all(_off(file, call, certainly, follow - 1) for call in places)


def _turns_off(file: File, node: ast.expr, certainly: bool) -> bool:
    func = node.func if isinstance(node, ast.Call) else node
    name = file.qualified_name(func)
    if name == _SWITCH and isinstance(node, ast.Call):
        return _switches_off(node, certainly)
    return name in _OFF or _OFF_WORD.search(file.text(func)) is not None


@per_file
def _switches(file: File, certainly: bool) -> tuple[ast.Call, ...]:
    """Statements such as `torch.set_grad_enabled(False)`, which hold for the code after them."""
    return tuple(
        node.value
        for node in file.nodes(ast.Expr)
        if isinstance(node.value, ast.Call)
        and file.qualified_name(node.value.func) == _SWITCH
        and _switches_off(node.value, certainly)
    )


def _switches_off(call: ast.Call, certainly: bool) -> bool:
    mode = argument(call, 0, "mode")
    return not mode.value if isinstance(mode, ast.Constant) else mode is not None and not certainly
