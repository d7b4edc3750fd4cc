"""Runs shapecheck and its peers over docs/comparison, and writes the table in docs/static.md.

    python docs/compare.py [--pyrefly PATH] [--torchtyc PATH] [--mypy PATH] [--write]
    python docs/compare.py --only-shapecheck --write

Tools are looked for on PATH unless given; what isn't there is skipped by name, and keeps its column on the page. They
need torch and jaxtyping from the environment that runs this script, Pyrefly also `pyrefly-torch-stubs` and
`pyrefly-shape-extensions` beside itself.

A case is a file with one mistake, on a line that ends in ``# fix: THE LINE`` or ``# fix: OLD => NEW``. Every tool gets
it twice, with the mistake and with the fix in its place: a report on the second is a false alarm. Files that have no
such line are healthy.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
CASES = sorted((ROOT / "docs" / "comparison").glob("*.py"))
PAGE = ROOT / "docs" / "static.md"
BEGIN, END = "<!-- comparison: python docs/compare.py --write -->", "<!-- end of the comparison -->"
_FIX = re.compile(r"^( *)(.*?)  # fix: (.*)$", re.MULTILINE)

ERROR, UNSURE = "error", "unsure"
Said = Mapping[str, str]
"""What a tool said of each file, by its stem: ERROR, UNSURE, or nothing."""


@dataclass(frozen=True, slots=True)
class Case:
    """A file as it is committed; `broken` is None for a healthy one."""

    name: str
    summary: str
    broken: str | None
    fixed: str


def read(path: Path) -> Case:
    text = path.read_text(encoding="utf-8")
    summary = (ast.get_docstring(ast.parse(text)) or "").removeprefix("Healthy: ")
    broken = _FIX.sub(r"\1\2", text) if _FIX.search(text) else None
    return Case(path.stem, summary[:1].upper() + summary[1:], broken, _FIX.sub(_fixed, text))


def _fixed(line: re.Match[str]) -> str:
    indent, code, fix = line.groups()
    old, arrow, new = fix.partition(" => ")
    return indent + (code.replace(old, new) if arrow else fix)


@dataclass(frozen=True, slots=True)
class Tool:
    """A column of the table. `run` is given a folder of files and says what it heard of each."""

    name: str
    version: str
    run: Callable[[Path], Said]


def shapecheck() -> Tool:
    command = [sys.executable, "-m", "shapecheck", "lint", "--select", "shape", "--no-cache", "--output-format", "json"]
    return Tool("shapecheck", "", lambda folder: _stems(json.loads(_output(command, folder))["diagnostics"], "path"))


def mypy(path: str) -> Tool:
    command = [path, "--config-file=", "--ignore-missing-imports", "--python-executable", sys.executable]

    def run(folder: Path) -> Said:
        printed = _output([*command, *_files(folder)], folder)
        return {Path(line.partition(":")[0]).stem: ERROR for line in printed.splitlines() if ": error:" in line}

    return Tool("mypy", _version(path), run)


def pyrefly(path: str) -> Tool:
    """Pyrefly looks into jaxtyping's strings in functions that say so with its own decorator: every one gets it."""
    torch = find_spec("torch")
    assert torch and torch.origin
    site = next((Path(path).resolve().parents[1] / "lib").glob("python*/site-packages"))
    config = {
        "site-package-path": [str(site), str(Path(torch.origin).parents[1])],
        "python-version": "3.13.0",
    }

    def run(folder: Path) -> Said:
        for file in folder.glob("*.py"):
            file.write_text(decorated(file.read_text(encoding="utf-8")), encoding="utf-8")
        lines = (f"{key} = {json.dumps(value)}" for key, value in config.items())
        (folder / "pyrefly.toml").write_text("\n".join(lines), encoding="utf-8")
        found = json.loads(_output([path, "check", "--output-format", "json"], folder))["errors"]
        unsure = [error for error in found if _NOT_UNDERSTOOD.search(error["description"])]
        errors = (error for error in found if error not in unsure and error["name"] not in _NOT_ABOUT_SHAPES)
        return {**_stems(unsure, "path", UNSURE), **_stems(errors, "path")}

    return Tool("Pyrefly", _version(path), run)


_NOT_UNDERSTOOD = re.compile("Unsupported dimension expression")
_NOT_ABOUT_SHAPES = {"missing-import"}


def decorated(source: str) -> str:
    """The source with `@static_jaxtyping("…")` on each definition that has shape strings."""
    lines = source.splitlines()
    for node, names in sorted(_declared(ast.parse(source), frozenset()), key=lambda pair: -pair[0].lineno):
        lines.insert(node.lineno - 1, f'{" " * node.col_offset}@static_jaxtyping("{" ".join(names)}")')
    first = next(number for number, line in enumerate(lines) if re.match("(from|import) ", line))
    lines.insert(first, "from shape_extensions import static_jaxtyping")
    return "\n".join(lines) + "\n"


def _declared(tree: ast.AST, known: frozenset[str]) -> Iterator[tuple[ast.FunctionDef, list[str]]]:
    """The functions and the dims that each has to declare; an inner function shares those of the outer one."""
    for node in ast.iter_child_nodes(tree):
        names = [name for name in _dims(node) if name not in known] if isinstance(node, ast.FunctionDef) else []
        if isinstance(node, ast.FunctionDef) and names:
            yield node, names
        yield from _declared(node, known.union(names))


def _dims(function: ast.FunctionDef) -> list[str]:
    """The names in the shape strings of a function's parameters and of its result."""
    annotations = [*(argument.annotation for argument in function.args.args), function.returns]
    words = [
        word.lstrip("#")
        for annotation in annotations
        for node in ast.walk(annotation or ast.Constant(None))
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple)
        if isinstance(shape := node.slice.elts[1], ast.Constant)
        for word in str(shape.value).split()
    ]
    return list(dict.fromkeys(word for word in words if word.lstrip("*").isidentifier()))


def torchtyc(path: str) -> Tool:
    command = [path, "check", "--format", "json", "--python", sys.executable]

    def run(folder: Path) -> Said:
        found = json.loads(_output([*command, *_files(folder)], folder))["diagnostics"]
        unsure = [one for one in found if one["rule"] in _NOT_TRACED or _NEEDS_VALUES in one["message"]]
        errors = (one for one in found if one["severity"] == "error" and one not in unsure)
        return {**_stems(unsure, "path", UNSURE), **_stems(errors, "path")}

    return Tool("torchtyc", _version(path, "version"), run)


_NOT_TRACED = {
    "uninstantiable",
    "unresolved-arg",
    "unsupported-annotation",
    "local-definition",
    "import-error",
    "worker-error",
    "run-stopped",
}
_NEEDS_VALUES = "cannot be called on meta tensors"

_EXECUTE = """
import importlib, json, re, sys, warnings
warnings.simplefilter("ignore")
names, hooked = sys.argv[2:], sys.argv[1] == "hooked"
sys.path.insert(0, ".")
import torch
if hooked:
    from jaxtyping import install_import_hook
    install_import_hook(names, "beartype.beartype")
said = {}
for name in names:
    try:
        module = importlib.import_module(name)
        call = re.search("^# run: (.*)$", open(name + ".py", encoding="utf-8").read(), re.MULTILINE)[1]
        eval(call, {"torch": torch, **vars(module)})
    except ModuleNotFoundError:
        said[name] = "unsure"
    except Exception:
        said[name] = "error"
print("\\n" + json.dumps(said))
"""


def executed(title: str, mode: str, versions: str) -> Tool:
    def run(folder: Path) -> Said:
        names = [Path(file).stem for file in _files(folder)]
        said: Said = json.loads(_output([sys.executable, "-c", _EXECUTE, mode, *names], folder).splitlines()[-1])
        return said

    return Tool(title, versions, run)


def _output(command: Sequence[str], folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if not done.stdout and done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command[:3])} … exited with {done.returncode}: {done.stderr}")
    return done.stdout


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.py"))


def _stems(found: Iterable[Mapping[str, str]], key: str, said: str = ERROR) -> dict[str, str]:
    return {Path(one[key]).stem: said for one in found}


def _version(path: str, argument: str = "--version") -> str:
    done = subprocess.run([path, argument], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def cells(tool: Tool, cases: Sequence[Case]) -> dict[str, str]:
    """What to write of each case in a tool's column."""
    said = []
    for texts in ({case.name: case.broken for case in cases}, {case.name: case.fixed for case in cases}):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in texts.items():
                if text is not None:
                    (Path(folder) / f"{name}.py").write_text(text, encoding="utf-8")
            said.append(tool.run(Path(folder)))
    return {case.name: _verdict(case, *(heard.get(case.name, "") for heard in said)) for case in cases}


def _verdict(case: Case, broken: str, fixed: str) -> str:
    if fixed == ERROR:
        return "false alarm"
    if case.broken is not None and broken == ERROR:
        return "found"
    if UNSURE in (broken, fixed):
        return "can't say"
    return "silent" if case.broken is None else "missed"


def table(columns: Mapping[str, Mapping[str, str]], cases: Sequence[Case]) -> str:
    """Markdown: a row a case, and the counts below."""
    names = list(columns)
    lines = [f"| mistake | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for healthy in (False, True):
        chosen = [case for case in cases if (case.broken is None) == healthy]
        if healthy:
            lines.append("| *nothing wrong:* " + "| " * len(names) + "|")
        for case in chosen:
            row = (columns[name].get(case.name, "?") for name in names)
            lines.append(f"| [{case.summary}](comparison/{case.name}.py) | {' | '.join(row)} |")
    counts = [Counter(columns[name].values()) for name in names]
    broken = sum(case.broken is not None for case in cases)
    for verdict, of in (("found", broken), ("false alarm", len(cases)), ("can't say", len(cases))):
        row = (str(count[verdict]) for count in counts)
        lines.append(f"| **{verdict}, of {of}** | {' | '.join(row)} |")
    return "\n".join(lines)


def tools(given: argparse.Namespace) -> Iterator[Tool]:
    yield shapecheck()
    for make in (pyrefly, torchtyc, mypy):
        path = shutil.which(getattr(given, make.__name__) or make.__name__)
        if path:
            yield make(os.path.abspath(path))
        else:
            print(f"skipped: {make.__name__} isn't on PATH; --{make.__name__} PATH says where it is", file=sys.stderr)
    yield executed("run, jaxtyping + beartype", "hooked", f"{version('jaxtyping')}+{version('beartype')}")
    yield executed("run, torch", "bare", version("torch"))


def page_columns() -> dict[str, dict[str, str]]:
    """The columns of the table on the page, by tool and case."""
    text = PAGE.read_text(encoding="utf-8")
    header = re.search(r"^\| mistake \| (.*) \|$", text, re.MULTILINE)
    rows = re.findall(r"^\| \[.*\]\(comparison/(\w+)\.py\) \| (.*) \|$", text, re.MULTILINE)
    names = header[1].split(" | ") if header else []
    return {name: {case: row.split(" | ")[place] for case, row in rows} for place, name in enumerate(names)}


def page_versions() -> dict[str, str]:
    """The versions of the tools that the page names."""
    found = re.search(r"^Run with (.*)\.$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(part.rsplit(" ", 1) for part in found[1].split(", ")) if found else {}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("pyrefly", "torchtyc", "mypy"):
        parser.add_argument(f"--{name}", metavar="PATH")
    parser.add_argument("--only-shapecheck", action="store_true", help="run none of the others")
    parser.add_argument("--write", action="store_true", help="into docs/static.md")
    given = parser.parse_args()
    cases = [read(path) for path in CASES]
    found = [shapecheck()] if given.only_shapecheck else list(tools(given))
    columns = page_columns() | {tool.name: cells(tool, cases) for tool in found}
    versions = page_versions() | {tool.name.removeprefix("run, "): tool.version for tool in found if tool.version}
    listed = ", ".join(map(" ".join, versions.items()))
    content = f"{BEGIN}\n\nRun with {listed}.\n\n{table(columns, cases)}\n\n{END}"
    print(content)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(page[: page.index(BEGIN)] + content + page[page.index(END) + len(END) :], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
