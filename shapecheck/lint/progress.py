"""A progress bar for people: on a terminal, when a run takes longer than a second. Costs nothing before that."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import rich.progress

_PATIENCE = 1.0


class Progress:
    """Counts files; shows itself when it is worth it."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self._started = time.monotonic()
        self._bar: rich.progress.Progress | None = None
        self._task: rich.progress.TaskID | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, files: int) -> None:
        """Count files that are done."""
        self.done += files
        if self._bar is None and sys.stderr.isatty() and time.monotonic() - self._started > _PATIENCE:
            self._show()
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self.done)

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bar

        self._bar = Bar(console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("checking", total=self.total)
        self._bar.start()
