"""``shapecheck run``: a program as it is, with its contracts checked and, if asked for, under guards.

    shapecheck run train.py --lr 1e-3                     the script, and the modules that lie beside it
    shapecheck run --package mypkg -m mypkg.train         a module, with the contracts of mypkg
    shapecheck run --guard=rank train.py                  every broadcast that isn't JAX's is an error, too

The program sees its own arguments, its own ``__main__`` and its own exit code; tracebacks start at its first line.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType, TracebackType

from shapecheck.core.errors import SettingsError
from shapecheck.runtime import settings, transform
from shapecheck.runtime.hooked import Hooked, Policy
from shapecheck.runtime.import_hook import ContractLoader, install

PROGRAM = "shapecheck run"
USAGE = (
    f"{PROGRAM} [--package PKG]… [--guard[=LEVEL]] [--] script.py [ARG]…\n       {PROGRAM} [OPTION]… -m MODULE [ARG]…"
)
LEVELS = [level for level in settings.CHOICES["broadcast"] if level != "allow"]
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Program:
    """What `__main__` will be, before it runs."""

    code: CodeType
    path: str
    spec: ModuleSpec | None  # of ``-m``; a script has none


class RunError(Exception):
    """The program can't be started; the message is for its user."""


def main(argv: Sequence[str]) -> int:
    """Run the program that `argv` names; its exit code, or 2 where it can't be started."""
    own, program = _split(list(argv))
    try:
        options = _parser().parse_args(own)
        guarded = _guard(options.guard)
        packages = [name for names in options.package for name in names.split(",") if name]
        handle = install(*packages) if packages else None
        loaded = _load(program, packages)
    except (RunError, SettingsError) as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    try:
        return _execute(loaded, guarded)
    finally:
        for name in handle.unmatched if handle else ():
            print(f"{PROGRAM}: no module of {name!r} was imported, so nothing of it was checked", file=sys.stderr)


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    """Our options and the program's part, which starts at ``--``, ``-m`` or the first word that is no option."""
    position = 0
    while position < len(argv):
        match argv[position]:
            case "--":
                return argv[:position], argv[position + 1 :]
            case "-m":
                break
            case "--package" | "-p":
                position += 2
            case word if word.startswith("-"):
                position += 1
            case _:
                break
    return argv[:position], argv[position:]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM, usage=USAGE, description="Run a program with its shape contracts checked.", allow_abbrev=False
    )
    parser.add_argument(
        "-p",
        "--package",
        metavar="PKG",
        action="append",
        default=[],
        help="check this package (repeatable, or separated by commas); default: the modules beside the script, "
        "or the package of MODULE",
    )
    parser.add_argument(
        "--guard",
        metavar="LEVEL",
        nargs="?",
        const="",
        help=f"check every operation for silent broadcasting too; LEVEL is one of {', '.join(LEVELS)}",
    )
    return parser


def _guard(level: str | None) -> AbstractContextManager[object]:
    if level is None:
        return nullcontext()
    if level and level not in LEVELS:
        raise RunError(f"--guard={level}: expected one of {', '.join(LEVELS)}")
    from shapecheck.runtime.guard import guard

    return guard(broadcast=level) if level else guard()


def _load(program: list[str], packages: list[str]) -> Program:
    match program:
        case ["-m", name, *arguments]:
            return _load_module(name, arguments, packages)
        case ["-m"]:
            raise RunError("-m needs the name of a module")
        case [script, *arguments]:
            return _load_script(Path(script), arguments, packages)
        case _:
            raise RunError(f"no program named; usage: {USAGE}")


def _load_script(script: Path, arguments: list[str], packages: list[str]) -> Program:
    if not script.is_file():
        raise RunError(f"{script} is a folder, not a script" if script.is_dir() else f"no such file: {script}")
    path = str(script.absolute())
    beside = [] if packages else sorted(_importable(script.absolute()))
    if beside:
        install(*beside)
    _prepare([str(script), *arguments], str(script.absolute().parent))
    checked = not settings.off_for_good()
    loader = ContractLoader("__main__", path, Policy()) if checked else SourceFileLoader("__main__", path)
    try:
        data = loader.get_data(path)
        code = loader.source_to_code(data, path) if checked else compile(data, path, "exec", dont_inherit=True)
    except (OSError, SyntaxError, UnicodeError, ValueError) as error:
        raise RunError(f"{script} can't be run: {error}") from None
    return Program(code, path, None)


def _load_module(name: str, arguments: list[str], packages: list[str]) -> Program:
    if not all(part.isidentifier() for part in name.split(".")):
        raise RunError(f"-m {name}: expected the dotted name of a module")
    _prepare(["-m", *arguments], os.getcwd())
    if not packages:
        install(name.partition(".")[0])
    spec = _find(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = _find(f"{name}.__main__")
    if spec is None or spec.origin is None or not hasattr(spec.loader, "get_code"):
        raise RunError(f"no module named {name!r} that can be run")
    code = spec.loader.get_code(spec.name)  # type: ignore[union-attr]
    if code is None:
        raise RunError(f"module {name!r} has no code")
    sys.argv[0] = spec.origin
    return Program(code, spec.origin, spec)


def _find(name: str) -> ModuleSpec | None:
    from importlib.util import find_spec

    try:
        return find_spec(name)
    except (ImportError, ValueError) as error:
        raise RunError(f"module {name!r} can't be found: {error}") from None


def _importable(script: Path) -> Iterator[str]:
    """The modules and packages in a script's folder."""
    for path in script.parent.iterdir():
        is_module = path.suffix == ".py" and path != script
        if path.stem.isidentifier() and (is_module or (path / "__init__.py").is_file()):
            yield path.stem


def _prepare(argv: list[str], folder: str) -> None:
    """`sys.argv` and `sys.path` as the program would find them."""
    sys.argv = argv
    if not sys.flags.safe_path:
        sys.path[0] = folder


def _execute(program: Program, guarded: AbstractContextManager[object]) -> int:
    main_module = ModuleType("__main__")
    spec = program.spec
    vars(main_module).update(
        __file__=program.path,
        __builtins__=__builtins__,
        __cached__=spec.cached if spec else None,
        __loader__=spec.loader if spec else None,
        __package__=spec.parent if spec else None,
        __spec__=spec,
    )
    setattr(main_module, transform.HOOK, Hooked(vars(main_module), program.path, Policy.of({})))
    sys.modules["__main__"] = main_module
    try:
        with guarded:  # a guard's error is ready to be shown once it has left
            exec(program.code, vars(main_module))
    except SystemExit:
        raise
    except BaseException as error:
        error.with_traceback(_from_program(error.__traceback__))
        sys.excepthook(type(error), error, error.__traceback__)
        return INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _from_program(traceback: TracebackType | None) -> TracebackType | None:
    """The part of a traceback below this file."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    return traceback
