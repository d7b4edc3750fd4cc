"""The files a check can reach: parsed when first asked for, names followed through imports, nothing imported.

Project([root, ...])            folders that hold packages and modules
project.file("pkg.module")      its `SourceFile`, or None where it is somebody else's
file.resolve("F.softmax")       External("torch.nn.functional.softmax"), or a definition in a file of the project
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapecheck.static.declarations import ClassInfo, Signature
    from shapecheck.static.mutations import Changes
    from shapecheck.static.values import Value

__all__ = ["Defined", "External", "Project", "SourceFile", "canonical", "dotted_name"]


@dataclass(frozen=True, slots=True)
class External:
    """A name of a package that isn't part of the project, e.g. ``torch.nn.functional.relu``."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Defined:
    """What a top-level name of a project's file stands for: a function, a class, or the value of an assignment."""

    file: SourceFile
    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr | None


@dataclass(frozen=True, slots=True)
class _Imported:
    target: str


_Definition = _Imported | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr | None
_MOST_HOPS = 12
_OURSELVES = "shapecheck"
"""What its functions do to shapes is known; nobody's code is better understood by following them."""


@dataclass(slots=True, eq=False)
class SourceFile:
    """One parsed file; `definitions` holds its top-level names, None where a name has no single meaning."""

    path: str
    module: str
    is_package: bool
    tree: ast.Module
    project: Project
    definitions: dict[str, _Definition] = field(default_factory=dict, init=False)
    stars: list[str] = field(default_factory=list, init=False)
    classes: dict[ast.ClassDef, ClassInfo] = field(default_factory=dict, init=False)
    signatures: dict[ast.AST, Signature] = field(default_factory=dict, init=False)
    constants: dict[str, Value] = field(default_factory=dict, init=False)
    meanings: dict[str, Value] = field(default_factory=dict, init=False)
    changes: Changes | None = field(default=None, init=False)
    own_findings: dict[ast.AST, frozenset[tuple[ast.AST, str]]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for statement in _top_level(self.tree.body):
            self._define(statement)

    def _define(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Import(names=names):
                for alias in names:
                    bound = alias.asname or alias.name.partition(".")[0]
                    self.definitions.setdefault(bound, _Imported(alias.name if alias.asname else bound))
            case ast.ImportFrom(names=names):
                source = self.absolute(statement.module or "", statement.level)
                for alias in names:
                    if alias.name == "*":
                        self.stars.append(source)
                    else:
                        self.definitions.setdefault(alias.asname or alias.name, _Imported(f"{source}.{alias.name}"))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                self.definitions[name] = statement
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    for name in _names(target):
                        self._assign(name, value if isinstance(target, ast.Name) else None)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self._assign(name, value)
            case ast.AugAssign(target=target) | ast.For(target=target):
                for name in _names(target):
                    self._assign(name, None)

    def _assign(self, name: str, value: ast.expr | None) -> None:
        known = self.definitions.get(name)
        if name not in self.definitions:
            self.definitions[name] = value
        elif not isinstance(known, _Imported | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.definitions[name] = None

    def absolute(self, module: str, level: int) -> str:
        """The dotted name of the module that ``from <level dots><module> import`` means here."""
        if not level:
            return module
        parts = self.module.split(".")
        kept = parts[: len(parts) - level + self.is_package]
        return ".".join([*kept, module] if module else kept)

    def resolve(self, dotted: str) -> External | Defined | SourceFile | None:
        """What a dotted name means at the top level of this file; None where nobody can tell."""
        first, _, rest = dotted.partition(".")
        return self._resolve(first, rest, _MOST_HOPS)

    def _resolve(self, first: str, rest: str, hops: int) -> External | Defined | SourceFile | None:
        if hops == 0:
            return None
        if first not in self.definitions:
            return self._through_stars(first, rest, hops)
        match self.definitions[first]:
            case _Imported(target):
                return self.project.follow(f"{target}.{rest}" if rest else target, hops - 1)
            case ast.Name() | ast.Attribute() as value if (alias := dotted_name(value)) and alias.partition(".")[
                0
            ] != first:
                return self._resolve(*_split(f"{alias}.{rest}" if rest else alias), hops - 1)
            case definition:
                return Defined(self, first, definition) if not rest else None

    def _through_stars(self, first: str, rest: str, hops: int) -> External | Defined | SourceFile | None:
        for source in self.stars:
            file = self.project.file(source)
            if file is not None and file is not self and (found := file._resolve(first, rest, hops - 1)):
                return found
        return None


class Project:
    """The packages and modules below some folders."""

    def __init__(self, roots: list[Path] | None = None) -> None:
        self.roots = list(dict.fromkeys(roots or []))
        self._files: dict[str, SourceFile | None] = {}
        self._tops: dict[str, bool] = {}

    @staticmethod
    def around(path: Path) -> Project:
        """The project that a file belongs to: the folder above its outermost package."""
        return Project([_root(path)])

    def add(self, path: str, source: str, tree: ast.Module | None = None) -> SourceFile:
        """The file of that path with this text, in place of what is on disk.

        Raises:
            SyntaxError, ValueError: the text isn't Python.
        """
        module, is_package = self._module_name(Path(path))
        file = SourceFile(path, module, is_package, tree or _parse(source, path), self)
        self._files[module] = file
        self._tops.clear()
        return file

    @property
    def paths(self) -> list[str]:
        """Where the files are that were added or read."""
        return [file.path for file in self._files.values() if file is not None]

    def file(self, module: str) -> SourceFile | None:
        """The file of a module, or None where it isn't the project's or can't be parsed."""
        if module not in self._files:
            self._files[module] = self._load(module)
        return self._files[module]

    def follow(self, dotted: str, hops: int = _MOST_HOPS) -> External | Defined | SourceFile | None:
        """What an absolute dotted name means: a module of the project, something defined in one, or somebody else's."""
        parts = dotted.split(".")
        for count in range(len(parts) if self._is_ours(parts[0]) else 0, 0, -1):
            file = self.file(".".join(parts[:count]))
            if file is None:
                continue
            if count == len(parts):
                return file
            return file._resolve(parts[count], ".".join(parts[count + 1 :]), hops)
        return External(canonical(dotted))

    def _is_ours(self, top: str) -> bool:
        if top not in self._tops:
            found = top != _OURSELVES and any(
                (root / top).is_dir() or (root / f"{top}.py").is_file() for root in self.roots
            )
            self._tops[top] = found or any(module.partition(".")[0] == top for module in self._files)
        return self._tops[top]

    def _load(self, module: str) -> SourceFile | None:
        for path in self._candidates(module):
            try:
                source = path.read_text(encoding="utf-8")
                return SourceFile(str(path), module, path.name == "__init__.py", _parse(source, str(path)), self)
            except (OSError, SyntaxError, ValueError, RecursionError):
                continue
        return None

    def _candidates(self, module: str) -> Iterator[Path]:
        if not module or not all(part.isidentifier() for part in module.split(".")):
            return
        relative = Path(*module.split("."))
        for root in self.roots:
            for path in (root / relative / "__init__.py", (root / relative).with_suffix(".py")):
                if path.is_file():
                    yield path

    def _module_name(self, path: Path) -> tuple[str, bool]:
        for root in self.roots:
            try:
                parts = path.resolve().relative_to(root.resolve()).with_suffix("").parts
            except ValueError:
                continue
            if parts and parts[-1] == "__init__":
                return ".".join(parts[:-1]), True
            return ".".join(parts), False
        return path.stem, False


_NN_MODULES = "torch.nn.modules."


def canonical(dotted: str) -> str:
    """The name that the op table uses for something that goes by several."""
    if dotted.startswith(_NN_MODULES):
        return f"torch.nn.{dotted.rpartition('.')[2]}"
    if dotted.startswith("torch.nn.parameter."):
        return f"torch.nn.{dotted.rpartition('.')[2]}"
    if dotted.startswith("torch.functional."):
        return f"torch.{dotted.rpartition('.')[2]}"
    if dotted.startswith("einops.einops."):
        return f"einops.{dotted.rpartition('.')[2]}"
    return dotted


def dotted_name(node: ast.expr) -> str | None:
    """``a.b.c`` as text, or None for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def _split(dotted: str) -> tuple[str, str]:
    first, _, rest = dotted.partition(".")
    return first, rest


def _parse(source: str, path: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        return ast.parse(source, path)


def _root(path: Path) -> Path:
    folder = path.resolve().parent
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        folder = folder.parent
    return folder


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module that define its names, those in `if`, `try` and `with` included."""
    for statement in body:
        yield statement
        match statement:
            case ast.If(body=inner, orelse=orelse):
                yield from _top_level(inner)
                yield from _top_level(orelse)
            case ast.Try(body=inner, handlers=handlers, orelse=orelse):
                yield from _top_level(inner)
                for handler in handlers:
                    yield from _top_level(handler.body)
                yield from _top_level(orelse)
            case ast.With(body=inner) | ast.For(body=inner) | ast.While(body=inner):
                yield from _top_level(inner)


def _names(target: ast.expr) -> Iterator[str]:
    return (node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
