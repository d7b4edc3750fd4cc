"""What is left of a contract under `python -O` and with SHAPECHECK=off: the object, what a call executes, imports.

Every figure comes from a process started in that mode. The machine's instructions are counted by valgrind's callgrind,
where it is installed. In the mode SHAPECHECK=off, jaxtyping is switched off by its own JAXTYPING_DISABLE=1; beartype,
typeguard 2 and `assert` only know `-O`. typeguard is shown where version 2 is installed: later ones can't read shapes.
"""

from __future__ import annotations

import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import measure, modes
from benchmarks.measure import Options, Ratio, Table, nanoseconds
from benchmarks.modes import MODES, OFF, ON, OPTIMIZED, Mode

CALLS = 1000
CALLGRIND = ("valgrind", "-q", "--tool=callgrind", "--dump-before=getppid")


def run(options: Options) -> Iterator[Table]:
    found = {mode.name: modes.answer("calls", mode, *["--quick"] * options.quick) for mode in MODES}
    yield identity({mode: each["identity"] for mode, each in found.items()})
    for mode, each in found.items():
        yield calls(mode, each["calls"])
    if not options.quick:  # a minute of its own
        yield machine_code()
    yield imports(options)
    yield cached_code()


def identity(found: Mapping[str, Mapping[str, bool]]) -> Table:
    """Whether what is decorated comes back as the same object, by kind and mode."""
    rows = [(kind, *(_yes(answers[kind]) for answers in found.values())) for kind in found[ON.name]]
    notes = (
        "`always=True` is the exception that is meant: it stays on for input that users send.",
        "A class counts as the same only if every attribute of it is the same as well.",
    )
    return Table("The same object comes back", ("decorated with `contract`", *found), tuple(rows), notes, found)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def calls(mode: str, found: list[dict[str, Any]]) -> Table:
    """One call of each checker in this mode."""
    rows = [
        (
            each["checker"],
            _yes(each["same"]),
            nanoseconds(each["nanoseconds"]),
            Ratio(*each["ratio"]),
            each["instructions"],
            each["frames"],
            _yes(each["rejects"]),
        )
        for each in found
    ]
    columns = ("", "bare object", "per call", "× bare", "byte-code instructions", "frames", "rejects a bad call")
    missing = (
        () if any("typeguard" in each["checker"] for each in found) else ("typeguard 2 isn't installed: skipped.",)
    )
    return Table(f"A call of 3 tensors of 4 dims, {mode}", columns, tuple(rows), missing, {mode: found})


def machine_code() -> Table:
    """The machine's instructions in a loop of calls, by mode."""
    title, columns = f"Machine instructions in {2 * CALLS} calls of 2 arrays", ("", "per call", "in all", "over bare")
    if reason := without_callgrind():
        return Table(title, columns, (), (f"Skipped: {reason}.",))
    rows, data = [], {}
    for mode in MODES:
        data[mode.name] = counted = executed(mode, "-m", "benchmarks.programs.machine_code", str(CALLS))
        for name, (once, twice) in counted.items():
            per_call, over = (twice - once) / CALLS, twice - counted["bare"][1]
            rows.append((f"{name}, {mode.name}", f"{per_call:.0f}", twice, over))
    note = (
        f"Counted by callgrind; per call is the difference between {2 * CALLS} and {CALLS} calls, loop included. "
        "Equal code counts equally: what is over bare is not noise."
    )
    return Table(title, columns, tuple(rows), (note,), data)


def without_callgrind() -> str | None:
    return None if shutil.which("valgrind") else "valgrind isn't installed"


def executed(mode: Mode, *program: str) -> dict[str, tuple[int, int]]:
    """The machine's instructions in `CALLS` and in twice as many calls of each function that a program names."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        under = (*CALLGRIND, f"--callgrind-out-file={out}")
        names = modes.read(modes.python(mode, *program, under=under, PYTHONHASHSEED="0"))
        parts = [total(Path(f"{out}.{part}").read_text()) for part in range(1, 3 * len(names) + 1)]
    return {name: (parts[3 * index + 1], parts[3 * index + 2]) for index, name in enumerate(names)}


def total(dump: str) -> int:
    """The instructions that one dump of callgrind counts."""
    found = re.search(r"^totals: (\d+)", dump, re.MULTILINE)
    if found is None:
        raise ValueError("callgrind wrote no totals")
    return int(found[1])


IMPORTS = {
    "jaxtyping": "import jaxtyping",
    "shapecheck": "import shapecheck",
    "contract": "from shapecheck import contract",
    "decoration": "the first function under contract",
    "beartype": "import beartype",
}


def imports(options: Options) -> Table:
    """What imports add, on top of jaxtyping, which the annotations need."""
    rounds = 1 if options.quick else 15
    found: dict[str, list[dict[str, tuple[float, int]]]] = {mode.name: [] for mode in MODES}
    for _ in range(rounds):
        for mode in MODES:
            found[mode.name].append(modes.answer("imports", mode, *IMPORTS))
    rows = [(step, *(_median(each, name) for each in found.values())) for name, step in IMPORTS.items()]
    note = f"CPU time and modules loaded, each step on top of those above it, torch not loaded; medians of {rounds}."
    return Table("Imports", ("", *found), tuple(rows), (note,), found)


def _median(runs: list[dict[str, tuple[float, int]]], name: str) -> str:
    taken = statistics.median(each[name][0] for each in runs)
    return f"{nanoseconds(taken * 1e6)}, {runs[0][name][1]} modules"


MODULE = """
from jaxtyping import Float

class Array:
    def __init__(self, *shape):
        self.shape, self.dtype = shape, "float32"

def f(x: Float[Array, "b b"]):
    assert x.shape[0] != 5, "the author's own assertion"
"""


def cached_code(order: Sequence[Mode] = (OPTIMIZED, ON, OFF, ON)) -> Table:
    """Runs of one module one after the other, with the byte code that the runs before have left."""
    rows = []
    for hook in ("shapecheck", "jaxtyping"):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "m.py").write_text(MODULE, encoding="utf-8")
            rows += [(f"{hook}'s hook, {mode.name}", *_hooked(hook, mode, folder)) for mode in order]
    columns = ("run after run, each hook from an empty cache", "contract checked", "own assert alive", "files written")
    return Table("The import hook's byte code", columns, tuple(rows))


def _hooked(hook: str, mode: Mode, folder: Path) -> tuple[str, str, str]:
    before = _cached(folder)
    environment = {"PYTHONPYCACHEPREFIX": str(folder / "cache"), "PYTHONDONTWRITEBYTECODE": ""}
    program = ("-m", "benchmarks.programs.hooked", hook)
    alive: Mapping[str, Any] = modes.read(modes.python(mode, *program, folder=folder, **environment))
    written = sorted(re.sub("[0-9a-f]{12,}", "…", name) for name in _cached(folder) - before)
    return _yes(alive["contract"]), _yes(alive["assert"]), ", ".join(written) or "none"


def _cached(folder: Path) -> set[str]:
    return {path.name for path in (folder / "cache").rglob("m.*.pyc")}


if __name__ == "__main__":
    sys.exit(measure.main(run))
