"""Whether a tensor is what a model returns whose last layer has one unit: a column, for the rules that mind."""

import ast

from shapecheck.lint import File
from shapecheck.lint.analysis.calls import argument, callee
from shapecheck.lint.analysis.classes import class_named
from shapecheck.lint.analysis.flow import value_of
from shapecheck.lint.analysis.objects import constructor
from shapecheck.lint.analysis.outputs import PASS_THROUGH, produced_by_module

ELEMENTWISE = frozenset("sigmoid tanh relu exp float double detach cpu".split())


def is_column_of_model(file: File, node: ast.expr) -> bool:
    """Whether this is what a model returns whose last layer has one unit, with nothing reshaped on the way."""
    call = value_of(file, node)
    while isinstance(call, ast.Call) and (inner := _activated(file, call)) is not None:
        call = value_of(file, inner)
    if not isinstance(call, ast.Call) or callee(file, call) is not None:
        return False
    output = produced_by_module(file, call.func, call)
    if output is None or output.op != "linear" or output.module is None:
        return False
    match argument(output.module, 1, "out_features"):
        case ast.Constant(value=1):
            return not _reshapes(file, call.func)
    return False


def _activated(file: File, call: ast.Call) -> ast.expr | None:
    """`net(x)` of `torch.sigmoid(net(x))` and `net(x).tanh()`, which have its shape."""
    name = file.qualified_name(call.func)
    match call:
        case ast.Call(func=ast.Attribute(attr=attr), args=[first]) if name is not None and attr in ELEMENTWISE:
            return first if name.startswith("torch.") else None
        case ast.Call(func=ast.Attribute(value=owner, attr=attr), args=[]) if name is None and attr in ELEMENTWISE:
            return owner
    return None


def _reshapes(file: File, model: ast.expr) -> bool:
    """Whether the forward of a class of this file reshapes anything, which may be its output."""
    made_by = constructor(file, model)
    own = None if made_by is None else class_named(file, made_by.func)
    forward = None if own is None else own.method("forward")
    if forward is None:
        return own is not None
    return any(
        isinstance(part, ast.Subscript) or (isinstance(part, ast.Attribute) and part.attr in PASS_THROUGH)
        for part in ast.walk(forward)
    )
