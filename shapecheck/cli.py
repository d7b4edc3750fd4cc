"""The command `shapecheck`: a table of subcommands, each loaded only when it is the one that runs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence

COMMANDS = {
    "lint": ("find bugs in PyTorch code, and fix them", "shapecheck.lint.command:main"),
    "rules": ("list the lint rules", "shapecheck.lint.catalog:rules"),
    "explain": ("print the page of a lint rule", "shapecheck.lint.catalog:explain"),
    "shapes": ("print a source with the shapes that can be inferred", "shapecheck.static.command:main"),
    "run": ("run a program with its annotations checked", "shapecheck.runtime.run:main"),
}
USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code."""
    name, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in ("-h", "--help", "help"):
        print(_help())
        return 0
    if name in ("-V", "--version"):
        import shapecheck

        print(f"shapecheck {shapecheck.__version__}")
        return 0
    if name not in COMMANDS:
        from shapecheck.lint.names import nearest

        print(f"shapecheck: there is no command {name!r}{nearest(name, COMMANDS)}\n\n{_help()}", file=sys.stderr)
        return USAGE_ERROR
    return _command(name)(rest)


def _command(name: str) -> Callable[[Sequence[str]], int]:
    module, _, function = COMMANDS[name][1].partition(":")
    command: Callable[[Sequence[str]], int] = getattr(importlib.import_module(module), function)
    return command


def _help() -> str:
    lines = [f"  {name:<9}{description}" for name, (description, _) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: shapecheck COMMAND …",
            "",
            "Tensor shape contracts and a static checker for PyTorch.",
            "",
            *lines,
            "",
            "`shapecheck COMMAND --help` says more; `shapecheck --version` prints the version.",
        ]
    )
