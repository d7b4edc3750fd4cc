"""`shapecheck shapes FILE[::FUNCTION]`: arguments in, exit code out. 0: no diagnostic, 1: some, 2: failure."""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import sys
import tokenize
from collections.abc import Sequence
from pathlib import Path

CLEAN, FOUND, FAILED = 0, 1, 2


class UsageError(Exception):
    """A file that can't be read, or a function that isn't in it."""


def main(arguments: Sequence[str]) -> int:
    """Run the command; whatever goes wrong is one message and exit code 2."""
    options = parser().parse_args(arguments)
    try:
        return _run(options)
    except UsageError as error:
        print(f"shapecheck shapes: {error}", file=sys.stderr)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - the reader is gone, nothing more is to be flushed to it
    return FAILED


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        "shapecheck shapes", description="Print a source with the shapes that can be inferred beside it."
    )
    made.add_argument("file", metavar="FILE[::FUNCTION]", help="a Python file, all of it or one function or class")
    made.add_argument("--output-format", choices=("text", "json"), default="text", help="for people or for tools")
    made.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: on a terminal")
    return made


def _run(options: argparse.Namespace) -> int:
    path, _, wanted = options.file.partition("::")
    source, tree = _read(path)
    from shapecheck.static.inferred import infer_source
    from shapecheck.static.show import as_json, as_text

    spans = _spans(tree, source, wanted, path)
    inferred = infer_source(source, path, tree)
    if options.output_format == "json":
        print(as_json(path, inferred, spans))
    else:
        print(as_text(source, tree, inferred, spans, color=_wants_color(options.color)))
    found = any(first <= one.line <= last for one in inferred.diagnostics for first, last in spans)
    return FOUND if found else CLEAN


def _read(path: str) -> tuple[str, ast.Module]:
    if path.endswith(".ipynb"):
        raise UsageError(
            f"{path} is a notebook: save it as a Python file to see its shapes (`shapecheck lint` reads it)"
        )
    try:
        with tokenize.open(path) as file:
            source = file.read()
        return source, ast.parse(source, path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}{_advice(path)}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: isn't text in {error.encoding.upper()}") from None
    except SyntaxError as error:
        where = f":{error.lineno}" if error.lineno else ""
        raise UsageError(f"{path}{where}: isn't Python: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: can't be parsed: {error}") from None


def _advice(path: str) -> str:
    """What somebody may have meant by a path that isn't a file."""
    file, colon, name = path.rpartition(":")
    if Path(path).is_dir():
        return "; give one file (`shapecheck lint` takes folders)"
    return f"; did you mean `{file}::{name}`?" if colon and Path(file).is_file() else ""


def _spans(tree: ast.Module, source: str, wanted: str, path: str) -> list[tuple[int, int]]:
    """The lines to show: the whole file, or the functions and classes of a name."""
    if not wanted:
        return [(1, len(source.splitlines()))]
    known = dict(_definitions(tree.body, ""))
    found = [span for name, span in known.items() if name == wanted] or [
        span for name, span in known.items() if name.rpartition(".")[2] == wanted
    ]
    if not found:
        near = difflib.get_close_matches(wanted, known, 1)
        advice = f"; did you mean `{near[0]}`?" if near else ""
        raise UsageError(f"{path} has no function or class `{wanted}`{advice}")
    return found


def _definitions(body: list[ast.stmt], prefix: str) -> list[tuple[str, tuple[int, int]]]:
    found: list[tuple[str, tuple[int, int]]] = []
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                found.append((f"{prefix}{node.name}", (first, node.end_lineno or node.lineno)))
                found.extend(_definitions(node.body, f"{prefix}{node.name}."))
            case ast.If() | ast.Try():
                found.extend(_definitions([*node.body, *node.orelse], prefix))
    return found


def _wants_color(choice: str) -> bool:
    if choice != "auto":
        return choice == "always"
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
