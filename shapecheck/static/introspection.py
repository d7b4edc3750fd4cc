"""What asks a value for its type or its attributes, and what gives it back as it is, on abstract values."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from shapecheck.core.sizes import Size
from shapecheck.core.tensors import BOOL, UNKNOWN, Opaque, TensorValue
from shapecheck.static.annotations import read_hint
from shapecheck.static.assignment import rebind
from shapecheck.static.builtin_functions import builtin
from shapecheck.static.dispatch import Arguments, attribute
from shapecheck.static.frame import Frame
from shapecheck.static.promises import hold
from shapecheck.static.values import (
    Choice,
    ClassValue,
    Dict,
    ExternalName,
    Function,
    Lambda,
    Layer,
    Layers,
    Object,
    Super,
    Value,
)

_TYPES: Mapping[str, tuple[type, ...]] = {
    "builtins.int": (Size, bool),
    "builtins.float": (float,),
    "builtins.bool": (bool,),
    "builtins.str": (str,),
    "builtins.list": (list,),
    "builtins.tuple": (tuple,),
    "builtins.dict": (Dict,),
    "torch.Tensor": (TensorValue,),
    "torch.nn.Module": (Layer, Layers),
    "torch.nn.ModuleList": (),
    "torch.nn.Parameter": (),
    "numpy.ndarray": (),
}
_OPAQUE = {"float": "builtins.float", "bool": "builtins.bool", "str": "builtins.str"}
_KNOWN_KINDS = (TensorValue, Size, bool, float, str, tuple, list, Dict, Layer, Layers, Function, Lambda)


@builtin("builtins.isinstance")
def instance_test(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    if len(arguments.positional) != 2:
        return BOOL
    value, kinds = arguments.positional
    verdicts = [_is_instance(value, kind) for kind in (kinds if isinstance(kinds, tuple) else (kinds,))]
    return True if True in verdicts else BOOL if None in verdicts else False


def _is_instance(value: Value, kind: Value) -> bool | None:
    if value is None:
        return kind == ExternalName("types.NoneType")
    if isinstance(value, Choice):
        verdicts = {_is_instance(option, kind) for option in value.options}
        return verdicts.pop() if len(verdicts) == 1 else None
    match value, kind:
        case (Object(info), ClassValue(wanted)):
            return True if wanted in info.ancestors() else None if info in wanted.ancestors() else _unrelated(value)
        case (Object(info), ExternalName("torch.nn.Module")):
            return True if info.is_module else _unrelated(value)
        case (Object(info), ExternalName(name)):
            return True if name in set(info.external_ancestors) else _unrelated(value)
        case (Opaque(kind_name), ExternalName(name)) if kind_name in _OPAQUE:
            return name == _OPAQUE[kind_name]
        case (TensorValue(), ExternalName("torch.nn.Parameter")):
            return None
        case (_, ExternalName(name)) if isinstance(value, _KNOWN_KINDS) and name in _TYPES:
            return type(value) in _TYPES[name] or isinstance(value, _TYPES[name])
        case (Layer(own), ExternalName(name)) if name.startswith("torch.nn."):
            return True if own == name else None
        case (_, ClassValue(wanted)) if isinstance(value, _KNOWN_KINDS) and not isinstance(value, TensorValue | Layer):
            return False if wanted.known_whole() else None
    return None


def _unrelated(value: Object) -> bool | None:
    """Another class, unless something is hidden among the bases or a subclass was passed."""
    return None


@builtin("builtins.hasattr")
def has_attribute(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    match arguments.positional:
        case (Object(_, known), str(name)) if name in known:
            return True
        case (TensorValue() | Size() | str() | float() | None, str(name)) if name not in {"grad_fn"}:
            return BOOL
    return BOOL


@builtin("builtins.getattr")
def get_attribute(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    match arguments.positional:
        case (value, str(name), *default):
            found = attribute(value, name, node, frame)
            return found if found != UNKNOWN or not default else UNKNOWN
    return UNKNOWN


@builtin("builtins.setattr")
def set_attribute(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    match arguments.positional, arguments.nodes:
        case [_, str(name), value], [ast.expr() as target, _, _]:
            rebind(ast.copy_location(ast.Attribute(target, name, ast.Store()), target), value, frame)
    return None


@builtin("builtins.super")
def parent_of(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    signature = frame.signature
    if signature is None or signature.owner is None or not signature.parameters or frame.env is None:
        return UNKNOWN
    receiver = frame.env.names.get(signature.parameters[0].name)
    return Super(receiver, signature.owner) if isinstance(receiver, Object) else UNKNOWN


@builtin("copy.copy", "copy.deepcopy", "torch.jit.script", "torch.compile", "functools.wraps")
@builtin("torch.nn.Parameter", "torch.nn.Buffer", "torch.nn.utils.weight_norm", "torch.nn.utils.spectral_norm")
@builtin("torch.nn.utils.parametrizations.weight_norm", "torch.nn.utils.parametrizations.spectral_norm")
def unchanged(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    first = arguments.positional[0] if arguments.positional else arguments.keywords.get("data", UNKNOWN)
    return first


@builtin("shapecheck.check")
def held(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """``check(x, Float[Tensor, "b d"])`` is `x`, which has that shape."""
    match arguments.positional, arguments.nodes:
        case ([value, _], [ast.expr() as name, ast.expr() as annotation]):
            owner = frame.signature.owner if frame.signature else None
            return hold(value, read_hint(annotation, frame.file, owner), name, node, name, frame)
    return arguments.positional[0] if arguments.positional else UNKNOWN


@builtin("typing.cast")
def cast(arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    return arguments.positional[1] if len(arguments.positional) == 2 else UNKNOWN
