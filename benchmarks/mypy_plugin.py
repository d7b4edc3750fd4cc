"""What the mypy plugin adds to a mypy run: a project of 20 annotated files, with and without it.

    python -m benchmarks.mypy_plugin [--quick] [PYTHON]

PYTHON is an interpreter that has mypy, torch, jaxtyping and shapecheck (default: this one). The files are copies of
the two example programs, each of which calls into the copy before it; every function of them has shapes to follow.
Each run is a process of its own; its CPU time is what the system counted for it. Runs with and without the plugin take
turns, each with a cache of its own that is in the same state.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from benchmarks import measure

_FILES = 20
_VARIANTS = {"mypy": "", "with the plugin": "plugins = shapecheck.mypy_plugin\n"}
_AGAIN = {
    "digits_vit": """

def again(images: Float[Tensor, "b 8 8"]) -> Float[Tensor, "b 16 4"]:
    return earlier.patchify(images, 2)
""",
    "char_gpt": """

def again(tokens: Int[Tensor, "n"]) -> Float[Tensor, "65 65"]:
    return earlier.bigram_table(tokens, 65)
""",
}


def unavailable() -> str | None:
    missing = [name for name in ("mypy", "torch", "jaxtyping") if find_spec(name) is None]
    if not hasattr(os, "wait4"):
        return "the CPU time of a process is asked of wait4, which only Unix has"
    return f"{', '.join(missing)} not installed" if missing else None


def run(options: measure.Options) -> Iterator[measure.Table]:
    python = options.arguments[0] if options.arguments else sys.executable
    with tempfile.TemporaryDirectory() as folder:
        project = _Project(Path(folder), python)
        rows = [
            _row("one file edited", project, project.edit, options.rounds(20)),
            _row("nothing changed", project, lambda cache: None, options.rounds(30)),
            _row(f"{_FILES} new files, libraries cached", project, project.forget_files, options.rounds(10)),
            _row("nothing cached", project, project.forget_all, options.rounds(5)),
        ]
    lines = sum(len(text.splitlines()) for _, text in _sources())
    title = f"{_FILES} files of {lines} lines, {_version(python)}"
    yield measure.Table(title, ("state of the cache", *(f"{name}, CPU" for name in _VARIANTS), "×"), tuple(rows))


def _row(state: str, project: _Project, prepare: Callable[[Path], None], rounds: int) -> tuple[object, ...]:
    times: dict[str, list[float]] = {name: [] for name in _VARIANTS}
    for turn in range(rounds):
        names = list(_VARIANTS)[:: 1 if turn % 2 else -1]
        for name in names:
            prepare(project.cache(name))
            times[name].append(project.check(name))
    medians = (f"{measure.median(taken):.2f} s" for taken in times.values())
    plain, plugged = times.values()
    return state, *medians, measure.ratio(plugged, plain)


class _Project:
    """The files, and for each variant a configuration and a cache that knows them."""

    def __init__(self, folder: Path, python: str) -> None:
        self._folder, self._python = folder, python
        self._edits = 0
        shutil.copytree(measure.ROOT / "shapecheck", folder / "site" / "shapecheck", ignore=_compiled)
        (folder / "project").mkdir()
        (folder / "project" / "__init__.py").touch()
        for name, text in _sources():
            (folder / "project" / f"{name}.py").write_text(text, encoding="utf-8")
        imports = (
            line for _, text in _sources() for line in text.splitlines() if line.startswith(("import ", "from "))
        )
        libraries = dict.fromkeys(line for line in imports if "project" not in line)
        (folder / "libraries.py").write_text("\n".join(libraries), encoding="utf-8")
        for name, plugin in _VARIANTS.items():
            settings = f"[mypy]\nignore_missing_imports = true\ncache_dir = {self.cache(name)}\n{plugin}"
            self._settings(name).write_text(settings, encoding="utf-8")
            self.check(name, "libraries.py")
            shutil.copytree(self.cache(name), self._libraries(name))
            self.check(name)

    def cache(self, variant: str) -> Path:
        return self._folder / f"{variant} cache"

    def _libraries(self, variant: str) -> Path:
        return self._folder / f"{variant} cache of libraries"

    def _settings(self, variant: str) -> Path:
        return self._folder / f"{variant}.ini"

    def check(self, variant: str, what: str = "project") -> float:
        """Run mypy; the seconds of CPU that it took."""
        command = [self._python, "-m", "mypy", "--config-file", str(self._settings(variant)), what]
        environment = {**os.environ, "PYTHONPATH": str(self._folder / "site")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(command, cwd=self._folder, env=environment, stdout=output, stderr=output)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode not in (0, 1):
                output.seek(0)
                raise RuntimeError(f"{' '.join(command)} exited with {process.returncode}: {output.read()}")
        return usage.ru_utime + usage.ru_stime

    def edit(self, cache: Path) -> None:
        """Change a file; both variants find it changed, as `cache` says nothing of the other's."""
        self._edits += 1
        path = self._folder / "project" / "digits_vit_5.py"
        text = path.read_text(encoding="utf-8").rpartition("\n# edit")[0] or path.read_text(encoding="utf-8")
        path.write_text(f"{text}\n# edit {self._edits}\n", encoding="utf-8")

    def forget_files(self, cache: Path) -> None:
        shutil.rmtree(cache)
        shutil.copytree(self._libraries(cache.name.removesuffix(" cache")), cache)

    def forget_all(self, cache: Path) -> None:
        shutil.rmtree(cache)


def _sources() -> Iterator[tuple[str, str]]:
    """The name and the text of each file."""
    for number in range(_FILES):
        example = tuple(_AGAIN)[number % 2]
        text = (measure.ROOT / "examples" / f"{example}.py").read_text(encoding="utf-8")
        if number >= 2:
            header, first, rest = text.partition("import torch\n")
            text = f"{header}{first}from project import {example}_{number // 2 - 1} as earlier\n{rest}{_AGAIN[example]}"
        yield f"{example}_{number // 2}", text


def _compiled(folder: str, names: list[str]) -> set[str]:
    return {"__pycache__"} & set(names)


def _version(python: str) -> str:
    done = subprocess.run([python, "-m", "mypy", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.split(" (")[0].strip()


if __name__ == "__main__":
    sys.exit(measure.main(run))
