"""``shapecheck run``: the program runs as Python would run it, under contract; bad commands get one clear message."""

from __future__ import annotations

import sys

import pytest

from tests.hook.conftest import Project

RUN = ("-c", "import sys; from shapecheck.runtime.run import main; sys.exit(main(sys.argv[1:]))")

MODEL = """
from jaxtyping import Float
from torch import Tensor

def halve(x: Float[Tensor, "b c"]) -> Float[Tensor, "b"]:
    total: Float[Tensor, "b"] = x.sum(0)
    return total
"""

TRAIN = """
import sys, torch
from jaxtyping import Float
from torch import Tensor
from model import halve

def step(x: Float[Tensor, "b b"]) -> Float[Tensor, "b"]:
    return halve(x)

if __name__ == "__main__":
    print(sys.argv, __name__, __file__ == sys.modules["__main__"].__file__, __spec__)
    step(torch.ones(2, int(sys.argv[1])))
    print("done")
"""


@pytest.fixture
def program(project: Project) -> Project:
    project.write(model=MODEL, train=TRAIN)
    return project


def test_a_script_sees_its_own_arguments_and_main(program: Project) -> None:
    ended = program.python(*RUN, "train.py", "2", "--lr", "-m")
    assert ended.stdout.splitlines() == ["['train.py', '2', '--lr', '-m'] __main__ True None", "done"], ended.stderr
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_script_itself_is_checked_and_the_traceback_starts_there(program: Project) -> None:
    ended = program.python(*RUN, "--", "train.py", "3")
    assert ended.returncode == 1
    assert "ShapeError: step(): argument `x` has b=3 on dim 1" in ended.stderr
    assert f'Traceback (most recent call last):\n  File "{program.folder}/train.py"' in ended.stderr
    assert "run.py" not in ended.stderr


def test_the_modules_beside_the_script_are_checked(program: Project) -> None:
    program.write(train="import torch, model\nmodel.halve(torch.ones(2, 3))")
    ended = program.python(*RUN, "train.py")
    assert "ShapeError: halve()" in ended.stderr and "`total` has b=3" in ended.stderr


def test_named_packages_are_checked_instead_and_missed_ones_told(program: Project) -> None:
    program.write(train="import torch, model\nmodel.halve(torch.ones(2, 3))")
    ended = program.python(*RUN, "--package", "other", "train.py")
    assert ended.returncode == 0
    assert ended.stderr == "shapecheck run: no module of 'other' was imported, so nothing of it was checked\n"
    assert program.python(*RUN, "--package=other,model", "train.py").returncode == 1
    assert program.python(*RUN, "-p", "model", "-p", "other", "train.py").returncode == 1


def test_a_module_and_a_package_run_like_python_dash_m(program: Project) -> None:
    program.write(
        app____init__="",
        app____main__="import sys; from . import part; print(sys.argv[1:], __name__, __package__, __spec__.name)",
        app__part=MODEL + "import torch\nhalve(torch.ones(2, 2))\nif __name__ == '__main__': halve(torch.ones(2, 3))",
    )
    ended = program.python(*RUN, "-m", "app", "1", "--flag")
    assert (ended.returncode, ended.stdout) == (0, "['1', '--flag'] __main__ app app.__main__\n"), ended.stderr
    ended = program.python(*RUN, "-m", "app.part")
    assert ended.returncode == 1 and "ShapeError: halve()" in ended.stderr


@pytest.mark.parametrize(
    ("source", "code", "says"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("raise SystemExit('stopped')", 1, "stopped"),
        ("raise ValueError('wrong')", 1, "ValueError: wrong"),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt"),
    ],
)
def test_the_exit_code_is_the_programs(project: Project, source: str, code: int, says: str) -> None:
    project.write(script=source)
    ended = project.python(*RUN, "script.py")
    assert ended.returncode == code and says in ended.stderr


def test_guards_are_on_while_the_program_runs(project: Project) -> None:
    project.write(script="import torch\nprint((torch.ones(4) * torch.ones(4, 1)).shape)")
    assert project.python(*RUN, "script.py").returncode == 0
    ended = project.python(*RUN, "--guard", "script.py")
    assert ended.returncode == 1 and "BroadcastError" in ended.stderr
    files = [line for line in ended.stderr.splitlines() if line.lstrip().startswith("File ")]
    assert len(files) == 1 and "script.py" in files[0], "nothing of ours is in the traceback"
    project.write(script="import torch\nprint((torch.ones(4) * torch.ones(3, 4)).shape)")
    assert project.python(*RUN, "--guard", "script.py").returncode == 0
    ended = project.python(*RUN, "--guard=rank", "script.py")
    assert ended.returncode == 1 and "BroadcastError" in ended.stderr


@pytest.mark.parametrize("off", ["-O", "SHAPECHECK=off"])
def test_switched_off_the_program_runs_as_written(program: Project, off: str) -> None:
    if off == "-O":
        ended = program.python("-O", *RUN, "train.py", "3")
    else:
        ended = program.python(*RUN, "train.py", "3", SHAPECHECK="off")
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no program named"),
        (["missing.py"], "no such file: missing.py"),
        (["."], ". is a folder, not a script"),
        (["-m"], "-m needs the name of a module"),
        (["-m", "missing_module"], "no module named 'missing_module' that can be run"),
        (["-m", "missing_package.module"], "module 'missing_package.module' can't be found"),
        (["-m", "..relative"], "-m ..relative: expected the dotted name of a module"),
        (["--guard=loud", "broken.py"], "--guard=loud: expected one of echo, outer, rank, strict"),
        (["--package", "my-pkg", "broken.py"], "'my-pkg' isn't the dotted name of a package"),
        (["--packge", "x", "broken.py"], "unrecognized arguments: --packge"),
        (["broken.py"], "broken.py can't be run: "),
        (["binary.py"], "binary.py can't be run: "),
    ],
)
def test_bad_commands_get_one_message_and_exit_2(
    project: Project,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from shapecheck.runtime.run import main

    project.write(broken="def f(:\n")
    (project.folder / "binary.py").write_bytes(b"\x80\x81\x00")
    monkeypatch.chdir(project.folder)
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    from shapecheck.runtime.run import main

    assert main(["--help"]) == 0
    assert "--package PKG" in capsys.readouterr().out
