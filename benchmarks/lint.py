"""The linter against TorchFix and plain parsing: CPU time, wall time and memory, cold and warm.

    python -m benchmarks.lint [--quick] [FOLDER [TORCHFIX [FILES]]]

FOLDER holds the Python files to check, such as unpacked wheels of transformers and timm (default: the installed torch).
TORCHFIX is the command (default: the one on the path; without one, TorchFix is skipped). Files are copied first; every
variant is a process of its own, and CPU time is that of the process and its workers. TorchFix takes minutes where
others take seconds, so it gets FILES of the files (default 300), drawn at random, and runs once; what is compared with
it gets the same ones.
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

_SAMPLE, _QUICK_SAMPLE = 300, 20
_AST = "import ast, sys\nfor p in sys.stdin.read().split('\\0'): ast.parse(open(p, 'rb').read())"
_CST = "import libcst, sys\nfor p in sys.stdin.read().split('\\0'): libcst.parse_module(open(p, 'rb').read())"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process and its workers took: seconds of CPU, seconds on the clock, MB in the largest of them."""

    cpu: float
    wall: float
    memory: float


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for."""

    folder: Path
    torchfix: str | None
    sample: int
    rounds: int


def run(options: measure.Options) -> Iterator[measure.Table]:
    request = _request(options)
    with tempfile.TemporaryDirectory() as name:
        everything, sample = Path(name) / "all", Path(name) / "sample"
        files = _copy(request.folder, everything)
        chosen = random.Random(0).sample(files, min(len(files), request.sample))
        drawn = _copy(request.folder, sample, {path.relative_to(everything) for path in chosen})
        compared = _compared(sample, drawn, request)
        whole = _whole(everything, files, request.rounds)
    yield _table(request, {"sample": len(drawn), "all": len(files)}, compared, whole)


def _compared(folder: Path, files: Sequence[Path], request: Request) -> dict[str, list[Cost]]:
    """The same sample of files for everybody: cold, one process."""
    parse = "\0".join(map(str, files))
    commands = {
        "ast.parse": ([sys.executable, "-c", _AST], parse),
        "shapecheck lint, cold, one process": ([*_lint(folder), "--no-cache", "--jobs", "1"], ""),
        "libcst.parse_module": ([sys.executable, "-c", _CST], parse),
    }
    costs: dict[str, list[Cost]] = {}
    for _ in range(request.rounds):
        for variant, (command, stdin) in commands.items():
            costs.setdefault(variant, []).append(_cost(command, stdin))
    if request.torchfix is not None:
        costs["TorchFix"] = [_cost([request.torchfix, "-j", "1", str(folder)])]
    return costs


def _whole(folder: Path, files: Sequence[Path], rounds: int) -> dict[str, list[Cost]]:
    """The whole folder: only parsed, cold, warm, one file changed."""
    lint, parse = _lint(folder), "\0".join(map(str, files))
    costs: dict[str, list[Cost]] = {}
    for _ in range(rounds):
        shutil.rmtree(folder / ".shapecheck_cache", ignore_errors=True)
        costs.setdefault("ast.parse", []).append(_cost([sys.executable, "-c", _AST], parse))
        costs.setdefault("shapecheck lint, cold, one process", []).append(_cost([*lint, "--no-cache", "--jobs", "1"]))
        costs.setdefault("shapecheck lint, cold, a process per core", []).append(_cost(lint))
        costs.setdefault("shapecheck lint, warm", []).append(_cost(lint))
        with files[len(files) // 2].open("a") as stream:
            stream.write("# changed\n")
        costs.setdefault("shapecheck lint, one file changed", []).append(_cost(lint))
        costs.setdefault("shapecheck lint --help", []).append(_cost([*_command(), "lint", "--help"]))
    return costs


def _table(
    request: Request, counts: Mapping[str, int], compared: Mapping[str, list[Cost]], whole: Mapping[str, list[Cost]]
) -> measure.Table:
    peers = compared.get("TorchFix")
    rows = [(*_row(variant, counts["sample"], found), _times(peers, found)) for variant, found in compared.items()]
    rows += [(*_row(variant, counts["all"], found), "") for variant, found in whole.items()]
    notes = [
        f"All default rules on either side. Medians of {request.rounds}, of one run for TorchFix; "
        f"the {counts['sample']} files are drawn at random from all {counts['all']}."
    ]
    if peers is None:
        notes.append("TorchFix is skipped: no command `torchfix` on the path, and none was named.")
    return measure.Table(
        f"shapecheck lint, TorchFix and plain parsing on {request.folder.name}",
        ("run", "files", "CPU s", "wall s", "peak MB of a process", "TorchFix's CPU"),
        tuple(rows),
        tuple(notes),
    )


def _request(options: measure.Options) -> Request:
    given = options.arguments
    torchfix = given[1] if len(given) > 1 else shutil.which("torchfix")
    sample = int(given[2]) if len(given) > 2 else _QUICK_SAMPLE if options.quick else _SAMPLE
    rounds = 1 if options.quick else 3
    if given:
        return Request(Path(given[0]), torchfix, sample, rounds)
    torch = importlib.util.find_spec("torch")
    locations = None if torch is None else torch.submodule_search_locations
    return Request(Path(locations[0]) if locations else measure.ROOT / "shapecheck", torchfix, sample, rounds)


def _copy(source: Path, target: Path, only: set[Path] | None = None) -> list[Path]:
    """Copy the Python files of a folder, all or only some, and return where they are now."""
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
    environment = {**os.environ, "PYTHONPATH": str(measure.ROOT), "PYTHONWARNINGS": "ignore"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled once, as what is installed is
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


def _row(variant: str, files: int, found: Sequence[Cost]) -> tuple[str, int, str, str, str]:
    cpu, wall, memory = (statistics.median(getattr(cost, name) for cost in found) for name in Cost.__slots__)
    return variant, files, f"{cpu:.2f}", f"{wall:.2f}", f"{memory:.0f}"


def _times(peers: Sequence[Cost] | None, found: Sequence[Cost]) -> str:
    """How many times this TorchFix takes."""
    if peers is None or peers is found:
        return ""
    return f"{peers[0].cpu / statistics.median(cost.cpu for cost in found):.0f}×"


if __name__ == "__main__":
    sys.exit(measure.main(run))
