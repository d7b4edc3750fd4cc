"""The linter against TorchFix and plain parsing: CPU time, wall time and memory, cold and warm.

    python -m benchmarks.lint [--quick] [FOLDER [TORCHFIX]]

FOLDER holds the Python files to check, such as an unpacked wheel of transformers (default: the installed torch).
TORCHFIX is the command (default: the one on the path; without one, TorchFix is skipped). Files are copied first; every
variant is a process of its own, variants take turns, CPU time is that of the process and its workers. TorchFix, which
takes minutes where others take seconds, gets a random sample of the files, and so do all that are compared with it.
"""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import measure

_SAMPLE, _QUICK_SAMPLE = 150, 20
_AST = "import ast, sys\nfor p in sys.stdin.read().split('\\0'): ast.parse(open(p, 'rb').read())"
_CST = "import libcst, sys\nfor p in sys.stdin.read().split('\\0'): libcst.parse_module(open(p, 'rb').read())"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process and its workers took: seconds of CPU, seconds on the clock, MB in the largest of them."""

    cpu: float
    wall: float
    memory: float


def run(options: measure.Options) -> Iterator[measure.Table]:
    source, torchfix = _arguments(options.arguments)
    with tempfile.TemporaryDirectory() as name:
        everything, sample = Path(name) / "all", Path(name) / "sample"
        files = _copy(source, everything)
        chosen = random.Random(0).sample(files, min(len(files), _QUICK_SAMPLE if options.quick else _SAMPLE))
        _copy(source, sample, {path.relative_to(everything) for path in chosen})
        rounds = 1 if options.quick else 3
        yield _whole(everything, files, source.name, rounds)
        yield _compared(sample, source.name, torchfix, rounds)


def _whole(folder: Path, files: Sequence[Path], name: str, rounds: int) -> measure.Table:
    """The whole folder: cold, warm, one file changed, and only parsing it."""
    lint = _lint(folder)
    parse = "\0".join(map(str, files))
    costs: dict[str, list[Cost]] = {}
    for _ in range(rounds):
        shutil.rmtree(folder / ".shapecheck_cache", ignore_errors=True)
        costs.setdefault("ast.parse of every file", []).append(_cost([sys.executable, "-c", _AST], parse))
        costs.setdefault("cold, one process", []).append(_cost([*lint, "--no-cache", "--jobs", "1"]))
        costs.setdefault("cold, a process per core", []).append(_cost(lint))
        costs.setdefault("warm", []).append(_cost(lint))
        with files[len(files) // 2].open("a") as stream:
            stream.write("# changed\n")
        costs.setdefault("one file changed", []).append(_cost(lint))
        costs.setdefault("lint --help", []).append(_cost([*_command(), "lint", "--help"]))
    lines = sum(path.read_bytes().count(b"\n") for path in files)
    return measure.Table(
        f"shapecheck lint {name}: {len(files)} files, {lines} lines, all default rules",
        ("run", "CPU s", "wall s", "peak MB of a process"),
        tuple(_row(variant, found) for variant, found in costs.items()),
        (f"Medians of {rounds}.",),
    )


def _compared(folder: Path, name: str, torchfix: str | None, rounds: int) -> measure.Table:
    """The same sample of files for everybody, cold."""
    files = sorted(folder.rglob("*.py"))
    parse = "\0".join(map(str, files))
    commands = {
        "shapecheck lint": ([*_lint(folder), "--no-cache", "--jobs", "1"], ""),
        "libcst.parse_module": ([sys.executable, "-c", _CST], parse),
        "ast.parse": ([sys.executable, "-c", _AST], parse),
    }
    if torchfix is not None:
        commands["TorchFix"] = ([torchfix, "--select=ALL", "-j", "1", str(folder)], "")
    costs: dict[str, list[Cost]] = {variant: [] for variant in commands}
    for _ in range(rounds):
        for variant, (command, stdin) in commands.items():
            costs[variant].append(_cost(command, stdin))
    ours = costs["shapecheck lint"]
    notes = [f"Medians of {rounds}; a ratio is the median of the ratios of each round."]
    if torchfix is None:
        notes.append("TorchFix is skipped: no command `torchfix` on the path, and none was named.")
    return measure.Table(
        f"{len(files)} files of {name}, drawn at random, one process, cold",
        ("run", "CPU s", "wall s", "peak MB of a process", "CPU / ours"),
        tuple((*_row(variant, found), f"{_ratio(found, ours):.2f}") for variant, found in costs.items()),
        tuple(notes),
    )


def _arguments(given: Sequence[str]) -> tuple[Path, str | None]:
    """The folder to check and the command of TorchFix."""
    torchfix = given[1] if len(given) > 1 else shutil.which("torchfix")
    if given:
        return Path(given[0]), torchfix
    torch = importlib.util.find_spec("torch")
    if torch is None or not torch.submodule_search_locations:
        return measure.ROOT / "shapecheck", torchfix
    return Path(torch.submodule_search_locations[0]), torchfix


def _copy(source: Path, target: Path, only: set[Path] | None = None) -> list[Path]:
    """Copy the Python files of a folder that parse, or only those, and return where they are now."""
    copied = []
    for path in sorted(source.rglob("*.py")):
        relative = path.relative_to(source)
        if only is None or relative in only:
            (target / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target / relative)
            copied.append(target / relative)
    (target / "pyproject.toml").write_text("[tool.shapecheck.lint]\n")
    return copied


def _lint(folder: Path) -> list[str]:
    return [*_command(), "lint", "--exit-zero", "--output-format", "concise", str(folder)]


def _command() -> list[str]:
    return [sys.executable, "-m", "shapecheck"]


def _cost(command: Sequence[str], stdin: str = "") -> Cost:
    """Run a process to its end. Raises CalledProcessError if it failed."""
    environment: Mapping[str, str] = {**os.environ, "PYTHONPATH": str(measure.ROOT), "PYTHONWARNINGS": "ignore"}
    with tempfile.TemporaryFile() as data:
        data.write(stdin.encode())
        data.seek(0)
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=data, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), command)
    kilobyte = 1 if sys.platform == "linux" else 1024
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024 / kilobyte)


def _row(variant: str, found: Sequence[Cost]) -> tuple[str, str, str, str]:
    cpu, wall, memory = (statistics.median(getattr(cost, name) for cost in found) for name in Cost.__slots__)
    return variant, f"{cpu:.2f}", f"{wall:.2f}", f"{memory:.0f}"


def _ratio(found: Sequence[Cost], ours: Sequence[Cost]) -> float:
    return statistics.median(cost.cpu / own.cpu for cost, own in zip(found, ours, strict=True))


if __name__ == "__main__":
    sys.exit(measure.main(run))
