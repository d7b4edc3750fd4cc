"""The mypy plugin, in few runs of mypy that share one cache (torch's own stubs take most of the first).

    SHAPECHECK_TEST_MYPY=/path/to/python python -m pytest tests/mypy

has them run by the mypy of another environment; torch and jaxtyping are taken from this one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = os.environ.get("SHAPECHECK_TEST_MYPY", sys.executable)
CASES = Path(__file__).parent / "cases"
CONFIG = """
[mypy]
plugins = {plugin}
python_executable = {python}
strict = true
cache_dir = {cache}
{more}
"""

Mypy = Callable[..., str]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy-cache")


@pytest.fixture
def mypy(tmp_path: Path, cache: Path) -> Mypy:
    """Runs mypy in an empty folder on files given by name and text; returns what it printed."""

    def run(
        plugin: str = "shapecheck.mypy_plugin", command: tuple[str, ...] = ("mypy",), more: str = "", **files: str
    ) -> str:
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        config = CONFIG.format(plugin=plugin, python=sys.executable, cache=cache, more=more)
        (tmp_path / "mypy.ini").write_text(config, encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "MYPYPATH": ""}
        arguments = sorted(path.name for path in tmp_path.glob("*.py") if not path.name.startswith("_"))
        done = subprocess.run(
            [PYTHON, "-m", *command, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_cases_are_reported_where_they_are_marked(mypy: Mypy) -> None:
    source = (CASES / "shapes.py").read_text(encoding="utf-8")
    printed = mypy(shapes=source)
    errors = re.findall(r"^shapes\.py:(\d+): error: (.*)$", printed, re.MULTILINE)
    marks = {n: line.split("# error: ")[1] for n, line in enumerate(source.splitlines(), 1) if "# error: " in line}
    assert {int(line) for line, _ in errors} == set(marks), printed
    for line, message in errors:
        assert marks[int(line)] in message


CALLEE = """
from jaxtyping import Float
from torch import Tensor

def scaled(x: Float[Tensor, "b d"], w: Float[Tensor, "{dim}"]) -> Float[Tensor, "b d"]:
    return x
"""
CALLER = """
from callee import scaled
from jaxtyping import Float
from torch import Tensor

def caller(x: Float[Tensor, "n m"], w: Float[Tensor, "m"]) -> Float[Tensor, "n m"]:
    return scaled(x, w)
"""


def test_a_changed_annotation_is_seen_by_the_modules_that_import_it(mypy: Mypy) -> None:
    assert "Success" in mypy(callee=CALLEE.format(dim="d"), caller=CALLER)
    # mypy takes a file that changed within the same second for changed only if its size did
    changed = mypy(callee=CALLEE.format(dim="b") + "# once\n")
    assert "caller.py:7: error" in changed, changed
    assert "caller.py:7: error" in mypy(), "the cache forgot the error"
    assert "Success" in mypy(callee=CALLEE.format(dim="d") + "# twice\n")


LAYERS = """
from torch import Tensor, nn

class Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(8, {width})

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.out(x)
        return y
"""
USER = """
from jaxtyping import Float
from layers import Layers
from torch import Tensor

def used(x: Float[Tensor, "b 8"]) -> Float[Tensor, "b 16"]:
    return Layers().forward(x)
"""


def test_a_changed_layer_is_seen_by_the_modules_that_import_it(mypy: Mypy) -> None:
    assert "Success" in mypy(layers=LAYERS.format(width=16), user=USER)
    assert "user.py:7: error" in mypy(layers=LAYERS.format(width=177))


REVEALED = """
from jaxtyping import Float
from torch import Tensor

def f(x: Float[Tensor, "b c"]) -> Float[Tensor, "b"]:
    y = x.sum(dim=1)
    reveal_type(y)
    n: int = y
    return y
"""


def test_reveal_type_shows_the_shape_beside_mypys_own_type(mypy: Mypy) -> None:
    printed = mypy(revealed=REVEALED)
    assert "revealed.py:7: note: Revealed shape is (b,) float" in printed
    assert 'Revealed type is "torch._tensor.Tensor"' in printed
    assert 'variable has type "int"' in printed, "the plain type has to stay"


OTHER = """
from jaxtyping import Float
from torch import Tensor

def other(x: Float[Tensor, "n m"]) -> Float[Tensor, "n"]:
    return x
"""

TWO_CODES = """# -*- coding: latin-1 -*-
from jaxtyping import Float
from torch import Tensor

def f(x: Float[Tensor, "b c"], name: str = "\xe9") -> Float[Tensor, "b"]:
    y = x / x.sum(1)
    return x
"""


@pytest.mark.parametrize(
    ("settings", "reported"),
    [
        ("", ["shape-broadcast", "shape"]),
        ("disable_error_code = shape", ["shape-broadcast"]),
        ("[mypy-codes]\ndisable_error_code = shape-broadcast", ["shape"]),
        ("[mypy-codes]\nignore_errors = true", []),
    ],
    ids=["both", "one-disabled", "one-disabled-for-the-module", "errors-of-the-module-ignored"],
)
def test_codes_are_switched_off_as_mypys_own(settings: str, reported: list[str], mypy: Mypy, tmp_path: Path) -> None:
    (tmp_path / "codes.py").write_text(TWO_CODES, encoding="latin-1")
    assert re.findall(r"error: .*\[([\w-]+)\]$", mypy(more=settings), re.MULTILINE) == reported


def test_modules_that_are_only_followed_are_silent(mypy: Mypy, tmp_path: Path) -> None:
    (tmp_path / "_followed.py").write_text(OTHER, encoding="utf-8")
    importing = "from _followed import other as other\n" + TWO_CODES.partition("\n")[2].replace("\xe9", "")
    printed = mypy(more="follow_imports = silent", importing=importing)
    assert "importing.py" in printed and "_followed" not in printed


BROKEN = """
import shapecheck.static

def check_source(*arguments, **keywords):
    raise RuntimeError("out of order")

shapecheck.static.check_source = check_source
from shapecheck.mypy_plugin import plugin as plugin
"""


def test_a_failure_of_the_engine_is_one_note_and_mypy_goes_on(mypy: Mypy) -> None:
    source = REVEALED.replace("    reveal_type(y)\n", "")
    printed = mypy(plugin="_broken.py", _broken=BROKEN, source=source)
    assert printed.count("shapecheck gave up on this file (RuntimeError: out of order)") == 1
    assert 'variable has type "int"' in printed


@pytest.fixture
def daemon(mypy: Mypy, tmp_path: Path) -> Iterator[Mypy]:
    """Has the daemon check the files; it ends with the test."""
    yield lambda **files: mypy(command=("mypy.dmypy", "run", "--timeout", "300", "--"), **files)
    subprocess.run([PYTHON, "-m", "mypy.dmypy", "stop"], cwd=tmp_path, capture_output=True, check=True)


def test_the_daemon_reports_and_forgets(daemon: Mypy) -> None:
    wrong = CALLER.replace('"m"])', '"n"])')
    first = daemon(callee=CALLEE.format(dim="d"), caller=wrong, other=OTHER)
    assert "caller.py:7: error" in first and "other.py:6: error" in first, first
    corrected = daemon(caller=CALLER)
    assert "caller.py" not in corrected, corrected
    assert "other.py:6: error" in corrected, "an edit elsewhere made the daemon forget"
    changed = daemon(callee=CALLEE.format(dim="b"))
    assert "caller.py:7: error" in changed and "other.py:6: error" in changed, changed
    assert "Success" in daemon(callee=CALLEE.format(dim="d"), other=OTHER.replace("return x", "return x.sum(1)"))
