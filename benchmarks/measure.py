"""How every benchmark measures: variants interleaved in one process, medians of paired rounds, the machine stamped.

    times = interleaved({"bare": bare_call, "contract": checked_call})      # ns per call, one list a variant
    ratio(times["contract"], times["bare"])                                  # median of the paired ratios + interval

Rounds of all variants take turns, so a machine that slows down slows all of them, and a ratio is formed within a
round. What is timed is this thread's CPU time; the inner loop runs in C (`timeit`) with the garbage collector off.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import random
import shlex
import statistics
import subprocess
import sys
import time
import timeit
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGES = ("torch", "jaxtyping", "beartype", "typeguard", "libcst", "mypy", "torchfix", "numpy", "einops")


@dataclass(frozen=True, slots=True)
class Ratio:
    """A median of paired ratios with its 95 % interval (bootstrap over rounds)."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a benchmark: cells are shown as they are, so give text or numbers already rounded.

    `data` is what the cells were made from, for plots and for whoever reads the JSON: numbers, lists, dictionaries.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    notes: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        cells = [[str(cell) for cell in row] for row in (self.columns, *self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
        rule = " | ".join("-" * width for width in widths)
        body = "\n".join(f"| {line} |" for line in (lines[0], rule, *lines[1:]))
        return "\n\n".join((f"### {self.title}", body, *self.notes))


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said. `quick`: few rounds, small sizes, to see that everything works."""

    quick: bool = False
    arguments: tuple[str, ...] = field(default=())

    def rounds(self, many: int) -> int:
        return max(3, many // 10) if self.quick else many


def interleaved(
    variants: Mapping[str, Callable[[], object]], rounds: int = 41, seconds: float = 0.02
) -> dict[str, list[float]]:
    """Nanoseconds of CPU time per call of each variant, one figure a round; variants take turns in random order."""
    timers = {name: timeit.Timer(call, timer=time.thread_time) for name, call in variants.items()}
    repeats = {name: _repeats(timer, seconds) for name, timer in timers.items()}
    times: dict[str, list[float]] = {name: [] for name in variants}
    order, shuffle = list(variants), random.Random(0)
    gc.collect()
    for _ in range(rounds):
        shuffle.shuffle(order)
        for name in order:
            times[name].append(timers[name].timeit(repeats[name]) / repeats[name] * 1e9)
    return times


def _repeats(timer: timeit.Timer, seconds: float) -> int:
    """How many calls take about `seconds` (the first calls warm up)."""
    number = 1
    while (taken := timer.timeit(number)) < seconds / 4:
        number = number * 2 if taken <= 0 else max(number + 1, min(number * 10, int(number * seconds / 2 / taken)))
    return max(1, int(number * seconds / max(taken, 1e-9)))


def median(times: Sequence[float]) -> float:
    return statistics.median(times)


def ratio(times: Sequence[float], base: Sequence[float], samples: int = 1000) -> Ratio:
    """How many times `base` something takes, from rounds measured side by side."""
    paired = [a / b for a, b in zip(times, base, strict=True)]
    draw = random.Random(0)
    medians = sorted(statistics.median(draw.choices(paired, k=len(paired))) for _ in range(samples))
    return Ratio(statistics.median(paired), medians[int(samples * 0.025)], medians[int(samples * 0.975)])


def nanoseconds(value: float) -> str:
    """``"58 ns"``, ``"1.21 µs"``, ``"3.4 ms"``."""
    for unit, scale in (("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)):
        if value < 999.5 * scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e9:.0f} s"


def machine() -> dict[str, str]:
    """What the figures belong to: processor, system, versions, commit."""
    facts = {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "commit": _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "--porcelain", "-uno") else ""),
        "date": time.strftime("%Y-%m-%d"),
    }
    for package in PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            continue
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        facts["gpu"] = torch.cuda.get_device_name()
    return facts


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def stamp() -> str:
    """The machine in one line, to stand above tables."""
    return as_line(machine())


def as_line(facts: Mapping[str, str]) -> str:
    return " · ".join(f"{name} {value}" for name, value in facts.items())


def report(tables: Iterable[Table]) -> list[Table]:
    """Print tables as they come."""
    shown = []
    for table in tables:
        print(f"\n{table}\n", flush=True)
        shown.append(table)
    return shown


def main(run: Callable[[Options], Iterable[Table]], argv: Sequence[str] | None = None) -> int:
    """The command line of one benchmark: ``python -m benchmarks.NAME [--quick] [--json FILE] [ARGUMENT…]``."""
    parser = argparse.ArgumentParser(
        description=sys.modules[run.__module__].__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few rounds and small sizes: does everything work?")
    parser.add_argument("--json", type=new_file, metavar="FILE", help="write tables and machine to FILE as well")
    parser.add_argument("arguments", nargs="*", help="what this benchmark takes, see above")
    given = parser.parse_args(argv)
    print(stamp())
    tables = report(run(Options(given.quick, tuple(given.arguments))))
    if given.json:
        write_json(given.json, {_name(run): tables}, quick=given.quick)
    return 0


def _name(run: Callable[[Options], Iterable[Table]]) -> str:
    """The benchmark's name, also when it is the program."""
    spec = sys.modules[run.__module__].__spec__
    return (spec.name if spec else run.__module__).rpartition(".")[2]


def new_file(text: str) -> Path:
    """A file that can be written, as an option of the command line."""
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is a folder")
    return path


def content(results: Mapping[str, Sequence[Table]], quick: bool = False) -> dict[str, Any]:
    """What a JSON file of results says."""
    tables = {name: [asdict(table) for table in tables] for name, tables in results.items()}
    return {"command": command(), "machine": machine(), "quick": quick, "benchmarks": tables}


def command() -> str:
    """The command that is running, without where it writes to."""
    words = iter(sys.orig_argv[1:])
    kept = [word for word in words if not (word == "--json" and next(words)) and word != "--write-readme"]
    return shlex.join(["python", *kept])


def write_json(path: Path, results: Mapping[str, Sequence[Table]], quick: bool = False) -> None:
    text = json.dumps(content(results, quick), indent=2, ensure_ascii=False, default=str)
    path.write_text(text + "\n", encoding="utf-8")
