"""Classes of the project at work: instances that are made and called, their attributes, methods and properties."""

from __future__ import annotations

import ast

from shapecheck.core.tensors import BOOL, UNKNOWN
from shapecheck.static.annotations import read_signature
from shapecheck.static.binding import bind_arguments, check_fields, checked
from shapecheck.static.declarations import ClassInfo, Signature
from shapecheck.static.dispatch import Arguments, attribute, attributes, call, calls, evaluate
from shapecheck.static.environment import Environment, refreshed
from shapecheck.static.frame import MOST_DEPTH, Frame, Run
from shapecheck.static.hints import ANY, ClassHint
from shapecheck.static.instances import after_init, bind_parameters, blank_of, instance_of
from shapecheck.static.layers import is_layer, made_layer
from shapecheck.static.mutations import patched
from shapecheck.static.project import dotted_name
from shapecheck.static.tensor_values import call_method
from shapecheck.static.values import Bound, ClassValue, Function, Object, Super, Value

__all__ = ["constructed"]

_MODULE_METHODS = frozenset(
    """to cuda cpu float half double bfloat16 type eval train requires_grad_ register_buffer register_parameter
    add_module register_module parameters named_parameters buffers named_buffers modules named_modules children
    named_children apply state_dict load_state_dict zero_grad compile get_parameter get_buffer get_submodule""".split()
)


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
    blank = blank_of(info, frame)
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
    return after_init(signature, given, dict(scope.sizes), blank, node, frame)


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
    return after_init(signature, {signature.parameters[0].name: made}, {}, made, node, frame)


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
