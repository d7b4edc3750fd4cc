"""Functions and classes of the project as they are declared: signatures, bases, fields, what is assigned where."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shapecheck.static.hints import ANY, Hint, tensors
from shapecheck.static.mutations import assigned_attributes
from shapecheck.static.project import Defined, External, SourceFile, dotted_name

if TYPE_CHECKING:
    from shapecheck.static.values import Object

__all__ = [
    "ClassInfo",
    "FunctionNode",
    "Parameter",
    "Signature",
    "class_info",
    "is_stub",
    "own_nodes",
    "self_assignments",
]

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; `kind` is "plain", "keyword", "*args" or "**kwargs"."""

    name: str
    hint: Hint
    kind: str = "plain"
    default: ast.expr | None = None
    annotation: ast.expr | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Signature:
    """A function of the project as its `def` declares it."""

    node: FunctionNode
    file: SourceFile
    parameters: tuple[Parameter, ...]
    returns: Hint = ANY
    owner: ClassInfo | None = None
    is_generator: bool = False

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def label(self) -> str:
        """The name as messages write it: ``Block.forward``."""
        return f"{self.owner.name}.{self.name}" if self.owner else self.name

    @property
    def decorators(self) -> Iterator[str]:
        """The dotted names of the decorators."""
        for node in self.node.decorator_list:
            yield dotted_name(node.func if isinstance(node, ast.Call) else node) or ""

    def decorated(self, *names: str) -> bool:
        """Whether a decorator's last name is one of these."""
        return any(decorator.rpartition(".")[2] in names for decorator in self.decorators)

    @property
    def is_annotated(self) -> bool:
        """Whether any shape is promised."""
        hints = [*(parameter.hint for parameter in self.parameters), self.returns]
        return any(True for hint in hints for _ in tensors(hint))


@dataclass(slots=True, eq=False)
class ClassInfo:
    """A class of the project: its own members, and its bases as far as they are known."""

    name: str
    node: ast.ClassDef
    file: SourceFile
    methods: Mapping[str, FunctionNode] = field(init=False)
    fields: Mapping[str, ast.expr] = field(init=False)
    constants: Mapping[str, ast.expr] = field(init=False)
    template: Object | None = field(default=None, init=False)
    blank: Object | None = field(default=None, init=False)
    _ancestors: tuple[ClassInfo | External | None, ...] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        body = self.node.body
        self.methods = {node.name: node for node in body if isinstance(node, FunctionNode)}
        named = [node for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]
        self.fields = {node.target.id: node.annotation for node in named if isinstance(node.target, ast.Name)}
        assigned = {node.target.id: node.value for node in named if isinstance(node.target, ast.Name) and node.value}
        for node in body:
            if isinstance(node, ast.Assign):
                assigned.update({target.id: node.value for target in node.targets if isinstance(target, ast.Name)})
        self.constants = assigned

    def ancestors(self) -> tuple[ClassInfo | External | None, ...]:
        """The class itself and its bases, nearest first; None for a base that nothing is known about."""
        if self._ancestors is None:
            self._ancestors = (self,)  # a class that is its own base ends here
            self._ancestors = (self, *dict.fromkeys(_bases(self)))
        return self._ancestors

    @property
    def project_ancestors(self) -> Iterator[ClassInfo]:
        return (ancestor for ancestor in self.ancestors() if isinstance(ancestor, ClassInfo))

    @property
    def external_ancestors(self) -> Iterator[str]:
        return (ancestor.name for ancestor in self.ancestors() if isinstance(ancestor, External))

    @property
    def is_module(self) -> bool:
        """Whether it derives from `torch.nn.Module`, as far as can be seen."""
        names = set(self.external_ancestors)
        return any(name.startswith("torch.nn.") or name.endswith("LightningModule") for name in names)

    @property
    def is_dataclass(self) -> bool:
        """Whether the class has an `__init__` made from its fields."""
        return any(_makes_init(ancestor) for ancestor in self.project_ancestors) or any(
            name in {"typing.NamedTuple", "pydantic.BaseModel", "flax.struct.PyTreeNode"}
            for name in self.external_ancestors
        )

    def method(self, name: str) -> tuple[ClassInfo, FunctionNode] | None:
        """The nearest definition of a method, and the class it stands in."""
        for ancestor in self.project_ancestors:
            if name in ancestor.methods:
                return ancestor, ancestor.methods[name]
        return None

    def known_whole(self) -> bool:
        """Whether nothing about its bases is hidden: a missing attribute is really missing."""
        return all(
            isinstance(ancestor, ClassInfo) or (ancestor is not None and ancestor.name in _PLAIN_BASES)
            for ancestor in self.ancestors()
        )


_PLAIN_BASES = frozenset({"torch.nn.Module", "abc.ABC", "object", "typing.Generic", "typing.Protocol", "enum.Enum"})


def _makes_init(info: ClassInfo) -> bool:
    names = (dotted_name(node.func if isinstance(node, ast.Call) else node) or "" for node in info.node.decorator_list)
    return any(name.rpartition(".")[2] in {"dataclass", "define", "frozen"} or name == "attr.s" for name in names)


def _bases(info: ClassInfo) -> Iterator[ClassInfo | External | None]:
    for base in info.node.bases:
        name = dotted_name(base.value if isinstance(base, ast.Subscript) else base)
        match info.file.resolve(name) if name else None:
            case Defined(file=file, node=ast.ClassDef() as node):
                yield from class_info(file, node).ancestors()
            case External() as external:
                yield external
            case _ if name in {"object", "Exception"}:
                yield External("object")
            case _:
                yield None


def class_info(file: SourceFile, node: ast.ClassDef) -> ClassInfo:
    """The one `ClassInfo` of a class statement."""
    known = file.classes.get(node)
    if known is None:
        known = file.classes[node] = ClassInfo(node.name, node, file)
    return known


def own_nodes(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Every node of a function's body, those of functions and classes inside it left out."""
    stack: list[ast.AST] = list(reversed(body))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, FunctionNode | ast.ClassDef | ast.Lambda):
            stack.extend(reversed(list(ast.iter_child_nodes(node))))


def is_stub(node: FunctionNode) -> bool:
    """Whether a body says nothing: a docstring, ``...``, ``pass`` or ``raise NotImplementedError``."""
    return all(_says_nothing(statement) for statement in node.body)


def _says_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Expr(value=ast.Constant()) | ast.Raise():
            return True
        case ast.Return(value=None | ast.Constant(value=None)):
            return True
    return False


def self_assignments(info: ClassInfo, *, outside_init: bool) -> frozenset[str]:
    """Attributes that methods assign to `self`; those of ``__init__`` and what it calls only unless `outside_init`."""
    found: set[str] = set()
    for ancestor in info.project_ancestors:
        for name, node in ancestor.methods.items():
            if outside_init and name in {"__init__", "__post_init__", "setup", "build"}:
                continue
            found.update(assigned_attributes(ancestor.file, node))
    return frozenset(found)
