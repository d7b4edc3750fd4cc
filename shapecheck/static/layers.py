"""Modules of `torch.nn`: made by their constructors, called through the op table; containers call what is in them."""

from __future__ import annotations

import ast

from shapecheck.core import ops
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import UNKNOWN, Repeated
from shapecheck.static.assignment import rebind
from shapecheck.static.contracts import flexible
from shapecheck.static.dispatch import Arguments, attributes, call, calls
from shapecheck.static.displays import elements
from shapecheck.static.environment import refreshed
from shapecheck.static.frame import Frame
from shapecheck.static.operations import apply_layer, constructed_layer, core_value
from shapecheck.static.values import Bound, Dict, Layer, Layers, Value

__all__ = ["is_layer", "made_layer"]

_CONTAINERS = {
    "torch.nn.Sequential": "Sequential",
    "torch.nn.ModuleList": "ModuleList",
    "torch.nn.ModuleDict": "ModuleDict",
    "torch.nn.ParameterList": "ModuleList",
    "torch.nn.ParameterDict": "ModuleDict",
}
_INTEGERS = frozenset(
    """in_features out_features in_channels out_channels num_features num_channels num_embeddings embedding_dim
    embed_dim normalized_shape input_size hidden_size d_model""".split()
)
"""Arguments of constructors that are integers for sure."""


def is_layer(name: str) -> bool:
    """Whether a name is a module of `torch.nn`, or of einops, that is known here."""
    return name in _CONTAINERS or ops.known_module(name)


def made_layer(name: str, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """What the constructor of a module gives."""
    if not arguments.complete:
        return UNKNOWN
    if name in _CONTAINERS:
        return _made_container(_CONTAINERS[name], arguments)
    layer = constructed_layer(name, arguments, node, frame)
    return UNKNOWN if layer is None else _with_integers(layer, arguments, frame)


def _with_integers(layer: Layer, arguments: Arguments, frame: Frame) -> Layer:
    """``nn.Linear(dim, 4)`` says that an unknown `dim` is an integer."""
    unknown = [key for key, value in layer.arguments.items() if key in _INTEGERS and value == UNKNOWN]
    if not unknown:
        return layer
    nodes = dict(zip(layer.arguments, arguments.nodes, strict=False)) | dict(arguments.keyword_nodes)
    sizes: dict[str, Value] = {}
    for key in unknown:
        match nodes.get(key):
            case ast.Name(id=name) | ast.Attribute(attr=name) as source:
                size = flexible(name)
                rebind(source, size, frame)
                sizes[key] = size
    return Layer(layer.name, {**layer.arguments, **sizes})


def _made_container(kind: str, arguments: Arguments) -> Value:
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
    """A parameter of a module, an argument that it was made with, or a method."""
    made_with = {key: core_value(refreshed(one, frame.state.facts)) for key, one in value.arguments.items()}
    state = ops.module_state(value.name, made_with)
    if name in state:
        return state[name]
    if isinstance(made_with.get(name), Size | tuple):
        return made_with[name]
    return Bound(value, name)


@calls(Layers)
def call_container(callee: Layers, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """`Sequential` hands each module's result to the next."""
    if callee.kind != "Sequential":
        return UNKNOWN
    content = callee.content
    modules = list(content.entries.values()) if isinstance(content, Dict) and not content.rest else elements(content)
    if modules is None:
        return UNKNOWN
    for module in modules:
        result = call(module, arguments, node, frame)
        arguments = Arguments((result,))
    return arguments.positional[0] if len(arguments.positional) == 1 else UNKNOWN


@calls(Layer)
def call_layer(callee: Layer, arguments: Arguments, node: ast.AST, frame: Frame) -> Value:
    """The module's forward."""
    layer = refreshed(callee, frame.state.facts)
    assert isinstance(layer, Layer)
    source = node.func if isinstance(node, ast.Call) else None
    return apply_layer(layer, arguments, source, node, frame)
