"""The static engine: annotated functions a second on one core, and a model file of 1,000 lines with start-up.

    python -m benchmarks.static [--quick] [FOLDER]

FOLDER holds annotated Python files (default: the engine's own test cases, and the examples of this repository). The
functions a second are of a process that has imported the engine, in CPU time: of whole files, and of the annotated
functions alone in files that were parsed before. The model file, made of the vision transformer of the examples, is
checked by a process of its own, from start to end.
"""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import measure
from shapecheck.static import Project, check_files
from shapecheck.static.check import follow_function, functions_of, ranks_of

_LINES = 1000
_WHOLE = """
import sys, time
from pathlib import Path
from shapecheck.static import check_source
path = sys.argv[1]
check_source(Path(path).read_text(), path)
assert "torch" not in sys.modules
print(time.process_time())
"""


def run(options: measure.Options) -> Iterator[measure.Table]:
    folders = [Path(folder) for folder in options.arguments] or [
        measure.ROOT / "tests/static/cases",
        measure.ROOT / "examples",
    ]
    yield _functions(folders, options.rounds(10))
    yield _model_file(options.rounds(10))


def _functions(folders: list[Path], rounds: int) -> measure.Table:
    rows = tuple(_row(sorted(folder.rglob("*.py")), folder.name, rounds) for folder in folders)
    columns = ("folder", "files", "annotated functions", "CPU time", "a second, whole files", "a second, these alone")
    notes = (
        "Whole files have functions without annotations, classes and a top level, which cost time and don't count.",
    )
    return measure.Table("Annotated functions followed a second", columns, rows, notes)


def _row(paths: list[Path], name: str, rounds: int) -> tuple[object, ...]:
    whole: list[float] = []
    alone: list[float] = []
    for _ in range(rounds):
        start = time.thread_time()
        found = check_files(paths).statistics
        whole.append(time.thread_time() - start)
        alone.append(_alone(paths))
    taken, least = statistics.median(whole), statistics.median(alone)
    return (
        name,
        len(paths),
        found.functions,
        f"{taken:.2f} s",
        f"{found.functions / taken:.0f}",
        f"{found.functions / least:.0f}",
    )


def _alone(paths: list[Path]) -> float:
    """The CPU time of following the annotated functions of some files, once each for every rank that is open."""
    projects: dict[Path, Project] = {}
    taken = 0.0
    for path in paths:
        project = Project.around(path)
        project = projects.setdefault(project.roots[0], project)
        file = project.add(str(path), path.read_text(encoding="utf-8"))
        annotated = [signature for _, signature in functions_of(file) if signature.is_annotated]
        gc.disable()  # as for whole files
        start = time.thread_time()
        for signature in annotated:
            for rank in ranks_of(signature):
                follow_function(signature, rank)
        taken += time.thread_time() - start
        gc.enable()
    return taken


def _model_file(rounds: int) -> measure.Table:
    source = (measure.ROOT / "examples" / "digits_vit.py").read_text(encoding="utf-8")
    copies = -(-_LINES // len(source.splitlines()))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.py"
        path.write_text(source * copies, encoding="utf-8")
        times = [_whole(path) for _ in range(rounds)]
    row = (len(source.splitlines()) * copies, f"{statistics.median(times):.2f} s", f"{min(times):.2f} s")
    return measure.Table("A model file, start-up included, torch not imported", ("lines", "median CPU", "best"), (row,))


def _whole(path: Path) -> float:
    command = [sys.executable, "-c", _WHOLE, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=measure.ROOT)
    return float(done.stdout)


if __name__ == "__main__":
    sys.exit(measure.main(run))
