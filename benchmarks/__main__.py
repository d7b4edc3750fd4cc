"""Run every benchmark that this machine can run; skip the others by name and reason.

    python -m benchmarks [--only NAME]… [--quick] [--json FILE] [--write-readme]
    python -m benchmarks readme FILE…       write the tables of JSON files into benchmarks/README.md
    python -m benchmarks plot FILE…         draw the plots that JSON files have the figures for

A benchmark is a module of this folder with ``run(options) -> Iterable[Table]``; one that needs something special
has ``unavailable() -> str | None`` that says what is missing.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import traceback
from collections.abc import Sequence

import benchmarks
from benchmarks import measure

NOT_BENCHMARKS = {"counting", "measure", "modes", "plot", "readme"}


def names() -> list[str]:
    found = (module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.ispkg)
    return [name for name in found if name not in NOT_BENCHMARKS and not name.startswith("_")]


def main(argv: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if argv is None else argv
    match given:
        case ["readme", *rest]:
            from benchmarks import readme

            return readme.main(rest)
        case ["plot", *rest]:
            from benchmarks import plot

            return plot.main(rest)
    return _run(_parser().parse_args(given))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", action="append", metavar="NAME", choices=names(), help=f"of {', '.join(names())}; may be repeated"
    )
    parser.add_argument("--quick", action="store_true", help="few rounds and small sizes: does everything work?")
    parser.add_argument("--json", type=measure.new_file, metavar="FILE", help="write tables and machine to FILE too")
    parser.add_argument("--write-readme", action="store_true", help="write the tables into benchmarks/README.md too")
    return parser


def _run(given: argparse.Namespace) -> int:
    print(measure.stamp())
    results: dict[str, list[measure.Table]] = {}
    failed = False
    for name in given.only or names():
        try:
            if tables := _tables(name, measure.Options(given.quick)):
                results[name] = tables
        except Exception:  # the others are still worth having
            failed = True
            print(f"\nfailed: {name}\n{traceback.format_exc()}", file=sys.stderr, flush=True)
    if given.json:
        measure.write_json(given.json, results, given.quick)
    if given.write_readme:
        from benchmarks import readme

        readme.write(measure.content(results, given.quick))
    return int(failed)


def _tables(name: str, options: measure.Options) -> list[measure.Table]:
    """Run one benchmark and print its tables; none if this machine can't run it, which is said."""
    print(f"\n## {name}\n", flush=True)
    try:
        module = importlib.import_module(f"benchmarks.{name}")
    except ModuleNotFoundError as error:
        print(f"skipped: {error.name} isn't installed")
        return []
    print((module.__doc__ or "").strip().splitlines()[0])
    if reason := module.unavailable() if hasattr(module, "unavailable") else None:
        print(f"\nskipped: {reason}")
        return []
    return measure.report(module.run(options))


if __name__ == "__main__":
    sys.exit(main())
