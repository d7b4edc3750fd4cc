"""Arguments meet parameters: which goes where, and whether it keeps the contract that is called."""

from __future__ import annotations

import ast

from shapecheck.core.sizes import Size
from shapecheck.core.tensors import UNKNOWN, TensorValue
from shapecheck.static.annotations import read_hint
from shapecheck.static.contracts import Mismatch, Scope, match
from shapecheck.static.declarations import ClassInfo, Signature
from shapecheck.static.dispatch import Arguments, evaluate
from shapecheck.static.environment import Environment, unify
from shapecheck.static.frame import Frame, Run
from shapecheck.static.hints import ANY, tensors
from shapecheck.static.values import Dict, Value
from shapecheck.static.wording import describe, evidence, text_of

__all__ = ["bind_arguments", "check_fields", "checked", "default_value", "read_field"]

Given = dict[str, Value]
Nodes = dict[str, ast.expr | None]


def bind_arguments(signature: Signature, arguments: Arguments) -> tuple[Given, Nodes] | None:
    """The value and the expression of each parameter; None where the arguments don't fit or aren't all known."""
    if not arguments.complete:
        return None
    values, keywords = list(arguments.positional), dict(arguments.keywords)
    nodes = [*arguments.nodes, *[None] * (len(values) - len(arguments.nodes))]
    given: Given = {}
    sources: Nodes = {}
    for parameter in signature.parameters:
        if parameter.kind == "*args":
            given[parameter.name], values, nodes = tuple(values), [], []
        elif parameter.kind == "**kwargs":
            given[parameter.name], keywords = Dict({**keywords}), {}
        elif parameter.kind == "plain" and values:
            given[parameter.name], sources[parameter.name] = values.pop(0), nodes.pop(0)
        elif parameter.name in keywords:
            given[parameter.name] = keywords.pop(parameter.name)
            sources[parameter.name] = arguments.keyword_nodes.get(parameter.name)
        elif parameter.default is not None:
            given[parameter.name] = default_value(parameter.default, signature)
        else:
            return None
    return None if values or keywords else (given, sources)


def default_value(node: ast.expr, signature: Signature) -> Value:
    """The value of a parameter's default."""
    match node:
        case ast.Constant(value=value):
            return Size.of(value) if type(value) is int else value if not isinstance(value, bytes) else UNKNOWN
        case ast.Name() | ast.Attribute() | ast.Tuple() | ast.UnaryOp() | ast.BinOp():
            return evaluate(node, Frame(signature.file, Run(signature.file, muted=1), Environment()))
    return UNKNOWN


def checked(signature: Signature, given: Given, nodes: Nodes, node: ast.AST, frame: Frame) -> Scope | None:
    """The names of the callee's contract, bound by the arguments; None where an argument breaks it."""
    inner = Frame(signature.file, frame.run, Environment(dict(given)), signature)
    scope = Scope(read_field=lambda source: read_field(source, inner))
    for parameter in signature.parameters:
        hint, value = parameter.hint, given.get(parameter.name, UNKNOWN)
        if hint == ANY or parameter.kind == "**kwargs":
            continue
        if parameter.kind == "*args":
            parts = value if isinstance(value, tuple) else ()
            problems = (match(hint, part, scope, f"[{index}]") for index, part in enumerate(parts))
            mismatch = next((problem for problem in problems if problem), None)
        else:
            before = set(scope.sizes)
            mismatch = match(hint, value, scope)
            scope.makers.update(dict.fromkeys(scope.sizes.keys() - before, parameter.name))
        if mismatch is not None:
            _report_argument(signature, parameter.name, mismatch, (given, nodes), node, frame)
            return None
    for left, right in scope.learned:
        unify(frame.state, left, right)
    return scope


def read_field(source: str, frame: Frame) -> Size:
    """The size that ``{source}`` stands for where the arguments of a call are known."""
    with frame.run.silence():
        value = evaluate(ast.parse(source, mode="eval").body, frame)
    return value if isinstance(value, Size) else Size.unknown(source)


def _report_argument(
    signature: Signature, name: str, mismatch: Mismatch, bound: tuple[Given, Nodes], node: ast.AST, frame: Frame
) -> None:
    given, nodes = bound
    shown = [
        (nodes[parameter.name], given[parameter.name])
        for parameter in signature.parameters
        if nodes.get(parameter.name) is not None and any(True for _ in tensors(parameter.hint))
    ]
    _report(f"argument `{name}{mismatch.path}` of `{signature.label}`", mismatch, shown, node, frame)


def _report(
    what: str, mismatch: Mismatch, shown: list[tuple[ast.expr | None, Value]], node: ast.AST, frame: Frame
) -> None:
    rule = "dtype-mismatch" if mismatch.kind == "dtype" else "argument-shape"
    text = f"{what} is {describe(mismatch.value)}, annotated `{mismatch.hint}`: {mismatch.reason}"
    frame.report(rule, node, f"`{text_of(node)}`: {text}{evidence(shown, mismatch.sizes, frame)}", _hint(mismatch))


def _hint(mismatch: Mismatch) -> str:
    """A missing dim, or two that are the wrong way round."""
    value, hint = mismatch.value, mismatch.hint
    if value.shape is None or hint.spec is None or mismatch.kind == "dtype":
        return ""
    rank = len(value.shape)
    if hint.spec.variadic is None and rank == len(hint.spec.dims) - 1:
        return "a dim is missing: `.unsqueeze(...)`"
    if rank >= 2 and hint.spec.variadic is None and rank == len(hint.spec.dims):
        swapped = TensorValue((*value.shape[:-2], value.shape[-1], value.shape[-2]), value.dtypes)
        if match(hint, swapped, Scope()) is None and len(mismatch.sizes) == 2 and mismatch.sizes[1] in value.shape:
            return "its last two dims are the other way round: `.mT`"
    return ""


def check_fields(info: ClassInfo, given: Given, nodes: Nodes, node: ast.AST, frame: Frame) -> None:
    """Hold the arguments of a dataclass's own `__init__` against the annotations of its fields."""
    scope = Scope()
    for ancestor in info.project_ancestors:
        for name, annotation in ancestor.fields.items():
            before = set(scope.sizes)
            mismatch = match(read_hint(annotation, ancestor.file, ancestor), given.get(name, UNKNOWN), scope)
            scope.makers.update(dict.fromkeys(scope.sizes.keys() - before, name))
            if mismatch is not None:
                shown = [(nodes.get(field), given[field]) for field in given if isinstance(given[field], TensorValue)]
                _report(f"field `{name}{mismatch.path}` of `{info.name}`", mismatch, shown, node, frame)
                return
