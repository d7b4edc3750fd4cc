"""The ways to start Python that contracts know: as usual, under ``-O``, and switched off by the environment.

answer("identity", OPTIMIZED)     # what `python -O -m benchmarks.programs.identity` prints, read as JSON
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import measure

SWITCHES = ("SHAPECHECK", "JAXTYPING_DISABLE", "PYTHONOPTIMIZE")


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to start Python: its flags, and what is added to the environment."""

    name: str
    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


ON = Mode("as usual")
OPTIMIZED = Mode("python -O", ("-O",))
OFF = Mode("SHAPECHECK=off", environment={"SHAPECHECK": "off", "JAXTYPING_DISABLE": "1"})
MODES = (ON, OPTIMIZED, OFF)


def answer(program: str, mode: Mode, *arguments: str) -> Any:
    """What a program of `benchmarks.programs` says when started in this mode."""
    return read(python(mode, "-m", f"benchmarks.programs.{program}", *arguments))


def read(printed: str) -> Any:
    """The answer among what a program has printed: its last line."""
    return json.loads(printed.splitlines()[-1])


def python(
    mode: Mode, *arguments: str, folder: Path = measure.ROOT, under: Sequence[str] = (), **environment: str
) -> str:
    """What Python prints, started in this mode; `under` is a command that runs it, such as valgrind's."""
    command = [*under, sys.executable, *mode.flags, *arguments]
    inherited = {name: value for name, value in os.environ.items() if name not in SWITCHES}
    path = os.pathsep.join(filter(None, [str(measure.ROOT), os.environ.get("PYTHONPATH", "")]))
    variables = {**inherited, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **mode.environment, **environment}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout
