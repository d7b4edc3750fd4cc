"""Which op made a tensor: through names, reshapes, modules of this file (the k-th value that `forward` returns),
`nn.Sequential`'s last layer and functions of this file.

    probs = self.head(x)[1]      self.head = nn.Sequential(nn.Linear(8, 4), nn.Softmax(1))     op "softmax"

Where branches disagree, or any step isn't certain, the answer is None.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass

from shapecheck.lint.analysis.calls import callee, callers, method_name, passed, receiver, returned
from shapecheck.lint.analysis.classes import ClassModel, class_around, class_named, self_name
from shapecheck.lint.analysis.flow import bindings, same_expression
from shapecheck.lint.analysis.objects import constructor
from shapecheck.lint.analysis.scopes import Binding, place
from shapecheck.lint.file import FUNCTIONS, File, per_file

PASS_THROUGH = frozenset(
    "view reshape squeeze unsqueeze flatten contiguous float double half bfloat16 to cuda cpu type permute transpose t"
    " detach clone expand view_as reshape_as requires_grad_ movedim swapaxes".split()
)
ACTIVATIONS = frozenset("softmax log_softmax sigmoid sigmoid_ logsigmoid relu relu_ tanh tanh_ exp log argmax".split())
_SPELLINGS = {"expit": "sigmoid", "logsoftmax": "log_softmax", "sigmoid_": "sigmoid", "relu_": "relu", "tanh_": "tanh"}
_FUNCTION = re.compile(r"torch\.(?:nn\.functional\.|special\.)?(?P<op>[a-z]\w*)")
_MODULE = re.compile(r"torch\.nn\.(?P<op>[A-Z]\w*)")
_MAX_DEPTH = 12
Way = tuple[int | str, ...]  # into tuples by position, into dicts by key
_MAX_CALLERS = 8


@dataclass(frozen=True, slots=True)
class Output:
    """The op that made a tensor. `node` is its call; `module` the call that made the module, such as `nn.Linear(…)`."""

    op: str
    node: ast.Call
    module: ast.Call | None = None


def produced(file: File, node: ast.expr, element: Way = ()) -> Output | None:
    """The op that certainly made the tensor an expression holds; `element` is the way into a tuple."""
    return _produced(file, node, element, _MAX_DEPTH)


def produced_by_module(file: File, module: ast.expr, call: ast.Call, element: Way = ()) -> Output | None:
    """The op that makes what calling a module returns; `call` is where it is called."""
    return _of_module(file, module, call, element, _MAX_DEPTH)


@per_file
def _produced(file: File, node: ast.expr, element: Way, depth: int) -> Output | None:
    if depth == 0:
        return None
    if place(node) is not None:
        found = bindings(file, node)
        if found and all(b.kind != "elsewhere" for b in found):
            return _agreed(_of_binding(file, b, element, depth - 1) for b in found)
    match node:
        case ast.Subscript(value=value, slice=ast.Constant(value=int() | str() as index)):
            return _produced(file, value, (index, *element), depth - 1)
        case ast.Subscript(value=value):
            return _produced(file, value, element, depth - 1)
        case ast.Tuple(elts=elts) | ast.List(elts=elts):
            match element:
                case (int(index), *rest) if -len(elts) <= index < len(elts):
                    return _produced(file, elts[index], tuple(rest), depth - 1)
        case ast.Dict(keys=keys, values=values):
            kept = [value for key, value in zip(keys, values, strict=True) if element and _is_key(key, element[0])]
            return _produced(file, kept[0], element[1:], depth - 1) if len(kept) == 1 and None not in keys else None
        case ast.IfExp(body=body, orelse=orelse):
            return _agreed(_produced(file, arm, element, depth - 1) for arm in (body, orelse))
        case ast.Await(value=value) | ast.NamedExpr(value=value):
            return _produced(file, value, element, depth - 1)
        case ast.Call():
            return _of_call(file, node, element, depth - 1)
    return None


def _is_key(key: ast.expr | None, wanted: int | str) -> bool:
    return isinstance(key, ast.Constant) and key.value == wanted


def _of_binding(file: File, found: Binding, element: Way, depth: int) -> Output | None:
    if found.kind == "parameter":
        return _of_parameter(file, found, element, depth)
    if found.kind not in ("assign", "walrus") or found.value is None:
        return None
    return _produced(file, found.value, (*found.index, *element), depth)


def _of_parameter(file: File, found: Binding, element: Way, depth: int) -> Output | None:
    """What the calls of a function in this file pass, if they agree."""
    function = file.enclosing(found.node, *FUNCTIONS)
    if not isinstance(function, FUNCTIONS) or len(callers(file, function)) > _MAX_CALLERS:
        return None
    given = (passed(file, call, function, found.name) for call in callers(file, function))
    return _agreed(_returned(file, value, element, depth) for value in given)


def _of_call(file: File, call: ast.Call, element: Way, depth: int) -> Output | None:
    name = file.qualified_name(call.func)
    if name is not None:
        function = _FUNCTION.fullmatch(name)
        if function is None:
            return None
        if function["op"] in PASS_THROUGH and call.args:
            return _produced(file, call.args[0], element, depth)
        return Output(_SPELLINGS.get(function["op"], function["op"]), call)
    body = callee(file, call)
    if body is not None:
        return _agreed(_returned(file, value, element, depth) for value in returned(body))
    owner, method = receiver(call), method_name(call)
    if owner is not None and method in PASS_THROUGH:
        return _produced(file, owner, element, depth)
    module = _of_module(file, call.func, call, element, depth)
    if module is None and method in ACTIVATIONS and constructor(file, call.func) is None:
        return Output(_SPELLINGS.get(method, method), call)
    return module


def _of_module(file: File, module: ast.expr, call: ast.Call, element: Way, depth: int) -> Output | None:
    if depth == 0:
        return None
    if isinstance(module, ast.Name) and module.id == self_name(file, module):
        return _of_forward(file, class_around(file, module), element, depth)
    made_by = constructor(file, module)
    if made_by is None:
        return None
    own = class_named(file, made_by.func)
    if own is not None:
        return _of_forward(file, own, element, depth)
    name = _MODULE.fullmatch(file.qualified_name(made_by.func) or "")
    if name is None:
        return None
    if name["op"] == "Sequential":
        last = None if _grows(file, module) else _last_layer(made_by)
        return None if last is None else _of_module(file, last, call, element, depth - 1)
    return Output(_snake_case(name["op"]), call, made_by)


def _of_forward(file: File, model: ClassModel | None, element: Way, depth: int) -> Output | None:
    """The op that makes what an instance returns when it is called."""
    if model is None:
        return None
    forward = model.method("forward") if model.is_module else model.method("__call__")
    values = [] if forward is None else returned(forward)
    return _agreed(_returned(file, value, element, depth - 1) for value in values)


def _returned(file: File, value: ast.expr | None, element: Way, depth: int) -> Output | None:
    return None if value is None else _produced(file, value, element, depth)


def _agreed(outputs: Iterable[Output | None]) -> Output | None:
    """The first of several outputs if all were made by the same op."""
    found = list(outputs)
    if not found or found[0] is None:
        return None
    return found[0] if all(other is not None and other.op == found[0].op for other in found) else None


def _last_layer(sequential: ast.Call) -> ast.expr | None:
    """The last layer written in `nn.Sequential(…)` or in the OrderedDict it is given."""
    match sequential.args:
        case [*_, ast.Starred()] | []:
            return None
        case [ast.Call(args=[ast.List(elts=[*_, ast.Tuple(elts=[_, layer])])])]:
            return layer
        case [ast.Call(args=[ast.Dict(values=[*_, layer])])]:
            return layer
        case [*_, layer]:
            return layer
    return None


def _grows(file: File, module: ast.expr) -> bool:
    """Whether layers are added to a Sequential after it was made."""
    return any(
        method_name(call) in ("append", "add_module", "extend", "insert") and same_expression(receiver(call), module)
        for call in file.nodes(ast.Call)
    )


def _snake_case(name: str) -> str:
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", re.sub(r"LU(?=\d|$)", "lu", name)).lower()
    return _SPELLINGS.get(name, {"log_sigmoid": "logsigmoid"}.get(name, name))
