"""Train and eval mode: who switches which model, and which calls of a model certainly run in eval mode.

model.eval()                 Switch "eval" of `model`        model.train(False)    Switch "eval"
model.train()                Switch "train"                  model.train(mode)     Switch "given": either
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Literal

from shapecheck.lint.analysis.calls import argument, method_name, receiver
from shapecheck.lint.analysis.classes import ClassModel, class_named
from shapecheck.lint.analysis.flow import comes_first, same_expression, same_value
from shapecheck.lint.analysis.objects import constructor
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.file import File, per_file

_PLAIN_LAYERS = frozenset(
    f"torch.nn.{name}"
    for name in "Linear Bilinear Identity Flatten Embedding Sequential Conv1d Conv2d Conv3d ConvTranspose2d MaxPool1d"
    " MaxPool2d AvgPool2d AdaptiveAvgPool2d ReLU LeakyReLU GELU SiLU ELU Tanh Sigmoid Softmax LogSoftmax LayerNorm"
    " GroupNorm RNN LSTM GRU RNNCell LSTMCell GRUCell Parameter".split()
)
_ASKS_MODE = re.compile(r"drop|training|ModuleList|ModuleDict|add_module|Lazy", re.IGNORECASE)
_HAS_MODE = re.compile(r"nn\.(?:Dropout|BatchNorm|AlphaDropout)|F\.dropout\([^)]*self\.training")
_TORCHVISION = re.compile(r"torchvision\.models\.(?:\w+\.)*(?:resnet|densenet|mobilenet|efficientnet|inception|vgg)\w*")
_SAME_MODEL = frozenset({"to", "cuda", "cpu", "float", "half", "double", "eval", "train"})
_FLAG = re.compile(r"train|mode|eval|phase", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Switch:
    """One call that switches a model."""

    call: ast.Call
    model: ast.expr
    mode: Literal["train", "eval", "given"]


@per_file
def switch(file: File, call: ast.Call) -> Switch | None:
    """What a call does to the mode of a model, if anything."""
    model, method = receiver(call), method_name(call)
    if model is None or method not in ("eval", "train") or len(call.args) + len(call.keywords) > 1:
        return None
    model = _unwrapped(model)
    flag = argument(call, 0, "mode")
    match flag:
        case None if not call.args and not call.keywords:
            return Switch(call, model, "eval" if method == "eval" else "train")
        case ast.Constant(value=bool(on)) if method == "train":
            return Switch(call, model, "train" if on else "eval")
        case ast.expr() if method == "train" and _FLAG.search(file.text(flag)):
            return Switch(call, model, "given")
    return None


def _unwrapped(model: ast.expr) -> ast.expr:
    """`model` of `model.to(device).train()`."""
    while isinstance(model, ast.Call) and method_name(model) in _SAME_MODEL and isinstance(model.func, ast.Attribute):
        model = model.func.value
    return model


@per_file
def switches(file: File) -> tuple[Switch, ...]:
    """Every switch of a file, in source order."""
    found = (switch(file, call) for call in file.nodes(ast.Call))
    return tuple(item for item in found if item is not None)


@per_file
def evaluated_by(file: File, call: ast.Call) -> Switch | None:
    """The `.eval()` under which a call of a model certainly runs, in the same function and with no switch back."""
    model = receiver(call) if method_name(call) == "forward" else call.func
    if model is None or place(model) is None:
        return None
    here = (item for item in switches(file) if file.function(item.call) is file.function(call))
    own = [item for item in here if same_expression(item.model, model)]
    for item in own:
        if item.mode == "eval" and comes_first(file, item.call, call) and same_value(file, item.model, model):
            back = (other for other in own if other.mode != "eval")
            if not any(item.call.lineno <= other.call.lineno <= call.lineno for other in back):
                return item
    return None


def ignores_mode(file: File, model: ast.expr) -> bool:
    """Whether a model is certainly made of layers that do the same in both modes."""
    made_by = constructor(file, model)
    return made_by is not None and _is_plain_layer(file, made_by, frozenset())


def _is_plain_layer(file: File, made_by: ast.Call, seen: frozenset[ast.AST]) -> bool:
    name = file.qualified_name(made_by.func)
    if name is not None:
        plain = name in _PLAIN_LAYERS and not any(keyword.arg == "dropout" for keyword in made_by.keywords)
        return plain and all(_is_plain_layer(file, arg, seen) for arg in made_by.args if isinstance(arg, ast.Call))
    own = class_named(file, made_by.func)
    return own is not None and own.node not in seen and _is_plain_class(file, own, seen | {own.node})


def _is_plain_class(file: File, model: ClassModel, seen: frozenset[ast.AST]) -> bool:
    """Whether all that a class makes in its methods is plain, and it doesn't ask for its mode itself."""
    if model.bases != ("torch.nn.Module",) or model.parents or _ASKS_MODE.search(file.text(model.node)):
        return False
    made = (binding.value for bound in model.attributes.values() for binding in bound)
    return all(not isinstance(value, ast.Call) or _is_plain_layer(file, value, seen) for value in made)


def depends_on_mode(file: File, model: ast.expr) -> bool:
    """Whether a model certainly has dropout or batch norm: of a class of this file, or one of torchvision's."""
    made_by = constructor(file, model)
    if made_by is None:
        return False
    own = class_named(file, made_by.func)
    if own is not None:
        return own.is_module and _HAS_MODE.search(file.text(own.node)) is not None
    return _TORCHVISION.fullmatch(file.qualified_name(made_by.func) or "") is not None
