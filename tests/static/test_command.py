"""`shapecheck shapes`: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shapecheck.cli import main

SOURCE = """from jaxtyping import Float
from torch import Tensor


def scores(q: Float[Tensor, "b t d"], k: Float[Tensor, "b s d"]) -> Float[Tensor, "b t s"]:
    raw = q @ k.mT
    for step in range(3):
        raw = raw * step
    return raw.softmax(-1)


class Model:
    def wrong(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b"]:
        return x @ x
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def test_shapes_stand_beside_assignments_and_returns(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shapes", f"{file}::scores"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("def scores(")
    assert lines[1].endswith("# raw: (b, t, s) float")
    assert lines[-1].endswith("# → (b, t, s) float")
    assert not any("class Model" in line for line in lines)


def test_a_diagnostic_stands_under_its_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shapes", f"{file}::Model.wrong"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].strip() == "return x @ x"
    assert lines[2].strip().startswith("^ shape-mismatch: `x @ x`")
    assert lines[2].index("^") == lines[1].index("x @ x")


def test_a_whole_file_is_shown_without_a_name(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shapes", str(file)]) == 1
    out = capsys.readouterr().out
    assert all(line in out for line in SOURCE.splitlines() if "raw" not in line)


def test_a_method_is_found_by_its_last_name(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shapes", f"{file}::wrong"]) == 1
    assert "def wrong" in capsys.readouterr().out


def test_colors_are_for_terminals(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["shapes", str(file)])
    assert "\x1b[" not in capsys.readouterr().out
    main(["shapes", str(file), "--color", "always"])
    assert "\x1b[" in capsys.readouterr().out


def test_json_for_tools(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shapes", str(file), "--output-format", "json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["path"] == str(file)
    assert [(one["name"], one["followed"]) for one in report["functions"]] == [("scores", True), ("Model.wrong", True)]
    raw = next(one for one in report["expressions"] if (one["line"], one["col"]) == (6, 4))
    assert raw == {
        "line": 6, "col": 4, "end_line": 6, "end_col": 7, "kind": "tensor", "shape": ["b", "t", "s"], "dtype": "float",
    }  # fmt: skip
    (diagnostic,) = report["diagnostics"]
    assert (diagnostic["rule"], diagnostic["line"]) == ("shape-mismatch", 14)


@pytest.mark.parametrize(
    ("content", "wanted", "message"),
    [
        (None, "", "No such file"),
        ("def f(:", "", ":1: isn't Python"),
        ("\x00", "", "can't be parsed|isn't Python"),
        (b"x = '\xff\xfe'", "", "isn't text in UTF-8|isn't Python: invalid or missing encoding"),
        (b"# -*- coding: klingon -*-", "", "isn't Python: unknown encoding"),
        ("def score(): ...", "::scores", "no function or class `scores`; did you mean `score`"),
        ("def score(): ...", ":score", "No such file or directory; did you mean"),
    ],
    ids=["missing", "syntax", "null", "binary", "unknown-encoding", "unknown-function", "one-colon"],
)
def test_bad_input_gets_one_message_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | bytes | None, wanted: str, message: str
) -> None:
    path = tmp_path / "bad.py"
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    elif content is not None:
        path.write_bytes(content)
    assert main(["shapes", f"{path}{wanted}"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("shapecheck shapes: ")
    assert any(part in line for part in message.split("|"))


@pytest.mark.parametrize(
    "text", ["\ufeffwidth = 1\n", "# coding: latin-1\nname = 'é'\n"], ids=["byte-order-mark", "latin"]
)
def test_files_are_read_as_python_reads_them(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "encoded.py"
    path.write_text(text, encoding="latin-1" if "latin" in text else "utf-8")
    assert main(["shapes", str(path)]) == 0
    assert capsys.readouterr().out.strip() == text.lstrip("\ufeff").strip()


def test_folders_and_notebooks_get_advice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shapes", str(tmp_path)]) == 2
    assert "Is a directory; give one file" in capsys.readouterr().err
    (tmp_path / "a.ipynb").write_text("{}", encoding="utf-8")
    assert main(["shapes", f"{tmp_path / 'a.ipynb'}::f"]) == 2
    assert "is a notebook" in capsys.readouterr().err


def test_wrong_options_exit_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["shapes", "--nonsense"])
    assert exit_.value.code == 2


def test_what_a_shape_rests_on_stands_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "heads.py"
    path.write_text(
        "from jaxtyping import Float\nfrom torch import Tensor\n\n"
        'def split(x: Float[Tensor, "b d"], heads: int):\n    return x.view(len(x), heads, -1)\n'
    )
    assert main(["shapes", f"{path}::split"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("# → (b, heads, d//heads) float, given d % heads == 0")
    main(["shapes", str(path), "--output-format", "json"])
    report = json.loads(capsys.readouterr().out)
    assert report["assumptions"] == [{"line": 5, "condition": "d % heads == 0"}]
