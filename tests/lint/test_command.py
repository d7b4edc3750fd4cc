"""The command: exit codes, messages, fixing, standard input, encodings, and what goes wrong."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import shapecheck.lint.run
from shapecheck.cli import main
from tests.lint.conftest import SAMPLE, Outcome

Lint = Callable[..., Outcome]
ROOT = Path(__file__).parents[2]


def in_process(*arguments: str, stdin: bytes = b"", cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(SAMPLE)])}
    command = [sys.executable, "-m", "shapecheck", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, env=environment, check=False)


@pytest.mark.parametrize(
    ("code", "arguments", "expected"),
    [
        ("x = 1\n", [], 0),
        ("bad = 1\n", [], 1),
        ("bad = 1\n", ["--exit-zero"], 0),
        ("bad = 1\n", ["--fix"], 0),
        ("bad = f(1, 2, 3)\n", ["--fix"], 1),
        ("debug()\n", ["--preview", "--select", "sample-preview"], 0),
        ("def\n", [], 1),
        ("bad = 1\n", ["--diff"], 1),
        ("x = 1\n", ["--diff"], 0),
    ],
)
def test_exit_codes(project: Path, lint: Lint, code: str, arguments: list[str], expected: int) -> None:
    (project / "a.py").write_text(f"bad_token = 1\n{code}")
    assert lint(*arguments).code == expected


WRONG_USE = {
    "unsafe without fix": (["--unsafe-fixes"], "--unsafe-fixes goes with --fix or --diff"),
    "fix and diff": (["--fix", "--diff"], "choose one"),
    "add-ignore and fix": (["--add-ignore", "--fix"], "--add-ignore goes without"),
    "stdin and files": (["-", "a.py"], "can't be mixed"),
    "missing file": (["nope.py"], "there is no file or folder 'nope.py'"),
    "unwritable report": (["--output-file", "no/such/folder/x"], "No such file or directory"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG_USE.values(), ids=WRONG_USE)
def test_wrong_use_is_one_message(project: Path, lint: Lint, arguments: list[str], message: str) -> None:
    (project / "a.py").write_text("x = 1\n")
    outcome = lint(*arguments)
    assert outcome.code == 2
    assert message in outcome.err and "internal error" not in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


NO_OPTIONS = {
    "no number": (["--jobs", "x"], "a number from 1, not 'x'"),
    "no process": (["--jobs", "0"], "a number from 1, not '0'"),
    "format": (["--output-format", "yaml"], "invalid choice: 'yaml'"),
    "option": (["--selct", "loss"], "there is no option --selct; did you mean `--select`?"),
    "option with a value": (["--outputfile=x"], "there is no option --outputfile; did you mean `--output-file`?"),
    "far from any": (["--zzzzzz"], "there is no option --zzzzzz ("),
}


@pytest.mark.parametrize(("arguments", "message"), NO_OPTIONS.values(), ids=NO_OPTIONS)
def test_options_that_do_not_exist(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["lint", *arguments])
    said = capsys.readouterr().err
    assert caught.value.code == 2 and message in said and said.count("\n") == 1


def test_a_run_that_is_stopped_leaves_files_whole(project: Path, lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "a.py").write_text("bad = 1\n")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shapecheck.lint.atomic.os.replace", stop)
    outcome = lint("--fix", "--no-cache")
    assert outcome.code == 130 and outcome.err == "shapecheck lint: stopped; nothing is half written\n"
    assert {path.name: path.read_text() for path in project.glob("*.py")} == {"a.py": "bad = 1\n"}
    assert not list(project.glob(".a.py*"))


BYTES = {
    "utf-8": b"# \xc3\xa9\nbad = 1\n",
    "byte-order mark": b"\xef\xbb\xbfbad = 1\n",
    "latin-1 cookie": b"# -*- coding: latin-1 -*-\nx = '\xe9'; bad = 1\n",
    "cookie on line 2": b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n'\x80'; bad = 1, 2\n",
    "windows lines": b"x = 1\r\nbad = 1\r\n",
    "mixed lines": b"x = 1\r\nbad = 1\ny = '''\r\n'''\n",
    "no last line end": b"bad = 1",
    "form feed": b"x = 1\n\x0c\nbad = 1\n",
    "tabs": b"if x:\n\tbad = 1\n",
    "trailing spaces": b"bad = 1   \n\n\n",
    "backslashes": b"bad = 1 + \\\n    2\n",
}


@pytest.mark.parametrize("before", BYTES.values(), ids=BYTES)
def test_a_fix_changes_no_other_byte(project: Path, lint: Lint, before: bytes) -> None:
    (project / "a.py").write_bytes(before)
    outcome = lint("--fix", "a.py")
    assert (project / "a.py").read_bytes() == before.replace(b"bad", b"good"), outcome
    assert lint("--fix", "a.py").code == 0


UNREADABLE = {
    "syntax": (b"x = (\nbad = 1\n", "was never closed"),
    "null byte": (b"bad = 1\x00\n", "null bytes"),
    "not utf-8": (b"x = 1\nbad = '\xff'\n", "not utf-8: byte 0xff"),
    "unknown encoding": (b"# coding: nope\nbad = 1\n", "unknown encoding"),
    "too deep": (b"bad = " + b"(" * 5000 + b")" * 5000, ""),
    "indentation": (b"if bad:\nx\n", "expected an indented block"),
    "python 2": (b"print 'bad'\n", "Missing parentheses"),
}


@pytest.mark.parametrize(("data", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_does_not_parse_is_one_finding(project: Path, lint: Lint, data: bytes, message: str) -> None:
    (project / "a.py").write_bytes(data)
    (project / "b.py").write_text("bad = 1\n")
    lines = lint("--output-format", "concise").out.splitlines()
    assert [line.split()[1] for line in lines] == ["syntax-error", "bad-name"]
    assert message in lines[0]
    assert lint("--fix", "a.py").code == 1
    assert (project / "a.py").read_bytes() == data
    assert lint().code == 1  # text, with its code frame
    assert lint("--ignore", "syntax-error", "a.py").code == 0


def test_deep_code_is_no_failure(project: Path, lint: Lint) -> None:
    (project / "a.py").write_text("bad = " + " + ".join(["f(x)"] * 900) + "\n" + "x" + ".a" * 500 + "\n")
    outcome = lint("--select", "all")
    assert outcome.code == 1 and outcome.err == ""


def test_standard_input(project: Path) -> None:
    outcome = in_process(
        "lint", "-", "--stdin-filename", "tests/x.py", "--output-format", "concise", stdin=b"bad = 1\n", cwd=project
    )
    assert (outcome.returncode, outcome.stdout) == (1, b"tests/x.py:1:1: bad-name the name `bad`\n")
    fixed = in_process("lint", "-", "--fix", stdin=b"\xef\xbb\xbfbad = 1\r\n", cwd=project)
    assert (fixed.returncode, fixed.stdout) == (0, b"\xef\xbb\xbfgood = 1\r\n")
    untouched = in_process("lint", "-", "--fix", stdin=b"x = (", cwd=project)
    assert untouched.stdout == b"x = ("
    shown = in_process("lint", "-", "--diff", stdin=b"bad = 1\n", cwd=project)
    assert b"-bad = 1\n+good = 1\n" in shown.stdout
    notebook = json.dumps({"cells": [{"cell_type": "code", "source": "bad = 1"}]}).encode()
    found = in_process("lint", "-", "--stdin-filename", "n.ipynb", "--fix", stdin=notebook, cwd=project)
    assert found.stdout == notebook.replace(b"bad", b"good")


def test_the_settings_for_standard_input_are_those_of_the_file_it_is(project: Path) -> None:
    inner = project / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[tool.shapecheck.lint]\nselect = []\n")
    name = str(inner / "x.py")
    assert in_process("lint", "-", "--stdin-filename", name, stdin=b"bad = 1\n", cwd=project).returncode == 0
    assert in_process("lint", "-", stdin=b"bad = 1\n", cwd=project).returncode == 1


def test_safe_and_unsafe_fixes(project: Path, lint: Lint) -> None:
    (project / "a.py").write_text("debug(bad)\nx = bad\n")
    assert lint("--fix", "--extend-select", "removed-call").code == 0
    assert (project / "a.py").read_text() == "debug(good)\nx = good\n"
    lint("--fix", "--unsafe-fixes", "--extend-select", "removed-call")
    assert (project / "a.py").read_text() == "x = good\n"


def test_a_fix_inside_a_removed_statement_waits_and_then_is_gone(project: Path, lint: Lint) -> None:
    (project / "a.py").write_text("if x:\n    debug(bad)\n")
    lint("--fix", "--unsafe-fixes", "--extend-select", "removed-call")
    assert (project / "a.py").read_text() == "if x:\n    pass\n"


EVALUATES_IN_TRAIN_MODE = """\
import torch
from torchvision.models import resnet18

def main(loader, val_loader, criterion, optimizer):
    model = resnet18()
    for epoch in range(10):
        for x, y in loader:
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
        with torch.no_grad():
            for x, y in val_loader:
                print(criterion(model(x), y))
"""


def test_rules_that_a_fix_wakes_look_at_what_it_made(project: Path, lint: Lint) -> None:
    """`model.eval()`, put in by one rule, is what another rule's screen looks for."""
    (project / "a.py").write_text(EVALUATES_IN_TRAIN_MODE)
    modes = "missing-eval-mode,eval-mode-not-restored"
    outcome = lint("a.py", "--select", modes, "--fix", "--unsafe-fixes", "--no-cache")
    fixed = (project / "a.py").read_text()
    assert outcome.code == 0 and fixed.count("model.eval()") == fixed.count("model.train()") == 1


def test_diff_changes_nothing(project: Path, lint: Lint) -> None:
    (project / "a.py").write_text("x = 1\nbad = 1")
    outcome = lint("--diff")
    assert "--- a/a.py\n+++ b/a.py\n" in outcome.out
    assert "-bad = 1\n\\ No newline at end of file\n+good = 1\n" in outcome.out
    assert "would fix 1 problem" in outcome.err
    assert (project / "a.py").read_text() == "x = 1\nbad = 1"


def test_files_keep_their_permissions_and_links_stay(project: Path, lint: Lint) -> None:
    (project / "real.py").write_text("bad = 1\n")
    (project / "real.py").chmod(0o755)
    (project / "link.py").symlink_to("real.py")
    assert lint("--fix", "link.py").code == 0
    assert (project / "link.py").is_symlink()
    assert (project / "real.py").read_text() == "good = 1\n"
    assert (project / "real.py").stat().st_mode & 0o777 == 0o755


def test_many_files_go_to_processes_and_come_back_in_order(
    project: Path, lint: Lint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shapecheck.lint.run, "SERIAL_LIMIT", 3)
    for i in range(1, 31):
        (project / f"f{i:02}.py").write_text(f"{'x' * i} = bad\n")
    outcome = lint("--jobs", "2", "--output-format", "concise")
    assert [line.split(":")[0] for line in outcome.out.splitlines()] == [f"f{i:02}.py" for i in range(1, 31)]
    assert "fixed 30 problems" in lint("--jobs", "2", "--fix").out


def test_a_rule_that_fails_is_an_internal_error_and_the_others_go_on(project: Path, lint: Lint) -> None:
    package = project / "failing_rules"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "fails.py").write_text(
        '"""Doc."""\nimport ast\nfrom shapecheck.lint import File\nGROUP = "f"\nTORCH_ONLY = False\n'
        "def check(node: ast.Name, file: File):\n    raise KeyError('x')\n"
    )
    (project / "pyproject.toml").write_text(
        '[tool.shapecheck.lint]\nrule-packages = ["sample_rules", "failing_rules"]\nselect = ["sample", "f"]\n'
    )
    (project / "a.py").write_text("bad = 1\n")
    outcome = lint("--output-format", "concise")
    assert outcome.code == 2
    assert "rule `fails` failed at a.py:1: KeyError" in outcome.err
    assert "bad-name" in outcome.out
    for i in range(14):
        (project / f"b{i}.py").write_text("bad = 1\n")
    said = lint("--output-format", "concise").err.splitlines()
    assert len(said) == 11 and said[-1] == "shapecheck lint: and 6 more (--output-format json lists all)"
    sys.modules.pop("failing_rules", None)


def test_rule_packages_are_found_below_the_project_s_root(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "tools" / "own").mkdir(parents=True)
    (project / "tools" / "own" / "__init__.py").write_text("")
    rule = (
        (SAMPLE / "sample_rules" / "bad_name.py").read_text().replace('"bad"', '"worse"').replace('b"bad"', 'b"worse"')
    )
    (project / "tools" / "own" / "worse_name.py").write_text(rule)
    (project / "pyproject.toml").write_text(
        '[tool.shapecheck.lint]\nrule-packages = ["tools.own"]\nselect = ["worse-name"]\n'
    )
    (project / "sub").mkdir()
    (project / "sub" / "a.py").write_text("worse = 1\n")
    outcome = in_process("lint", "--output-format", "concise", cwd=project / "sub")
    assert outcome.stdout.startswith(b"a.py:1:1: worse-name"), outcome


def test_report_to_a_file(project: Path, lint: Lint) -> None:
    (project / "a.py").write_text("bad = 'é'\n")
    outcome = lint("--output-format", "json", "--output-file", "report.json")
    assert (outcome.code, outcome.out) == (1, "")
    assert json.loads((project / "report.json").read_text(encoding="utf-8"))["diagnostics"][0]["rule"] == "bad-name"
    assert [path.name for path in project.iterdir() if path.name.startswith(".report")] == []


@pytest.mark.parametrize("command", ["lint --output-format concise", "rules"])
def test_a_reader_that_goes_away_is_no_message(project: Path, command: str) -> None:
    (project / "a.py").write_text("bad = 1\n" * 5000)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(SAMPLE)])}
    shell = f"{sys.executable} -m shapecheck {command} | head -1"
    outcome = subprocess.run(shell, shell=True, capture_output=True, cwd=project, env=environment, check=False)
    assert outcome.stdout.count(b"\n") == 1
    assert outcome.stderr == b""


def test_a_terminal_that_can_not_show_a_character(project: Path) -> None:
    (project / "a.py").write_text("bad = '→'\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(SAMPLE)]), "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "shapecheck", "lint"]
    outcome = subprocess.run(command, capture_output=True, cwd=project, env=environment, check=False)
    assert outcome.returncode == 1 and b"bad = '?'" in outcome.stdout


def test_linting_imports_neither_torch_nor_libcst(project: Path) -> None:
    (project / "pyproject.toml").unlink()
    (project / "a.py").write_text(
        "import torch\ntotal = 0\nfor x in y:\n    loss = f(x)\n    loss.backward()\n    total += loss\n"
    )
    code = (
        "import sys; from shapecheck.cli import main; main(['lint', '--select', 'training', '--no-cache']);"
        "print(sorted({'torch', 'libcst', 'rich', 'mypy', 'jaxtyping', 'numpy'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(SAMPLE)])}
    outcome = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, cwd=project, env=environment, check=True
    )
    assert b"loss-keeps-graph" in outcome.stdout and outcome.stdout.strip().endswith(b"[]")


def test_the_command_s_own_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == main(["--help"]) == 0
    assert "shapecheck COMMAND" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("shapecheck ")
    assert main(["lnt"]) == 2
    assert "there is no command 'lnt'; did you mean `lint`?" in capsys.readouterr().err


def test_rules_and_explain(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "sample"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["bad-name", "long-call"]
    assert main(["rules", "bad-name", "--output-format", "markdown"]) == 0
    assert "| `bad-name` | sample | on by default | safe | A name that says bad. |" in capsys.readouterr().out
    assert main(["rules", "sample-preview", "long-call", "--output-format", "json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert [(rule["name"], rule["default"], rule["options"]) for rule in described] == [
        ("long-call", True, {"limit": 2}),
        ("removed-call", False, {}),
    ]
    assert main(["explain", "bad-name"]) == 0
    assert "## Why is this bad?" in capsys.readouterr().out
    assert main(["explain", "bad-name", "--output-format", "json"]) == 0
    assert "It says so." in json.loads(capsys.readouterr().out)["page"]
    assert main(["explain", "bad-nam"]) == 2
    assert "there is no rule `bad-nam`; did you mean `bad-name`?" in capsys.readouterr().err
    assert main(["rules", "sampl"]) == 2
    assert "did you mean `sample`?" in capsys.readouterr().err


UNFIXABLE = '''"""A rule whose fix can't be made.

## Why is this bad?

It never works.
"""
import ast
from shapecheck.lint import Edit, File, Violation, safe_fix
GROUP = "broken"
TORCH_ONLY = False
def check(node: ast.Name, file: File):
    if node.id == "wrong":
        yield Violation(node, "wrong", safe_fix("try", Edit("replace", node, {code!r})))
'''


@pytest.mark.parametrize(
    ("fix", "message"),
    [
        ("3 = 4", "a fix can't be made"),
        ("wrong", "undo one another"),
        ("(wrong)", "undo one another"),
        ("*", "a fix can't"),
    ],
)
def test_a_fix_that_can_not_be_made_is_a_note_and_the_others_are_made(
    project: Path, lint: Lint, fix: str, message: str
) -> None:
    package = project / "unfixable"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / f"r{abs(hash(fix))}.py").write_text(UNFIXABLE.replace("{code!r}", repr(fix)))
    (project / "pyproject.toml").write_text(
        '[tool.shapecheck.lint]\nrule-packages = ["sample_rules", "unfixable"]\nselect = ["sample", "broken"]\n'
    )
    (project / "a.py").write_text("x = bad\ny = wrong\n")
    outcome = lint("--fix")
    assert outcome.code == 1
    assert message in outcome.err
    assert (project / "a.py").read_text().startswith("x = good\ny = ")
    for name in [name for name in sys.modules if name.startswith("unfixable")]:
        del sys.modules[name]
    shapecheck.lint.rule.load_package.cache_clear()
