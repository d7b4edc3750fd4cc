"""Results kept between runs: one JSON file per configuration, and per source file its size, time, hash and findings.

An entry holds while the file's size and time stay, or else its content does, and the same goes for every file that a
rule consulted. The file's name is a hash of all that can change a result: version, Python, rules, settings. A cache
that can't be read is started anew; runs side by side replace it whole, the last one wins.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import astuple
from typing import Any

from shapecheck.lint.config import Config
from shapecheck.lint.diagnostic import Diagnostic, Related

FOLDER = ".shapecheck_cache"
_KEEP_SECONDS = 14 * 24 * 3600
_RACY_NANOSECONDS = 2_000_000_000
Stamp = tuple[int, int]


class Cache:
    """The results of earlier runs with one configuration."""

    def __init__(self, folder: str, key: str) -> None:
        self.folder = os.path.join(folder, FOLDER)
        self.file = os.path.join(self.folder, f"{key}.json")
        self._entries = _read(self.file)
        self.is_new = not self._entries
        self._changed = False

    def get(self, path: str) -> tuple[Diagnostic, ...] | None:
        """The findings of the last run, if the file and what its findings depend on are unchanged."""
        entry = self._entries.get(os.path.abspath(path))
        try:
            match entry:
                case [checked, stamp, digest, findings, consulted]:
                    current = [self._holds(checked, *source) for source in [(path, stamp, digest), *consulted]]
                    return tuple(_diagnostic(values, path) for values in findings) if all(current) else None
        except (TypeError, ValueError, OSError):
            pass
        return None

    def put(self, path: str, digest: str, findings: Iterable[Diagnostic], consulted: Iterable[str] = ()) -> None:
        """Keep the findings of a file whose content has this digest."""
        try:
            others = [(other, _stamp(other), _digest_of_file(other)) for other in consulted]
            entry = [time.time_ns(), _stamp(path), digest, [astuple(item) for item in findings], others]
        except OSError:
            return
        self._entries[os.path.abspath(path)] = entry
        self._changed = True

    def save(self) -> None:
        """Write what changed, whole and at once. A folder that can't be written means no cache, not a failure."""
        if not self._changed:
            return
        temporary = f"{self.file}.{os.getpid()}"
        try:
            _make_folder(self.folder)
            entries = {path: entry for path, entry in self._entries.items() if os.path.exists(path)}
            with open(temporary, "w", encoding="utf-8") as stream:
                stream.write(json.dumps(entries, separators=(",", ":")))  # several times as fast as `json.dump`
            os.replace(temporary, self.file)
            _forget_old(self.folder)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)

    def _holds(self, checked: int, path: str, stamp: list[int], digest: str) -> bool:
        """Whether a file is as it was: by size and time, by content if it was written around when it was checked."""
        current = list(_stamp(path))
        if current == stamp and stamp[0] < checked - _RACY_NANOSECONDS:
            return True
        return current[1] == stamp[1] and _digest_of_file(path) == digest


def cache_key(config: Config, folders: Iterable[str]) -> str:
    """A hash of everything but the source files that decides a result; `folders` hold the code that makes it."""
    parts = [sys.version, repr(config), *(f"{path}{stamp}" for folder in folders for path, stamp in _code(folder))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def code_folders(packages: Iterable[str]) -> list[str]:
    """Where the code of the linter, and of the rule packages, is."""
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folders = [os.path.join(own, name) for name in ("core", "lint", "static")]
    for package in packages:
        with contextlib.suppress(ImportError, ValueError):
            spec = importlib.util.find_spec(package)
            folders += [] if spec is None else spec.submodule_search_locations or []
    return folders


def _code(folder: str) -> list[tuple[str, Stamp]]:
    """Every Python file below a folder, with its stamp."""
    found: list[tuple[str, Stamp]] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir() and entry.name != "__pycache__":
                found += _code(entry.path)
            elif entry.name.endswith(".py"):
                stat = entry.stat()
                found.append((entry.path, (stat.st_mtime_ns, stat.st_size)))
    return sorted(found)


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as stream:
            content = json.load(stream)
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _diagnostic(values: list[Any], path: str) -> Diagnostic:
    *plain, details, related = values
    values = [*plain, tuple(details), tuple(Related(*other) for other in related)]
    return Diagnostic(*values).at(path)


def _stamp(path: str) -> Stamp:
    stat = os.stat(path)
    return stat.st_mtime_ns, stat.st_size


def digest_of(data: bytes) -> str:
    """A short hash of a file's content."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _digest_of_file(path: str) -> str:
    with open(path, "rb") as stream:
        return digest_of(stream.read())


def _make_folder(folder: str) -> None:
    """The cache folder, which git doesn't see."""
    if not os.path.isdir(folder):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, ".gitignore"), "w", encoding="utf-8") as stream:
            stream.write("*\n")


def _forget_old(folder: str) -> None:
    """Delete results of configurations that nobody has used for two weeks."""
    limit = time.time() - _KEEP_SECONDS
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name != ".gitignore" and entry.stat().st_mtime < limit:
                os.unlink(entry.path)
