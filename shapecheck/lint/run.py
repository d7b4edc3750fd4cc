"""Lint many files: what the cache knows, then the rest, on all cores when there are enough of them.

Workers get the configuration, load the rules themselves and send back reports; this process alone writes files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from shapecheck.lint.cache import Cache, digest_of
from shapecheck.lint.config import Config
from shapecheck.lint.linter import FixMode, Linter, Report, prepare_process
from shapecheck.lint.selection import select

SERIAL_LIMIT = 20
_CHUNK = 12


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a worker needs to know."""

    config: Config
    fix: FixMode = "none"

    def linter(self) -> Linter:
        return Linter(select(self.config), self.config, self.fix)


def lint_files(
    paths: Sequence[str], job: Job, cache: Cache | None, processes: int, seen: Callable[[int], None] = lambda _: None
) -> list[Report]:
    """A report on every file, in the order of the paths. `seen` is told how many more are done."""
    if cache is None or cache.is_new:
        job.linter()  # a wrong setting is an error with no files, too
    reports: dict[str, Report] = {}
    for path in paths:
        known = None if cache is None else cache.get(path)
        if known is not None and not _has_work(job.fix, [item.fix for item in known]):
            reports[path] = Report(path, known)
    seen(len(reports))
    missing = [path for path in paths if path not in reports]
    for path, digest, report in _lint(missing, job, processes):
        reports[path] = report
        if cache is not None and not report.errors and not report.notes and report.data is None:
            cache.put(path, digest, report.diagnostics, report.dependencies)
        seen(1)
    if cache is not None:
        cache.save()
    return [reports[path] for path in paths]


def lint_file(path: str, linter: Linter) -> tuple[str, str, Report]:
    """Read and lint one file; what keeps it from being read is in the report."""
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError as error:
        return path, "", Report(path, errors=(f"{path}: can't be read: {error.strerror}",))
    return path, digest_of(data), linter.lint(path, data)


def default_processes() -> int:
    """As many as this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _has_work(mode: FixMode, fixes: Sequence[str | None]) -> bool:
    """Whether a fixing run has something to do in a file with these fixes."""
    return mode != "none" and any(fix == "safe" or (fix == "unsafe" and mode == "unsafe") for fix in fixes)


def _lint(paths: list[str], job: Job, processes: int) -> Iterator[tuple[str, str, Report]]:
    if not paths:
        return
    linter = job.linter()
    if processes < 2 or len(paths) < SERIAL_LIMIT:
        yield from (lint_file(path, linter) for path in paths)
        return
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(min(processes, len(paths)), initializer=_start_worker, initargs=(job, sys.path)) as pool:
        yield from pool.map(_lint_in_worker, paths, chunksize=max(1, min(_CHUNK, len(paths) // processes)))


_worker: Linter | None = None


def _start_worker(job: Job, path: list[str]) -> None:
    global _worker
    sys.path[:] = path
    prepare_process()
    _worker = job.linter()


def _lint_in_worker(path: str) -> tuple[str, str, Report]:
    assert _worker is not None
    return lint_file(path, _worker)
