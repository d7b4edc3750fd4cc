"""The tour: train two real programs under contract, then see what happens to twins of them with planted bugs.

python -m examples           # a minute or so, the programs trained a little
python -m examples --full    # trained for real, and each bug's silent output next to what catches it
"""

import argparse
import io
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from textwrap import indent
from time import perf_counter

import torch

import shapecheck
from examples import char_gpt, digits_vit
from examples.bugs.marks import planted_bugs

ROOT = Path(__file__).parent.parent
SHORT = {"digits": 2, "gpt": 40}  # epochs and steps: long enough to run every line


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples", description=str(__doc__).splitlines()[0])
    parser.add_argument("--full", action="store_true", help="train for real: about three minutes on one core")
    full = parser.parse_args().full
    torch.set_num_threads(1)  # the models are small: more threads only wait for each other
    if not shapecheck.enabled:
        print("Contracts are off (python -O or SHAPECHECK=off): everything below runs unchecked.\n")
    train_for_real(full)
    meet_the_bugs(full)


def train_for_real(full: bool) -> None:
    heading("Two programs that train with every shape under contract")
    for program, short in ((digits_vit, 6), (char_gpt, 150)):
        start = perf_counter()
        print(f"{program.__name__}: {str(program.__doc__).splitlines()[0]}")
        program.main() if full else program.main(short)
        print(f"({perf_counter() - start:.0f} s)\n")


def meet_the_bugs(full: bool) -> None:
    bugs, reports = planted_bugs(), lint_reports()
    programs = {bug: import_module(bug.module).main for bug in bugs}
    heading(f"{len(bugs)} twins of them with one silent bug each; torch objects to none")
    raised = reported = 0
    for bug in bugs:
        print(f"{bug.program}.py:{bug.line}  {bug.summary}")
        length = () if full else (SHORT[bug.program.partition("_")[0]],)
        if full:
            with shapecheck.configure(mode="off"):
                print(indent(run(programs[bug], length)[0], "    unchecked  "), end="")
        _, error = run(programs[bug], length)
        if error is not None:
            raised += 1
            print(indent(f"{type(error).__name__}: {error}", "    "))
        messages = reports.get((bug.path.name, bug.line), [])
        reported += bool(messages)
        for message in messages:
            print(f"    lint  {message}")
        if error is None and not messages:
            print(f"    runs to its end; known as `{bug.name}` to {' and '.join(sorted(bug.known_to))}")
        print()
    print(f"Of {len(bugs)} bugs {raised} were raised at run time and {reported} reported by the linter.")


def run(main: Callable[..., None], length: tuple[int, ...]) -> tuple[str, shapecheck.ShapeError | None]:
    """What a program prints, and the violation that ended it."""
    output = io.StringIO()
    with redirect_stdout(output):
        try:
            main(*length)
        except shapecheck.ShapeError as error:
            return output.getvalue(), error
    return output.getvalue(), None


def lint_reports() -> dict[tuple[str, int], list[str]]:
    """What `shapecheck lint` says of the planted bugs, by file name and line."""
    if find_spec("shapecheck.__main__") is None:
        return {}
    command = [sys.executable, "-m", "shapecheck", "lint", "examples/bugs", "--output-format", "concise"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if result.returncode not in (0, 1):
        print(f"shapecheck lint failed: {result.stderr}", file=sys.stderr)
    reports: dict[tuple[str, int], list[str]] = {}
    for path, line, _, message in (text.split(":", 3) for text in result.stdout.splitlines() if text.count(":") >= 3):
        reports.setdefault((Path(path).name, int(line)), []).append(message.strip())
    return reports


def heading(text: str) -> None:
    print(f"{text}\n{'=' * len(text)}\n")


if __name__ == "__main__":
    main()
