"""Run every benchmark that this machine can run; skip the others by name and reason.

    python -m benchmarks [NAME…] [--quick] [--json FILE]

A benchmark is a module of this folder with ``run(options) -> Iterable[Table]``; one that needs something special
has ``unavailable() -> str | None`` that says what is missing.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

import benchmarks
from benchmarks import measure

NOT_BENCHMARKS = {"measure", "plot"}


def names() -> list[str]:
    found = (module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return [name for name in found if name not in NOT_BENCHMARKS and not name.startswith("_")]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names())}; all by default")
    parser.add_argument("--quick", action="store_true", help="few rounds and small sizes: does everything work?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all tables and the machine to FILE as well")
    given = parser.parse_args()
    if unknown := set(given.names) - set(names()):
        parser.error(f"no benchmark named {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    print(measure.stamp())
    results = {}
    for name in given.names or names():
        module = importlib.import_module(f"benchmarks.{name}")
        reason = module.unavailable() if hasattr(module, "unavailable") else None
        print(f"\n## {name}\n\n{(module.__doc__ or '').strip().splitlines()[0]}")
        if reason:
            print(f"\nskipped: {reason}")
            continue
        results[name] = measure.report(module.run(measure.Options(given.quick)))
    if given.json:
        measure.write_json(given.json, results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
