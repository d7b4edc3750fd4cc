"""One file as rules see it: its source, its tree, the way up from a node, and what was worked out about it so far.

`File` holds only what every rule asks for. Analyses are functions `f(file, …)` decorated with `per_file`,
computed when first asked and kept in `file.memo` for the other rules.
"""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Concatenate, ParamSpec, TypeVar, cast

from shapecheck.lint.children import BACKWARDS
from shapecheck.lint.violation import Span

P = ParamSpec("P")
Result = TypeVar("Result")
Node = TypeVar("Node", bound=ast.AST)

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
ScopeNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef | ast.Module
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.Module)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
_LEAVES = frozenset({ast.Name, ast.Constant, ast.Pass, ast.Break, ast.Continue, ast.alias})
_TEST_FOLDERS = frozenset({"test", "tests", "testing", "test_utils"})
_TEST_FILE = re.compile(r"(test_.*|.*_tests?|.*test_case|conftest|testing\w*)\.(py|ipynb)")


class File:
    """A parsed file. Nodes are Python's `ast`; every node knows its parent."""

    def __init__(
        self, source: str, path: str = "<stdin>", tree: ast.Module | None = None, cell_starts: tuple[int, ...] = ()
    ) -> None:
        self.source = source.replace("\r\n", "\n").replace("\r", "\n")
        self.path = path
        self.tree = ast.parse(self.source) if tree is None else tree
        self.cell_starts = cell_starts
        self.memo: dict[object, object] = {}
        self.dependencies: set[str] = set()
        self._parents, self._nodes = _index(self.tree)

    # -- the tree

    def nodes(self, *types: type[Node]) -> list[Node]:
        """Every node of the file of these types, in source order within each type."""
        return [node for kind in types for node in self._nodes.get(kind, ())]  # type: ignore[misc]

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The node that holds this one; None for the module."""
        return self._parents.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around this one, from the inside out."""
        parent = self._parents.get(node)
        while parent is not None:
            yield parent
            parent = self._parents.get(parent)

    def enclosing(self, node: ast.AST, *types: type[Node]) -> Node | None:
        """The innermost node of these types around this one, however far out."""
        return next((outer for outer in self.ancestors(node) if isinstance(outer, types)), None)

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement that this node is part of (itself, if it is one)."""
        while not isinstance(node, ast.stmt):
            node = self._parents[node]
        return node

    def scope(self, node: ast.AST) -> ScopeNode:
        """The function, lambda, class or module whose code this node belongs to.

        Decorators, defaults, annotations and bases belong to the scope around the definition.
        """
        child = node
        for outer in self.ancestors(node):
            if isinstance(outer, SCOPES) and runs_in(outer, child):
                return outer
            child = outer
        return self.tree

    def function(self, node: ast.AST) -> FunctionNode | None:
        """The innermost `def` whose body holds this node, through lambdas and classes too."""
        child = node
        for outer in self.ancestors(node):
            if isinstance(outer, FUNCTIONS) and runs_in(outer, child):
                return outer
            child = outer
        return None

    def class_(self, node: ast.AST) -> ast.ClassDef | None:
        """The innermost class whose body holds this node, through methods too."""
        return self.enclosing(node, ast.ClassDef)

    def loop(self, node: ast.AST) -> ast.For | ast.AsyncFor | ast.While | None:
        """The innermost loop of the same function whose body runs this node again and again."""
        child = node
        for outer in self.ancestors(node):
            if isinstance(outer, (*FUNCTIONS, ast.Lambda, ast.ClassDef)):
                return None
            if isinstance(outer, LOOPS) and _runs_again(outer, child):
                return outer
            child = outer
        return None

    # -- the text

    @functools.cached_property
    def lines(self) -> list[str]:
        return self.source.split("\n")

    def text(self, node: ast.AST) -> str:
        """The source of a node, as written."""
        first, start, last, end = ast_position(node)
        first, last = first - 1, last - 1
        if first == last:
            return self.lines[first].encode()[start:end].decode()
        return "\n".join(
            [
                self.lines[first].encode()[start:].decode(),
                *self.lines[first + 1 : last],
                self.lines[last].encode()[:end].decode(),
            ]
        )

    def line_of(self, node: ast.AST) -> str:
        """The source as written, on one line, for messages."""
        return " ".join(self.text(node).split())

    def qualified_name(self, node: ast.AST | None) -> str | None:
        """What a name or attribute stands for by the imports in scope: `F.softmax` is "torch.nn.functional.softmax"."""
        from shapecheck.lint.analysis.names import qualified_name

        return qualified_name(self, node)

    # -- the kind of file

    @functools.cached_property
    def is_test(self) -> bool:
        """Whether this is a test or a helper of tests, by its name and folders."""
        *folders, name = self.path.replace("\\", "/").split("/")
        return bool(_TEST_FILE.fullmatch(name)) or any(folder in _TEST_FOLDERS for folder in folders)

    @property
    def is_notebook(self) -> bool:
        return bool(self.cell_starts)

    def is_displayed(self, statement: ast.stmt) -> bool:
        """Whether a notebook shows the value of this statement: it is the last one of its cell."""
        if not self.is_notebook or self.parent(statement) is not self.tree:
            return False
        body = self.tree.body
        following = next((later for later in body if later.lineno > statement.lineno), None)
        return following is None or any(statement.lineno < start <= following.lineno for start in self.cell_starts)

    @functools.cached_property
    def is_script(self) -> bool:
        """Whether people run this file: a notebook, one with a `__main__` test or an argument parser, a loop on top."""
        if self.is_notebook or "__main__" in self.source or "ArgumentParser" in self.source:
            return True
        return any(isinstance(statement, LOOPS) for statement in self.tree.body)


def runs_in(scope: ast.AST, child: ast.AST) -> bool:
    """Whether a direct child of a scope runs in it, rather than around it."""
    match scope:
        case ast.Lambda():
            return child is scope.body
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return child is not scope.args and child is not scope.returns and child not in scope.decorator_list
        case ast.ClassDef():
            return child not in scope.bases and child not in scope.keywords and child not in scope.decorator_list
        case _:
            return True


def per_file(function: Callable[Concatenate[File, P], Result]) -> Callable[Concatenate[File, P], Result]:
    """Compute `function(file, …)` once for each file and arguments."""

    @functools.wraps(function)
    def cached(file: File, *args: P.args, **kwargs: P.kwargs) -> Result:
        key = (function, *args, *kwargs.items()) if kwargs else (function, *args)
        try:
            return cast(Result, file.memo[key])
        except KeyError:
            result = file.memo[key] = function(file, *args, **kwargs)
            return result

    return cast("Callable[Concatenate[File, P], Result]", cached)


def ast_position(node: ast.AST | Span) -> tuple[int, int, int, int]:
    """Line and byte column of the start and of the end of a node that has a place."""
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset  # type: ignore[union-attr]


def _index(tree: ast.Module) -> tuple[dict[ast.AST, ast.AST], dict[type[ast.AST], list[ast.AST]]]:
    """Parents, and the nodes of each type in source order; iterative, so depth is no limit."""
    parents: dict[ast.AST, ast.AST] = {}
    nodes: dict[type[ast.AST], list[ast.AST]] = defaultdict(list)
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        kind = node.__class__
        nodes[kind].append(node)
        if kind in _LEAVES:
            continue
        for name in BACKWARDS[kind]:
            value = getattr(node, name, None)
            if value.__class__ is list:
                for child in reversed(value):
                    if child is not None:
                        parents[child] = node
                        stack.append(child)
            elif value is not None:
                parents[value] = node
                stack.append(value)
    return parents, nodes


def _runs_again(loop: ast.For | ast.AsyncFor | ast.While, child: ast.AST) -> bool:
    """Whether a direct child of a loop runs in each turn of it."""
    if child in loop.orelse:
        return False
    return isinstance(loop, ast.While) or (child is not loop.iter and child is not loop.target)
