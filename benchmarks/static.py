"""The static engine: annotated functions a second on one core, and a model file of 1,000 lines with start-up.

    python -m benchmarks.static [--quick] [FOLDER]

FOLDER holds annotated Python files (default: the examples of this repository). The functions a second are of a process
that has imported the engine; the model file, made of the vision transformer of the examples, is checked by a process
of its own, from start to end.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import measure
from shapecheck.static import check_files

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
    folder = Path(options.arguments[0]) if options.arguments else measure.ROOT / "examples"
    yield _functions(sorted(folder.rglob("*.py")), folder.name, options.rounds(10))
    yield _model_file(options.rounds(10))


def _functions(paths: list[Path], name: str, rounds: int) -> measure.Table:
    times: list[float] = []
    for _ in range(rounds):
        start = time.thread_time()
        report = check_files(paths)
        times.append(time.thread_time() - start)
    found, taken = report.statistics, statistics.median(times)
    row = (len(paths), found.functions, found.followed, f"{taken:.2f} s", f"{found.functions / taken:.0f}")
    columns = ("files", "annotated functions", "followed wholly", "CPU time", "annotated functions a second")
    notes = ("Functions without annotations, classes and modules' top levels are in the time and not in the count.",)
    return measure.Table(f"Functions of {name}", columns, (row,), notes)


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
