"""Which files to check: what is named always, and below folders every `.py` and `.ipynb` that nothing excludes.

Left out below folders: hidden ones, build results and environments, what .gitignore files say (those above the
folder too, up to the repository's), and what `exclude` says. Stubs (`.pyi`) hold no code to check.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from shapecheck.lint.config import Config
from shapecheck.lint.patterns import DEFAULT_EXCLUDES, Patterns, gitignore

SUFFIXES = (".py", ".ipynb")


class PathError(Exception):
    """A path that was named and isn't there."""


def discover(paths: Iterable[str], config: Config, force_exclude: bool = False) -> list[str]:
    """The files to check, each once, in order; named ones too are left out by `exclude` if that is forced.

    Raises PathError.
    """
    excluded = Patterns(config.root, config.exclude)
    found: dict[str, str] = {}
    for path in paths:
        if os.path.isdir(path):
            for file in _below(path, excluded):
                found.setdefault(os.path.abspath(file), file)
        elif os.path.exists(path):
            if force_exclude and excluded.match(os.path.abspath(path)):
                continue
            found.setdefault(os.path.abspath(path), path)
        else:
            raise PathError(f"there is no file or folder {path!r}")
    return list(found.values())


def _below(folder: str, excluded: Patterns) -> Iterator[str]:
    stack = [(folder, _outer_gitignores(os.path.abspath(folder)))]
    while stack:
        folder, ignores = stack.pop()
        own = gitignore(folder)
        if own is not None:
            own.root = os.path.abspath(folder)
            ignores = (own, *ignores)
        inner = []
        for entry in _entries(folder):
            is_folder = entry.is_dir(follow_symlinks=False)
            if not is_folder and not entry.name.endswith(SUFFIXES):
                continue
            path = entry.name if folder == "." else os.path.join(folder, entry.name)
            if is_folder and (entry.name.startswith(".") or entry.name in DEFAULT_EXCLUDES or _is_venv(path)):
                continue
            if _is_excluded(os.path.abspath(path), is_folder, excluded, ignores):
                continue
            if is_folder:
                inner.append((path, ignores))
            elif entry.is_file():
                yield path
        stack += reversed(inner)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_venv(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, "pyvenv.cfg"))


def _is_excluded(path: str, is_folder: bool, excluded: Patterns, ignores: tuple[Patterns, ...]) -> bool:
    if excluded.match(path, is_folder):
        return True
    verdicts = (patterns.verdict(path, is_folder) for patterns in ignores)
    return next((verdict for verdict in verdicts if verdict is not None), False)


def _outer_gitignores(folder: str) -> tuple[Patterns, ...]:
    """The .gitignore files above a folder, nearest first, if it is in a repository."""
    found = []
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return ()
        folder = parent
        own = gitignore(folder)
        if own is not None:
            found.append(own)
    return tuple(found)
