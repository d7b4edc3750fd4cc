"""Classes of the project: instances, their attributes from `__init__` and from annotations, their methods.

An instance that comes from elsewhere (`self`, a parameter) has what `__init__` gives it when it is called with integers
that aren't known: sizes of their own, the same in all attributes. What other methods assign isn't believed.
"""

from __future__ import annotations

import ast

from shapecheck.core.sizes import Size, Symbol, substitute, symbols
from shapecheck.core.tensors import BOOL, FLOAT, UNKNOWN
from shapecheck.static.annotations import read_hint, read_signature
from shapecheck.static.binding import bind_arguments, check_fields, checked
from shapecheck.static.contracts import Scope, flexible, name_dims, promised
from shapecheck.static.declarations import ClassInfo, Signature, self_assignments
from shapecheck.static.dispatch import Arguments, attribute, attributes, call, calls, evaluate, execute
from shapecheck.static.environment import Environment, refreshed
from shapecheck.static.frame import MOST_DEPTH, Caller, Exhausted, Frame, Run, joined_exits
from shapecheck.static.hints import ANY, ClassHint, ExternalHint, Hint, ScalarHint, UnionHint
from shapecheck.static.layers import is_layer, made_layer
from shapecheck.static.mutations import filled_attributes, is_container, patched
from shapecheck.static.op_findings import has_tensor
from shapecheck.static.project import dotted_name
from shapecheck.static.tensor_values import call_method
from shapecheck.static.values import (
    Bound,
    ClassValue,
    Dict,
    Function,
    Object,
    Super,
    Value,
    map_sizes,
    repeated,
)

__all__ = ["bind_parameters", "constructed", "instance_of", "self_of"]

_MODULE_METHODS = frozenset(
    """to cuda cpu float half double bfloat16 type eval train requires_grad_ register_buffer register_parameter
    add_module register_module parameters named_parameters buffers named_buffers modules named_modules children
    named_children apply state_dict load_state_dict zero_grad compile get_parameter get_buffer get_submodule""".split()
)


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
        fields = _blank(info, Frame(info.file, Run(info.file, muted=1), Environment())).attributes
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
    blank = _blank(info, frame)
    found = info.method("__init__") or info.method("__post_init__") or info.method("setup")
    if found is None:
        return blank
    owner, node = found
    signature = read_signature(node, owner.file, owner)
    given = bind_parameters(signature, blank, frame)
    return _after_init(signature, given, {}, blank, node, frame)


def _blank(info: ClassInfo, frame: Frame) -> Object:
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


def _after_init(
    signature: Signature, given: dict[str, Value], dims: dict[str, object], blank: Object, node: ast.AST, frame: Frame
) -> Object:
    """The object that ``__init__`` leaves behind."""
    run = frame.run
    if frame.depth >= MOST_DEPTH or signature.node in run.active or not signature.parameters:
        return blank
    env = Environment(given, dict(dims), frame.state.facts)  # type: ignore[arg-type]
    inner = Frame(signature.file, run, env, signature, None, Caller(frame, node), frame.depth + 1)
    run.active.append(signature.node)
    recording, run.recording = run.recording, False
    try:
        execute(signature.node.body, inner)
    finally:
        run.active.pop()
        run.recording = recording
    if inner.env is not None:
        inner.returned.append((None, inner.leave()))
    exit_env = joined_exits(inner.returned)
    if exit_env is None:
        return blank
    frame.state.facts = exit_env.facts
    after = exit_env.names.get(signature.parameters[0].name)
    return after if isinstance(after, Object) else blank


@calls(ClassValue)
def construct(callee: ClassValue, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """An instance of a class of the project, made with these arguments."""
    return constructed(callee.info, arguments, node, frame)


def constructed(info: ClassInfo, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """An instance, its attributes from the arguments where they are known."""
    if any(name.startswith("enum.") for name in info.external_ancestors):
        return UNKNOWN
    if frame.depth >= MOST_DEPTH or frame.run.exhausted:
        return instance_of(ClassHint(info), info.name, frame)
    blank = _blank(info, frame)
    found = info.method("__init__")
    if found is None:
        if info.is_dataclass:
            return _from_fields(info, blank, arguments, node, frame)
        name = _layer_of(info)
        layer = made_layer(name, arguments, node, frame) if name else UNKNOWN
        return Object(info, {**blank.attributes, LAYER: layer}) if name else blank
    owner, definition = found
    signature = read_signature(definition, owner.file, owner)
    bound = bind_arguments(signature, arguments.after(blank))
    if bound is None:
        return instance_of(ClassHint(info), info.name, frame)
    given, nodes = bound
    scope = checked(signature, given, nodes, node, frame)
    if scope is None:
        return instance_of(ClassHint(info), info.name, frame)
    given = _of_the_promised_kind(signature, given, frame)
    return _after_init(signature, given, dict(scope.sizes), blank, node, frame)


def _of_the_promised_kind(signature: Signature, given: dict[str, Value], frame: Frame) -> dict[str, Value]:
    """Where nothing is known of an argument, it is what its parameter's annotation says."""
    unknown = [one for one in signature.parameters if given.get(one.name) == UNKNOWN and one.hint != ANY]
    if not unknown:
        return given
    promises = bind_parameters(signature, None, frame)
    return {**given, **{one.name: promises[one.name] for one in unknown}}


def _from_fields(info: ClassInfo, blank: Object, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """What a dataclass's own ``__init__`` makes: its fields from the arguments, in order."""
    names = list(dict.fromkeys(name for one in reversed(list(info.project_ancestors)) for name in one.fields))
    if not arguments.complete or len(arguments.positional) > len(names):
        return blank
    given = dict(zip(names, arguments.positional, strict=False)) | dict(arguments.keywords)
    nodes = dict(zip(names, arguments.nodes, strict=False)) | dict(arguments.keyword_nodes)
    check_fields(info, given, nodes, node, frame)
    values = {name: value for name, value in given.items() if value != UNKNOWN and name in names}
    made = Object(info, {**blank.attributes, **values})
    found = info.method("__post_init__")
    if found is None:
        return made
    owner, definition = found
    signature = read_signature(definition, owner.file, owner)
    if len(signature.parameters) != 1:
        return made
    return _after_init(signature, {signature.parameters[0].name: made}, {}, made, node, frame)


@attributes(Object)
def read_attribute(value: Object, name: str, node: ast.AST, frame: Frame) -> Value:
    """An attribute of an instance: its own, a method, a property, a class's constant."""
    info = value.info
    if name in value.attributes:
        return refreshed(value.attributes[name], frame.state.facts)
    found = info.method(name)
    if found is not None:
        owner, definition = found
        signature = read_signature(definition, owner.file, owner)
        bound = Function(signature, receiver=value)
        if signature.decorated("property", "cached_property"):
            return call(bound, Arguments(), node, frame)
        if _is_patched(info, frame):
            return UNKNOWN
        return Function(signature) if signature.decorated("staticmethod") else bound
    if LAYER in value.attributes:
        return attribute(value.attributes[LAYER], name, node, frame)
    if name == "training" and info.is_module:
        return BOOL
    if name == "__class__":
        return ClassValue(info)
    if info.is_module and name in _MODULE_METHODS:
        return Bound(value, name)
    return UNKNOWN


def _is_patched(info: ClassInfo, frame: Frame) -> bool:
    """Whether the file under check replaces a method of some object, which may be of this class."""
    methods = (found[1] for name in patched(frame.run.root) if (found := info.method(name)))
    return not all(any(_makes_property(decorator) for decorator in method.decorator_list) for method in methods)


def _makes_property(decorator: ast.expr) -> bool:
    return (dotted_name(decorator) or "").rpartition(".")[2] in {"property", "cached_property", "setter"}


@attributes(Super)
def read_of_super(value: Super, name: str, node: ast.AST, frame: Frame) -> Value:
    """The next method of that name in the order of the bases."""
    order = list(value.receiver.info.project_ancestors)
    after = order[order.index(value.owner) + 1 :] if value.owner in order else []
    for ancestor in after:
        if name in ancestor.methods:
            return Function(read_signature(ancestor.methods[name], ancestor.file, ancestor), receiver=value.receiver)
    layer = _layer_of(value.receiver.info)
    if name == "__init__" and layer is not None:
        return Bound(value, name)
    return value.receiver.attributes.get(LAYER, UNKNOWN) if name in {"forward", "__call__"} else UNKNOWN


LAYER = "<layer>"
"""The attribute that holds the `torch.nn` module which an instance is, besides being of a class of the project."""


def _layer_of(info: ClassInfo) -> str | None:
    """The module of `torch.nn` that a class derives from, if it is a known one."""
    return next((name for name in info.external_ancestors if is_layer(name)), None)


@calls(Bound)
def call_bound(callee: Bound, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """A method of a tensor or a sequence; ``super().__init__(...)`` makes the layer that an object is."""
    if not isinstance(callee.receiver, Super):
        return call_method(callee, arguments, node, frame)
    name = _layer_of(callee.receiver.receiver.info)
    signature = frame.signature
    filled_later = not arguments.positional and not arguments.keywords
    if name is not None and not filled_later and signature is not None and signature.parameters:
        layer = made_layer(name, arguments, node, frame)
        receiver = frame.state.names.get(signature.parameters[0].name)
        if isinstance(receiver, Object):
            with_layer = Object(receiver.info, {**receiver.attributes, LAYER: layer})
            frame.state.bind(signature.parameters[0].name, with_layer, signature.node.lineno)
    return None


@attributes(ClassValue)
def read_of_class(value: ClassValue, name: str, node: ast.AST, frame: Frame) -> Value:
    """A method of a class, or one of its constants."""
    found = value.info.method(name)
    if found is not None:
        owner, definition = found
        signature = read_signature(definition, owner.file, owner)
        return Function(signature, receiver=value if signature.decorated("classmethod") else None)
    if any(base.startswith("enum.") for base in value.info.external_ancestors):
        return UNKNOWN
    for ancestor in value.info.project_ancestors:
        if name in ancestor.constants:
            run = Run(ancestor.file, muted=1)
            return evaluate(ancestor.constants[name], Frame(ancestor.file, run, Environment()))
    return UNKNOWN


@calls(Object)
def call_object(callee: Object, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """``instance(...)``: `__call__`, or the `forward` of a module."""
    for name in ("__call__", "forward"):
        if name in callee.attributes:
            return call(callee.attributes[name], arguments, node, frame)
        if _is_patched(callee.info, frame):
            return UNKNOWN
        found = callee.info.method(name)
        if found is not None and (name == "__call__" or callee.info.is_module or not callee.info.known_whole()):
            owner, definition = found
            return call(
                Function(read_signature(definition, owner.file, owner), receiver=callee), arguments, node, frame
            )
    return call(callee.attributes[LAYER], arguments, node, frame) if LAYER in callee.attributes else UNKNOWN
