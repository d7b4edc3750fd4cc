"""A throw-away project on `sys.path`, to be imported under the hook."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


class Project:
    """Files in a folder that Python imports from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, **files: str) -> None:
        """Write modules: ``a__b="…"`` is a/b.py, ``a____init__="…"`` is a/__init__.py."""
        for name, source in files.items():
            stem = name.replace("____init__", "/<init>").replace("____main__", "/<main>").replace("__", "/")
            path = self.folder / (stem.replace("<", "__").replace(">", "__") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(source), encoding="utf-8")
        importlib.invalidate_caches()

    def load(self, name: str) -> ModuleType:
        return importlib.import_module(name)

    def forget(self) -> None:
        """Drop the project's modules, as a new process would have none."""
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(str(self.folder)):
                del sys.modules[name]
        for name in {path.stem for path in self.folder.iterdir()} & sys.modules.keys():
            del sys.modules[name]  # namespace packages

    def python(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A new interpreter in the project's folder."""
        inherited = {name: value for name, value in os.environ.items() if name not in ("SHAPECHECK", "PYTHONOPTIMIZE")}
        path = os.pathsep.join([str(ROOT), str(self.folder)])
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**inherited, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "", "OMP_NUM_THREADS": "1", **environment},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.syspath_prepend(tmp_path)
    finders = list(sys.meta_path)
    made = Project(tmp_path)
    yield made
    made.forget()
    sys.meta_path[:] = finders
