"""The IPython extension, in a real shell that lives in a process of its own."""

from __future__ import annotations

import json

import pytest

from tests.hook.conftest import Project

pytest.importorskip("IPython")

SHELL = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.showtraceback = lambda *args, **kwargs: None
outcomes = []
for cell in json.loads(sys.argv[1]):
    result = shell.run_cell(cell)
    error = result.error_before_exec or result.error_in_exec
    outcomes.append(f"{type(error).__name__}: {error}" if error else repr(result.result))
print(json.dumps(outcomes))
"""

IMPORTS = "import torch\nfrom jaxtyping import Float\nfrom torch import Tensor\nT = torch.ones"


def run_cells(project: Project, *cells: str, **environment: str) -> list[str]:
    """What each cell gives: its value, or the error."""
    (project.folder / "shell.py").write_text(SHELL)
    ended = project.python("shell.py", json.dumps(cells), IPYTHONDIR=str(project.folder), **environment)
    assert ended.returncode == 0, ended.stderr
    outcomes: list[str] = json.loads(ended.stdout.splitlines()[-1])
    return outcomes


F = 'def f(x: Float[Tensor, "n n"]) -> Float[Tensor, "n"]:\n    y: Float[Tensor, "n"] = x[{}]\n    return y'


def test_functions_of_following_cells_are_checked(project: Project) -> None:
    outcomes = run_cells(
        project,
        IMPORTS,
        F.format("0").replace("def f", "def before"),
        "%load_ext shapecheck",
        F.format("0"),
        "f(T(2, 2)).shape",
        "f(T(2, 3))",
        F.format("0, 1:"),
        "f(T(2, 2))",
        "before(T(2, 3)).shape",
        "async def g(x: Float[Tensor, 'n n']): ...",
        "await g(T(2, 3))",
        "%unload_ext shapecheck",
        F.format("0"),
        "f(T(2, 3)).shape",
    )
    assert outcomes[4] == "torch.Size([2])"
    assert outcomes[5].startswith("ShapeError: f(): argument `x` has n=3 on dim 1, but n=2 on dim 0")
    assert outcomes[7].startswith("ShapeError: f(): `y` has n=1 on dim 0")
    assert outcomes[8] == "torch.Size([3])"
    assert outcomes[10].startswith("ShapeError: g(): argument `x`")
    assert outcomes[13] == "torch.Size([3])"


def test_classes_magics_and_values_of_cells_work_as_before(project: Project) -> None:
    outcomes = run_cells(
        project,
        "%load_ext shapecheck",
        "%load_ext shapecheck",
        IMPORTS + "\nfrom dataclasses import dataclass\nfrom shapecheck import contract",
        "@dataclass\nclass Batch:\n    x: Float[Tensor, 'n']\n    y: Float[Tensor, 'n']",
        "Batch(T(2), T(3))",
        "@contract(mode='warn')\ndef lenient(x: Float[Tensor, 'n n']): return 3",
        "import warnings; warnings.simplefilter('ignore'); lenient(T(2, 3))",
        "%reset -f",
        IMPORTS,
        F.format("0"),
        "f(T(2, 3))",
        "%timeit -n1 -r1 f(T(2, 2))",
        "1 + 1",
        "[name for name in get_ipython().run_line_magic('who_ls', '') if 'shapecheck' in name]",
    )
    assert outcomes[4].startswith("ShapeError: Batch(): field `y` has n=3")
    assert outcomes[6] == "3"
    assert outcomes[10].startswith("ShapeError")
    assert outcomes[11:] == ["None", "2", "[]"]


def test_off_for_good_nothing_is_rewritten(project: Project) -> None:
    outcomes = run_cells(project, "%load_ext shapecheck", IMPORTS, F.format("0"), "f(T(2, 3)).shape", SHAPECHECK="off")
    assert outcomes[-1] == "torch.Size([3])"
