"""Which annotations might hold a shape, decided from the source alone.

    x: int                 no     a builtin
    x: torch.Tensor        no     from a package that holds no shape annotations
    x: list["Batch"]       …      what the string says
    x: Float[Tensor, "b"]  yes
    x: Image               yes    imported from somewhere, or assigned: it may be an alias of a shape

"No" must be certain, since it means that nothing is checked; "yes" is asked again when the module runs.
"""

from __future__ import annotations

import ast
import builtins
import sys
from dataclasses import dataclass
from functools import cached_property

# Packages whose own names are never shape annotations; the standard library's are added to them.
SHAPELESS = frozenset({"torch", "numpy", "typing_extensions", "jax", "tensorflow"}) | sys.stdlib_module_names
QUALIFIERS = frozenset({"Final", "ClassVar", "Required", "NotRequired", "ReadOnly"})
BUILTINS = frozenset(dir(builtins))

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Imports:
    """What the names of one module are known to be."""

    origins: dict[str, str]  # name → dotted path that an import bound it to
    classes: dict[str, ast.ClassDef]  # defined here
    stored: frozenset[str]  # assigned somewhere, so perhaps not what the import or the class said

    @classmethod
    def of(cls, tree: ast.Module) -> Imports:
        origins: dict[str, str] = {}
        classes: dict[str, ast.ClassDef] = {}
        stored: set[str] = set()
        for node in ast.walk(tree):
            match node:
                case ast.Import(names):
                    for alias in names:
                        top = alias.name.partition(".")[0]
                        origins[alias.asname or top] = alias.name if alias.asname else top
                case ast.ImportFrom(module=module, names=names, level=level):
                    for alias in names:
                        origins[alias.asname or alias.name] = "." * level + f"{module or ''}.{alias.name}"
                case ast.ClassDef(name):
                    classes[name] = node
                case ast.Name(name, ast.Store()):
                    stored.add(name)
        return cls(origins, classes, frozenset(stored))

    @cached_property
    def shapeless(self) -> set[str]:
        """The names that can't be, or lead to, a shape annotation."""
        imported = {name for name, origin in self.origins.items() if origin.partition(".")[0] in SHAPELESS}
        shapeless = (imported | (BUILTINS - self.origins.keys())) - self.stored
        self.__dict__["shapeless"] = shapeless  # asked for again below, while it grows
        for name, node in self.classes.items():  # in the order of definition: bases come first
            if name not in self.stored and self._holds_nothing(node):
                shapeless.add(name)
        return shapeless

    def _holds_nothing(self, node: ast.ClassDef) -> bool:
        """No field of the class, inherited ones included, has a shape."""
        fields = [statement.annotation for statement in node.body if isinstance(statement, ast.AnnAssign)]
        return not any(may_hold_shape(annotation, self) for annotation in [*fields, *node.bases])

    def overloads(self, node: Definition) -> bool:
        return self._decorated(node, {"typing.overload", "typing_extensions.overload"})

    def contracted(self, node: Definition) -> bool:
        """Whether the programmer already wrote ``@contract`` on it."""
        return self._decorated(node, {"shapecheck.contract", "shapecheck.runtime.contract"})

    def guarded(self, node: Definition) -> bool:
        """Whether the programmer already wrote ``@guard`` on it."""
        return self._decorated(node, {"shapecheck.guard", "shapecheck.runtime.guard.guard"})

    def _decorated(self, node: Definition, by: set[str]) -> bool:
        return any(self.path(decorator) in by for decorator in node.decorator_list)

    def path(self, node: ast.expr) -> str:
        """The dotted path that an expression names, through the imports; "" where it isn't one."""
        match node:
            case ast.Name(name):
                return self.origins.get(name, name)
            case ast.Attribute(value, name):
                return f"{self.path(value)}.{name}"
            case ast.Call(func=function):
                return self.path(function)
            case _:
                return ""


def may_hold_shape(annotation: ast.expr, imports: Imports) -> bool:
    match annotation:
        case ast.Constant(str()):
            inner = parsed(annotation)
            return inner is annotation or may_hold_shape(inner, imports)
        case ast.Constant():
            return False
        case ast.Name(name):
            return name not in imports.shapeless
        case ast.Attribute():
            return _root(annotation) not in imports.shapeless
        case ast.Subscript(value=container, slice=inside):
            return _subscript_may(container, inside, imports)
        case ast.BinOp(left=left, right=right):
            return may_hold_shape(left, imports) or may_hold_shape(right, imports)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return any(may_hold_shape(part, imports) for part in parts)
        case ast.Starred(value=inner):
            return may_hold_shape(inner, imports)
        case _:
            return True


def parsed(annotation: ast.expr) -> ast.expr:
    """A string annotation as the expression it spells, placed where the string stood; any other as it is."""
    if not (isinstance(annotation, ast.Constant) and isinstance(annotation.value, str)):
        return annotation
    try:
        inner = ast.parse(annotation.value.strip(), mode="eval").body
    except SyntaxError:
        return annotation
    for node in ast.walk(inner):
        ast.copy_location(node, annotation)
    return inner


def strip_qualifier(annotation: ast.expr) -> ast.expr:
    """``Float[…]`` of ``Final[Float[…]]``."""
    match annotation:
        case ast.Subscript(value=ast.Name(name) | ast.Attribute(attr=name), slice=inner) if name in QUALIFIERS:
            return parsed(inner)
        case _:
            return annotation


def spells_shape(annotation: str | None) -> bool:
    """Whether the text of an annotation writes a shape out, as in ``Flaot[Tensor, "b c"]``."""
    tree = parsed(ast.Constant(annotation or "", lineno=1, col_offset=0))
    return any(isinstance(node, ast.Subscript) and _is_shape(node) for node in ast.walk(tree))


def _is_shape(node: ast.Subscript) -> bool:
    match node.slice:
        case ast.Tuple(elts=[_, ast.Constant(str()) | ast.JoinedStr()]):
            return _name(node.value) not in ("Literal", "Annotated")
        case _:
            return False


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _subscript_may(container: ast.expr, inside: ast.expr, imports: Imports) -> bool:
    if imports.path(container).endswith("Literal"):
        return False
    if isinstance(container, ast.Name) and container.id in imports.classes:
        return True  # perhaps a dtype class of the project's own: Half[Tensor, "b"]
    return may_hold_shape(container, imports) or may_hold_shape(inside, imports)


def _root(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
