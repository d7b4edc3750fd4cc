"""What a checked call executes, enters, keeps and needs, counted and held against the committed baseline.

    python -m benchmarks.regression            # the counts of now, beside those of the baseline
    python -m benchmarks.regression --write    # make them the baseline of this Python, and print what differs

Nothing here is timed: the counts are the same on every machine with the same minor version of Python, so that
tests/benchmarks/test_regression.py can fail when one grows by more than its margin.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Any
from unittest import mock

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks import contract as cases
from benchmarks import measure
from benchmarks.counting import count
from benchmarks.measure import Options, Table
from shapecheck import check, contract, guard
from shapecheck.runtime import checked as checkers
from shapecheck.runtime.source import compiled

BASELINE = Path(__file__).with_name("baseline.json")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
WARM_UP = 5000  # guards look at the calls number 1, 2, 4, … 4096

# By how much each count may grow before it is a regression, as a part of the baseline.
MARGINS = {"instructions": 0.02, "frames": 0.0, "kept": 0.0, "transient": 0.02, "lines": 0.02, "code": 0.02}


@dataclass(frozen=True, slots=True)
class Figures:
    """What is counted of one checked call.

    Attributes:
        instructions: byte-code instructions executed, callees written in Python included.
        frames: Python functions entered.
        kept: blocks of memory that a thousand calls leave behind.
        transient: bytes of Python's memory that a call needs at most at a time.
        lines: lines of the checker's generated source.
        code: bytes of its compiled code.
    """

    instructions: int
    frames: int
    kept: int
    transient: int
    lines: int
    code: int


@dataclass(frozen=True, slots=True)
class Growth:
    """A count that is above its margin."""

    case: str
    what: str
    before: int
    now: int

    def __str__(self) -> str:
        change = f", {self.now / self.before - 1:+.1%}" if self.before else ""
        return f"{self.case}: {self.what} {self.before} → {self.now}{change} (margin {MARGINS[self.what]:.0%})"


def run(options: Options) -> Iterator[Table]:
    now, before = measured(), baseline().get(PYTHON, {})
    rows = [(case, *(_beside(case, what, now, before) for what in MARGINS)) for case in now]
    notes = ("A count that differs from the baseline has the baseline's behind it, in brackets.",)
    yield Table(f"A checked call, counted, Python {PYTHON}", ("", *MARGINS), tuple(rows), notes, {"counts": now})


Counted = Mapping[str, Mapping[str, int]]


def _beside(case: str, what: str, now: Counted, before: Counted) -> str:
    found, known = now[case][what], before.get(case, {}).get(what)
    return str(found) if known in (None, found) else f"{found} [{known}]"


def baseline() -> dict[str, dict[str, dict[str, int]]]:
    """The committed counts, by version of Python and case; none yet before the first `--write`."""
    if not BASELINE.exists():
        return {}
    content: dict[str, dict[str, dict[str, int]]] = json.loads(BASELINE.read_text(encoding="utf-8"))
    return content


def regressions(now: Counted, before: Counted) -> list[Growth]:
    """The counts that have grown by more than their margin; cases that only one side has don't count."""
    return [
        Growth(case, what, before[case][what], now[case][what])
        for case in before
        if case in now
        for what, margin in MARGINS.items()
        if now[case][what] > before[case][what] * (1 + margin)
    ]


def measured() -> dict[str, dict[str, int]]:
    """The counts of every case, in this process."""
    torch.set_num_threads(1)
    return {case: asdict(figures(make, arguments)) for case, (make, arguments) in CASES.items()}


def figures(make: Callable[[], Any], arguments: tuple[Any, ...]) -> Figures:
    sources: list[str] = []
    with mock.patch.object(checkers, "compiled", _noting(compiled, sources)):
        function = make()
    counts = count(partial(function, *arguments), WARM_UP)
    code = function.__code__.co_code if isinstance(function, FunctionType) else b""
    lines = len(sources[0].splitlines()) if sources else 0  # the first is the checker's, the next what passes calls on
    return Figures(counts.instructions, counts.frames, counts.kept, counts.transient, lines, len(code))


def _noting(compile_source: Callable[..., Any], sources: list[str]) -> Callable[..., Any]:
    def note(source: str, *arguments: Any) -> Any:
        sources.append(source)
        return compile_source(source, *arguments)

    return note


def body(q: Float[Tensor, "b h t d"]) -> Float[Tensor, "b h t d"]:
    return check(q, cases.Scores)


def _cases() -> Iterator[tuple[str, Callable[[], Any], tuple[Any, ...]]]:
    for name, (function, _, arguments) in cases.CASES.items():
        yield f"contract: {name}", partial(cases.unguarded, function), arguments
        yield f"contract, guarded: {name}", partial(contract, function), arguments
    yield "contract: check() in the body", partial(cases.unguarded, body), (cases.q,)
    yield "guard alone: 3 tensors of 4 dims", partial(guard, cases.attend), (cases.q, cases.k, cases.k)


CASES = {name: (make, arguments) for name, make, arguments in _cases()}


def write() -> None:
    """Make the counts of now the baseline of this Python, and print what that changes."""
    now, known = measured(), baseline()
    before = known.get(PYTHON, {})
    for line in differences(now, before) or ["no difference"]:
        print(line)
    content = dict(sorted({**known, PYTHON: now}.items()))
    BASELINE.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def differences(now: Counted, before: Counted) -> list[str]:
    lines = [f"{case}: new" for case in now if case not in before]
    lines += [f"{case}: gone" for case in before if case not in now]
    for case in (case for case in now if case in before):
        changed = [what for what in MARGINS if now[case][what] != before[case][what]]
        lines += [f"{case}: {what} {before[case][what]} → {now[case][what]}" for what in changed]
    return lines


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        sys.exit(measure.main(run))
