"""What the rules of group `module` share: which assignments make a layer or parameter part of a module."""

import ast
from collections.abc import Iterator

from shapecheck.lint import File
from shapecheck.lint.analysis.calls import method_name, own_nodes
from shapecheck.lint.analysis.classes import class_model, class_named, self_name
from shapecheck.lint.analysis.scopes import lookup, scope_of
from shapecheck.lint.file import FunctionNode

_NOT_LAYERS = ("torch.nn.functional.", "torch.nn.init.", "torch.nn.utils.")


def makes_module(file: File, value: ast.expr | None) -> bool:
    """Whether an expression certainly constructs a torch module: `nn.Linear(…)`, this file's `Block(…)`."""
    if not isinstance(value, ast.Call):
        return False
    own = class_named(file, value.func)
    if own is not None:
        return own.is_module
    name = file.qualified_name(value.func) or ""
    return (
        name.startswith("torch.nn.")
        and name[9:10].isupper()
        and not name.startswith(_NOT_LAYERS)
        and not (name.startswith(("torch.nn.Parameter", "torch.nn.UninitializedParameter", "torch.nn.Buffer")))
    )


def makes_parameter(file: File, value: ast.expr | None) -> bool:
    """Whether an expression certainly constructs a parameter."""
    return isinstance(value, ast.Call) and file.qualified_name(value.func) in {
        "torch.nn.Parameter",
        "torch.nn.parameter.Parameter",
    }


def bare_module_init(file: File, node: ast.ClassDef) -> FunctionNode | None:
    """The `__init__` of a class whose only base is `torch.nn.Module` itself, imported by that name.

    What a star import calls `Module` may be another class: fastai's initializes itself.
    """
    if len(node.bases) != 1 or node.keywords or getattr(node.bases[0], "attr", "Module") != "Module":
        return None
    model = class_model(file, node)
    if model.bases != ("torch.nn.Module",) or model.parents:
        return None
    match node.bases[0]:
        case ast.Name(id=name) if not lookup(scope_of(file, node.bases[0]), name):
            return None
    return model.methods.get("__init__")


def initializations(file: File, init: FunctionNode) -> Iterator[ast.Call]:
    """Calls that initialize the module: `super().__init__()`, `nn.Module.__init__(self)`, or anything like them."""
    for node in own_nodes(init):
        match node:
            case ast.Call(func=ast.Attribute(value=owner)) if method_name(node) == "__init__":
                if not (isinstance(owner, ast.Call) and file.qualified_name(owner.func) != "builtins.super"):
                    yield node


def initializes_module(file: File, init: FunctionNode) -> bool:
    return any(True for _ in initializations(file, init))


def registrations(file: File, init: FunctionNode) -> Iterator[ast.Attribute]:
    """The `self.x` of every assignment in `__init__` that registers a layer or a parameter."""
    for node in own_nodes(init):
        match node:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=owner)) as target], value=value):
                if owner == self_name(file, node) and (makes_module(file, value) or makes_parameter(file, value)):
                    yield target
