"""Paths against patterns in .gitignore's language: excludes, per-file ignores, and the .gitignore files of a project.

pathspec is imported when the first pattern is met, not before.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

DEFAULT_EXCLUDES = frozenset(
    {
        "__pycache__",
        "__pypackages__",
        "_build",
        "build",
        "dist",
        "env",
        "node_modules",
        "site-packages",
        "venv",
    }
)


class Patterns:
    """Patterns relative to one folder; nothing matches without any."""

    def __init__(self, root: str, lines: Iterable[str]) -> None:
        self.root = root
        self._spec = _compiled(tuple(lines))

    def verdict(self, path: str, is_folder: bool = False) -> bool | None:
        """True when the last pattern that speaks of this path takes it in, False when it takes it out, else None."""
        if self._spec is None:
            return None
        relative = os.path.relpath(path, self.root).replace(os.sep, "/")
        if relative.startswith("../"):
            return None
        return self._spec.check_file(f"{relative}/" if is_folder else relative).include

    def match(self, path: str, is_folder: bool = False) -> bool:
        """Whether the patterns take this path in."""
        return self.verdict(path, is_folder) is True


class PerFileIgnores:
    """The names that a project ignores in some of its files."""

    def __init__(self, root: str, table: Mapping[str, Sequence[str]]) -> None:
        self._entries = [(Patterns(root, (pattern,)), tuple(names)) for pattern, names in table.items()]

    def names(self, path: str) -> tuple[str, ...]:
        return tuple(name for patterns, names in self._entries if patterns.match(path) for name in names)


def gitignore(folder: str) -> Patterns | None:
    """The .gitignore of one folder, if it has one."""
    try:
        with open(os.path.join(folder, ".gitignore"), encoding="utf-8", errors="replace") as stream:
            return Patterns(folder, stream.read().splitlines())
    except OSError:
        return None


@cache
def _compiled(lines: tuple[str, ...]) -> GitIgnoreSpec | None:
    wanted = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not wanted:
        return None
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(wanted)
