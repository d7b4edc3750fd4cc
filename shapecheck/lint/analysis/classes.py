"""Classes of the file: their methods, the attributes that methods give `self`, and whether they are torch modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from shapecheck.lint.analysis.names import qualified_name
from shapecheck.lint.analysis.scopes import Binding, lookup, places_bound, scope_of
from shapecheck.lint.file import File, FunctionNode, per_file

_MAX_BASES = 20


@dataclass(slots=True, eq=False)
class ClassModel:
    """One class. `bases` are qualified names of classes from outside the file; `parents` the file's own."""

    node: ast.ClassDef
    bases: tuple[str, ...] = ()
    parents: tuple[ClassModel, ...] = ()
    methods: dict[str, FunctionNode] = field(default_factory=dict)
    attributes: dict[str, tuple[Binding, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.node.name

    def lineage(self) -> Iterator[ClassModel]:
        """This class, then the file's classes that it inherits from."""
        seen: list[ClassModel] = [self]
        for model in seen[:_MAX_BASES]:
            seen += [parent for parent in model.parents if parent not in seen]
        yield from seen[:_MAX_BASES]

    def method(self, name: str) -> FunctionNode | None:
        """A method of this class or of one of the file's classes that it inherits from."""
        return next((model.methods[name] for model in self.lineage() if name in model.methods), None)

    def attribute(self, name: str) -> tuple[Binding, ...]:
        """Every binding of `self.<name>` in this class, or in the nearest class of its lineage that has one."""
        return next((model.attributes[name] for model in self.lineage() if name in model.attributes), ())

    def derives_from(self, *qualified_names: str) -> bool:
        """Whether one of these is a base, directly or through classes of this file."""
        return any(base in qualified_names for model in self.lineage() for base in model.bases)

    @property
    def is_module(self) -> bool:
        """Whether this is a `torch.nn.Module`, as far as the file shows."""
        return any(
            base.startswith("torch.nn.") or base.endswith(".LightningModule")
            for model in self.lineage()
            for base in model.bases
        )


def class_model(file: File, node: ast.ClassDef) -> ClassModel:
    """What is known about a class of the file."""
    return _models(file)[node]


def class_around(file: File, node: ast.AST) -> ClassModel | None:
    """The class whose method or body holds this node."""
    found = file.class_(node)
    return None if found is None else class_model(file, found)


def class_named(file: File, node: ast.expr) -> ClassModel | None:
    """The class of this file that an expression names (not an instance of it)."""
    if not isinstance(node, ast.Name):
        return None
    found = lookup(scope_of(file, node), node.id)
    if len(found) == 1 and isinstance(found[0].node, ast.ClassDef):
        return class_model(file, found[0].node)
    return None


def self_name(file: File, node: ast.AST) -> str | None:
    """What the method around this node calls its instance: the first parameter, None outside methods."""
    function = file.function(node)
    return None if function is None else _self_in(file, function)


@per_file
def _self_in(file: File, function: FunctionNode) -> str | None:
    method = _method_around(file, function)
    if method is None or any(qualified_name(file, d) == "builtins.staticmethod" for d in method.decorator_list):
        return None
    positional = [*method.args.posonlyargs, *method.args.args]
    return positional[0].arg if positional else None


@per_file
def attribute_bindings(file: File, node: ast.Attribute) -> tuple[Binding, ...]:
    """Every binding in the class of the attribute read by `self.x`; empty for other objects."""
    if not isinstance(node.value, ast.Name) or node.value.id != self_name(file, node):
        return ()
    model = class_around(file, node)
    return () if model is None else model.attribute(node.attr)


def _method_around(file: File, inner: FunctionNode) -> FunctionNode | None:
    """The function directly in a class that this one is, or whose code holds it."""
    function: FunctionNode | None = inner
    while function is not None and not isinstance(file.parent(function), ast.ClassDef):
        function = file.function(function)
    return function


@per_file
def _models(file: File) -> dict[ast.ClassDef, ClassModel]:
    models = {node: ClassModel(node) for node in file.nodes(ast.ClassDef)}
    for model in models.values():
        _link(file, model, models)
        for statement in model.node.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                model.methods.setdefault(statement.name, statement)
    for node in file.nodes(ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For, ast.With, ast.NamedExpr):
        _collect(file, node, models)
    return models


def _link(file: File, model: ClassModel, models: dict[ast.ClassDef, ClassModel]) -> None:
    bases, parents = [], []
    for base in model.node.bases:
        found = lookup(scope_of(file, base), base.id) if isinstance(base, ast.Name) else []
        own = [models[b.node] for b in found if isinstance(b.node, ast.ClassDef) and b.node is not model.node]
        parents += own[:1]
        name = None if own else qualified_name(file, base)
        bases += [] if name is None else [name]
    model.bases, model.parents = tuple(bases), tuple(parents)


def _collect(file: File, node: ast.AST, models: dict[ast.ClassDef, ClassModel]) -> None:
    """Add what a statement binds on `self`, or in the class body, to the class's attributes."""
    for target, bound in places_bound(node):
        match target:
            case ast.Attribute(value=ast.Name(id=owner), attr=attr):
                around = file.class_(node)
                if around is None or owner != self_name(file, node):
                    continue
            case ast.Name(id=attr):
                around = file.parent(node) if isinstance(file.parent(node), ast.ClassDef) else None  # type: ignore[assignment]
                if around is None:
                    continue
            case _:
                continue
        attributes = models[around].attributes
        attributes[attr] = (*attributes.get(attr, ()), bound)
