"""`shapecheck lint`: arguments in, exit code out.

0: nothing found, 1: something found, 2: wrong use or failure, 130: stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from shapecheck.lint.arguments import Parser
from shapecheck.lint.config import Config, ConfigError

CLEAN, FOUND, FAILED, STOPPED = 0, 1, 2, 130
_FORMATS = ("text", "concise", "json", "github", "gitlab", "sarif", "junit")


class UsageError(Exception):
    """Options that don't go together."""


def main(arguments: Sequence[str]) -> int:
    """Run the command; whatever goes wrong is one message and exit code 2."""
    options = parser().parse_args(arguments)
    try:
        return _run(options)
    except KeyboardInterrupt:
        print("shapecheck lint: stopped; nothing is half written", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - the reader is gone, nothing more is to be flushed to it
        return FAILED
    except Exception as error:
        expected = isinstance(error, (ConfigError, UsageError, OSError, *_late_errors()))
        kind = "" if expected else f"internal error: {type(error).__name__}: "
        print(f"shapecheck lint: {kind}{error}", file=sys.stderr)
        return FAILED


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = Parser("shapecheck lint", description="Find bugs in PyTorch code, and fix them.")
    made.add_argument("paths", nargs="*", metavar="PATH", help="files and folders (default: .), or - for stdin")
    rules = made.add_argument_group("rules")
    rules.add_argument("--select", type=_names, metavar="NAMES", help="only these rules or groups; `all` for all")
    rules.add_argument("--extend-select", type=_names, metavar="NAMES", default=(), help="these rules or groups too")
    rules.add_argument("--ignore", type=_names, metavar="NAMES", default=(), help="not these rules or groups")
    rules.add_argument("--preview", action="store_true", help="rules that are still being tried, too")
    rules.add_argument("--config", metavar="FILE", help="a TOML file with [tool.shapecheck.lint], not the nearest one")
    fixes = made.add_argument_group("fixes")
    fixes.add_argument("--fix", action="store_true", help="make the fixes that keep what the program does")
    fixes.add_argument(
        "--unsafe-fixes", action="store_true", help="with --fix or --diff: those that may change it, too"
    )
    fixes.add_argument("--diff", action="store_true", help="show what --fix would change, and change nothing")
    fixes.add_argument("--add-ignore", action="store_true", help="silence each finding with a comment")
    output = made.add_argument_group("output")
    output.add_argument("--output-format", choices=_FORMATS, default="text", metavar="FORMAT", help=", ".join(_FORMATS))
    output.add_argument("--output-file", metavar="FILE", help="write there")
    output.add_argument("--statistics", action="store_true", help="how often each rule fires, instead of where")
    output.add_argument("--exit-zero", action="store_true", help="exit with 0 whatever is found")
    run = made.add_argument_group("run")
    run.add_argument("--stdin-filename", metavar="FILE", default="<stdin>", help="what to call standard input")
    run.add_argument("--force-exclude", action="store_true", help="leave out excluded files even if they are named")
    run.add_argument("--jobs", "-j", type=_positive, metavar="N", help="processes (default: one per core)")
    run.add_argument("--no-cache", action="store_true", help="neither use nor keep results of earlier runs")
    return made


def configured(options: argparse.Namespace) -> Config:
    """The project's configuration with the command line's wishes in it."""
    from shapecheck.lint.config import find_config, read_config

    first = options.stdin_filename if options.paths == ["-"] else next(iter(options.paths), ".")
    folder = first if os.path.isdir(first) else os.path.dirname(first) or "."
    config = read_config(options.config) if options.config else find_config(folder)
    if options.select is not None:
        config = replace(config, select=options.select, extend_select=())
    flags = {name for name in ("select", "extend_select", "ignore") if getattr(options, name)}
    return replace(
        config,
        from_flags=frozenset(flags),
        extend_select=(*config.extend_select, *options.extend_select),
        ignore=(*config.ignore, *options.ignore),
        preview=config.preview or options.preview,
    )


def _run(options: argparse.Namespace) -> int:
    if options.unsafe_fixes and not (options.fix or options.diff):
        raise UsageError("--unsafe-fixes goes with --fix or --diff")
    if options.fix and options.diff:
        raise UsageError("--fix changes files and --diff only shows; choose one")
    if options.add_ignore and (options.fix or options.diff):
        raise UsageError("--add-ignore goes without --fix and --diff")
    if "-" in options.paths and options.paths != ["-"]:
        raise UsageError("standard input (-) can't be mixed with other paths")
    config = configured(options)
    for package_root in {config.root, os.getcwd()} if config.rule_packages else ():
        sys.path.insert(0, package_root)
    from shapecheck.lint.session import Session

    session = Session(options, config)
    return session.lint_stdin() if options.paths == ["-"] else session.lint_paths()


def _late_errors() -> tuple[type[Exception], ...]:
    """The errors of modules that are only there once the run began."""
    from shapecheck.lint.discovery import PathError
    from shapecheck.lint.rule import RuleError

    return PathError, RuleError


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a number from 1, not {text!r}")
    return int(text)
