"""Modules of `torch.nn`: made by their constructors, called through the op table; containers call what is in them."""

from __future__ import annotations

import ast

from shapecheck.core.tensors import UNKNOWN, Repeated
from shapecheck.static.dispatch import Arguments, attributes, call, calls
from shapecheck.static.displays import elements
from shapecheck.static.frame import Frame
from shapecheck.static.values import Bound, Dict, Layer, Layers, Value

__all__ = ["LAYERS", "made_layer"]

_CONTAINERS = {
    "torch.nn.Sequential": "Sequential",
    "torch.nn.ModuleList": "ModuleList",
    "torch.nn.ModuleDict": "ModuleDict",
    "torch.nn.ParameterList": "ModuleList",
    "torch.nn.ParameterDict": "ModuleDict",
}
LAYERS = frozenset(_CONTAINERS)


def made_layer(name: str, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """What the constructor of a layer or a container gives."""
    kind = _CONTAINERS.get(name)
    if kind is None:
        return UNKNOWN
    if not arguments.complete:
        return UNKNOWN
    given = arguments.positional
    if kind == "Sequential" and not (len(given) == 1 and isinstance(given[0], Dict)):
        return Layers(kind, list(given))
    if not given:
        return Layers(kind, Dict({}) if kind == "ModuleDict" else [])
    content = given[0]
    if kind == "ModuleList" and not isinstance(content, Repeated):
        known = elements(content)
        content = known if known is not None else UNKNOWN
    return Layers(kind, content)


@attributes(Layers)
def read_of_container(value: Layers, name: str, node: ast.AST, frame: Frame) -> Value:
    if isinstance(value.content, Dict) and name in value.content.entries:
        return value.content.entries[name]
    return Bound(value, name)


@attributes(Layer)
def read_of_layer(value: Layer, name: str, node: ast.AST, frame: Frame) -> Value:
    return Bound(value, name)


@calls(Layers)
def call_container(callee: Layers, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """`Sequential` hands each module's result to the next."""
    if callee.kind != "Sequential":
        return UNKNOWN
    content = callee.content
    modules = (
        list(content.entries.values()) if isinstance(content, Dict) and content.rest is None else elements(content)
    )
    if modules is None:
        return UNKNOWN
    for module in modules:
        result = call(module, arguments, node, frame)
        arguments = Arguments((result,))
    return arguments.positional[0] if len(arguments.positional) == 1 else UNKNOWN


@calls(Layer)
def call_layer(callee: Layer, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    return UNKNOWN
