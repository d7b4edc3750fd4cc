"""IPython and Jupyter: `%load_ext shapecheck` has the functions and classes of the following cells checked.

Each cell's syntax tree is rewritten as a module's is under the import hook (`transform`). What earlier cells imported
counts for later ones; what they defined before the extension was loaded stays as it is.
"""

from __future__ import annotations

import ast
from typing import Any, Protocol

from shapecheck.runtime import settings, transform
from shapecheck.runtime.hooked import Hooked, Policy

__all__ = ["load_ipython_extension", "unload_ipython_extension"]


class Shell(Protocol):
    """What is used of IPython's `InteractiveShell`."""

    ast_transformers: list[Any]
    user_ns: dict[str, Any]
    user_ns_hidden: dict[str, Any]


class Cells(ast.NodeTransformer):
    """Rewrites one cell after another."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.hook = Hooked(shell.user_ns, "<notebook>", Policy())
        self.imports: list[ast.stmt] = []

    def visit(self, node: Any) -> Any:
        if not isinstance(node, ast.Module):  # a statement on its own, as %timeit and %debug have them
            return node
        self.shell.user_ns_hidden[transform.HOOK] = self.hook
        self.shell.user_ns[transform.HOOK] = self.hook  # again each time: %reset clears it
        earlier = tuple(self.imports)
        self.imports += [statement for statement in node.body if isinstance(statement, ast.Import | ast.ImportFrom)]
        return transform.transform(node, earlier=earlier)


def load_ipython_extension(shell: Shell) -> None:
    """What ``%load_ext shapecheck`` calls."""
    if not settings.off_for_good() and not any(isinstance(each, Cells) for each in shell.ast_transformers):
        shell.ast_transformers.append(Cells(shell))


def unload_ipython_extension(shell: Shell) -> None:
    """What ``%unload_ext shapecheck`` calls: cells that ran stay under contract."""
    shell.ast_transformers[:] = [each for each in shell.ast_transformers if not isinstance(each, Cells)]
