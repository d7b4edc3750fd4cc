"""Instances of the project's classes, known by their class only: `self`, parameters, and what constructors start from.

Such an instance has what `__init__` gives it when it is called with integers that aren't known: sizes of their own, the
same in all attributes. What other methods assign or fill isn't believed.
"""

from __future__ import annotations

import ast

from shapecheck.core.sizes import Size, Symbol, substitute, symbols
from shapecheck.core.tensors import BOOL, FLOAT, UNKNOWN
from shapecheck.static.annotations import read_hint, read_signature
from shapecheck.static.contracts import Scope, flexible, name_dims, promised
from shapecheck.static.declarations import ClassInfo, Signature, self_assignments
from shapecheck.static.dispatch import evaluate, execute_function
from shapecheck.static.environment import Environment
from shapecheck.static.frame import MOST_DEPTH, Caller, Exhausted, Frame, Run
from shapecheck.static.hints import ANY, ClassHint, ExternalHint, Hint, ScalarHint, UnionHint
from shapecheck.static.mutations import filled_attributes, is_container
from shapecheck.static.op_findings import has_tensor
from shapecheck.static.values import Dict, Object, Value, map_sizes, repeated

__all__ = ["after_init", "bind_parameters", "blank_of", "instance_of", "self_of"]


def instance_of(hint: Hint, label: str, frame: Frame) -> Value:
    """An instance, known by its class only."""
    match hint:
        case ClassHint(info):
            if any(name.startswith("enum.") for name in info.external_ancestors):
                return UNKNOWN
            return _with_sizes_of_its_own(_template(info, frame))
        case ExternalHint(name):
            return _external_instance(name)
    return UNKNOWN


def _external_instance(name: str) -> Value:
    return UNKNOWN


def self_of(info: ClassInfo, frame: Frame) -> Object:
    """The `self` of a method that is being checked."""
    return _with_sizes_of_its_own(_template(info, frame))


def _with_sizes_of_its_own(template: Object) -> Object:
    renamed: dict[Symbol, Size] = {}
    known: dict[Size, Size] = {}

    def fresh(size: Size) -> Size:
        if size not in known:
            own = (symbol for symbol in symbols(size) if not symbol.rigid and symbol not in renamed)
            renamed.update({symbol: flexible(symbol.name) for symbol in own})
            known[size] = substitute(size, renamed)
        return known[size]

    result = map_sizes(template, fresh)
    assert isinstance(result, Object)
    return result


def _template(info: ClassInfo, frame: Frame) -> Object:
    """What is known of every instance of a class."""
    if info.template is None:
        info.template = Object(info, {})  # an instance that holds one of its own class ends here
        run = Run(info.file, muted=1)
        try:
            built = _built(info, Frame(info.file, run, Environment(), depth=1))
        except Exhausted:
            return info.template
        assigned = self_assignments(info, outside_init=True) | _filled_later(info, built)
        fields = blank_of(info, Frame(info.file, Run(info.file, muted=1), Environment())).attributes
        annotated = {name for ancestor in info.project_ancestors for name in ancestor.fields}
        kept = {name: value for name, value in built.attributes.items() if name not in assigned}
        declared = {name: fields[name] if name in annotated else UNKNOWN for name in assigned}
        info.template = Object(info, {**kept, **declared})
    return info.template


def _filled_later(info: ClassInfo, built: Object) -> frozenset[str]:
    """The lists and dicts among an object's attributes that its methods fill, or that hold tensors to be replaced."""
    filled = {
        name
        for ancestor in info.project_ancestors
        for method in ancestor.methods.values()
        if method.name != "__init__"
        for name in filled_attributes(ancestor.file, method)
    }
    containers = {name: value for name, value in built.attributes.items() if is_container(value)}
    return frozenset(name for name, value in containers.items() if name in filled or has_tensor([value]))


def _built(info: ClassInfo, frame: Frame) -> Object:
    blank = blank_of(info, frame)
    found = info.method("__init__") or info.method("__post_init__") or info.method("setup")
    if found is None:
        return blank
    owner, node = found
    signature = read_signature(node, owner.file, owner)
    given = bind_parameters(signature, blank, frame)
    return after_init(signature, given, {}, blank, node, frame)


def blank_of(info: ClassInfo, frame: Frame) -> Object:
    """An instance with nothing but the annotated fields and the constants of its class and its bases."""
    if info.blank is None:
        info.blank = Object(info, {})  # a field that makes an instance of the class ends here
        info.blank = Object(info, _fields(info, frame))
    return _with_sizes_of_its_own(info.blank)


def _fields(info: ClassInfo, frame: Frame) -> dict[str, Value]:
    """The annotated fields and the constants of a class and its bases."""
    scope = Scope(read_field=lambda source: flexible(source))
    values: dict[str, Value] = {}
    for ancestor in reversed(list(info.project_ancestors)):
        hints = {name: read_hint(node, ancestor.file, ancestor) for name, node in ancestor.fields.items()}
        for name, hint in hints.items():
            name_dims(hint, scope, name)
        for name, hint in hints.items():
            values[name] = promised(hint, scope, name, lambda wanted, label: instance_of(wanted, label, frame))
        for name, node in ancestor.constants.items():
            if name not in ancestor.fields:
                inner = Frame(ancestor.file, Run(ancestor.file, muted=1), Environment(dict(values)))
                values[name] = evaluate(node, inner)
    return values


def bind_parameters(
    signature: Signature, receiver: Value, frame: Frame, scope: Scope | None = None
) -> dict[str, Value]:
    """What the parameters of a function stand for when nobody says with which arguments it is called."""
    scope = scope or Scope(read_field=lambda source: flexible(source))
    given: dict[str, Value] = {}

    def promise(hint: Hint, name: str) -> Value:
        return promised(hint, scope, name, lambda wanted, label: instance_of(wanted, label, frame))

    for parameter in signature.parameters:
        name_dims(parameter.hint, scope, parameter.name)
    for index, parameter in enumerate(signature.parameters):
        if index == 0 and receiver is not None and parameter.kind == "plain":
            given[parameter.name] = receiver
        elif parameter.kind in {"*args", "**kwargs"}:
            each = UNKNOWN if parameter.hint == ANY else promise(parameter.hint, parameter.name)
            given[parameter.name] = Dict({}, each) if parameter.kind == "**kwargs" else _some(each)
        elif parameter.hint == ANY:
            given[parameter.name] = _by_default(parameter.name, parameter.default)
        else:
            hint = parameter.hint
            if isinstance(parameter.default, ast.Constant) and parameter.default.value is None:
                hint = UnionHint((hint, ScalarHint("None"))) if not isinstance(hint, UnionHint) else hint
            given[parameter.name] = promise(hint, parameter.name)
    return given


def _some(each: Value) -> Value:
    """Any number of values that are alike."""
    return UNKNOWN if each == UNKNOWN else repeated(each, Size.unknown())


def _by_default(name: str, default: ast.expr | None) -> Value:
    """A parameter without annotation is of its default's type."""
    match default:
        case ast.Constant(value=bool()):
            return BOOL
        case ast.Constant(value=int()):
            return flexible(name)
        case ast.Constant(value=float()):
            return FLOAT
    return UNKNOWN


def after_init(
    signature: Signature, given: dict[str, Value], dims: dict[str, object], blank: Object, node: ast.AST, frame: Frame
) -> Object:
    """The object that ``__init__`` leaves behind."""
    run = frame.run
    if frame.depth >= MOST_DEPTH or signature.node in run.active or not signature.parameters:
        return blank
    env = Environment(given, dict(dims), frame.state.facts)  # type: ignore[arg-type]
    inner = Frame(signature.file, run, env, signature, None, Caller(frame, node), frame.depth + 1)
    exit_env = execute_function(signature.node, inner)
    if exit_env is None:
        return blank
    frame.state.facts = exit_env.facts
    after = exit_env.names.get(signature.parameters[0].name)
    return after if isinstance(after, Object) else blank
