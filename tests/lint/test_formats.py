"""The output formats, on one run with every kind of finding."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from inline_snapshot import snapshot

from shapecheck.lint.command import _FORMATS
from shapecheck.lint.diagnostic import Diagnostic, Related
from shapecheck.lint.formats import FORMATS, Results, Style, render
from shapecheck.lint.formats.statistics import statistics
from shapecheck.lint.formats.style import style_of
from shapecheck.lint.rule import Rule, load_package
from tests.lint.sarif_schema import SARIF

SOURCE = ["import x", "if x:", "\tbad = f(1,", "\t  'é')", "y"]
FOUND = [
    Diagnostic("bad-name", "a.py", 3, 2, 3, 5, "the name `bad`", fix="safe", fix_title="call it good"),
    Diagnostic(
        "long-call",
        "a.py",
        3,
        8,
        4,
        7,
        "3 arguments, a: 100%\nof them",
        "warning",
        None,
        "unsafe",
        "cut",
        ("a  (b, c)", "of: x"),
    ),
    Diagnostic("bad-name", "b c.ipynb", 1, 1, 1, 9, "<again>", "info", 4, related=(Related("first here", 2, 1, 3),)),
    Diagnostic("syntax-error", "a.py", 9, 1, 9, 2, "invalid syntax"),
]


@pytest.fixture
def results(project: Path) -> Results:
    def lines(item: Diagnostic) -> Sequence[str]:
        return SOURCE if item.cell is None else ["bad, bad"]

    def rules() -> dict[str, Rule]:
        return {rule.name: rule for rule in load_package("sample_rules")}

    return Results(FOUND, ["a.py", "b c.ipynb", "clean.py"], lines, rules, str(project))


def with_(results: Results, **changes: object) -> Results:
    values = {name: getattr(results, name) for name in Results.__slots__} | changes
    return Results(**values)  # type: ignore[arg-type]


def test_the_table_and_the_option_agree() -> None:
    assert tuple(FORMATS) == _FORMATS


def test_text(results: Results) -> None:
    assert render("text", results) == snapshot("""\
a.py:3:2: bad-name the name `bad`
      2 | if x:
>     3 |  bad = f(1,
        |  ^^^
    why: It says so.
    fix: call it good (--fix)

a.py:3:8: long-call 3 arguments, a: 100% of them
    a  (b, c)
    of: x
      2 | if x:
>     3 |  bad = f(1,
        |        ^^^^
    why: Nobody remembers their order.
    fix: cut (--fix --unsafe-fixes)

b c.ipynb:cell 4:1:1: bad-name <again>
>     1 | bad, bad
        | ^^^^^^^^
    see: b c.ipynb:cell 3:2:1: first here

a.py:9:1: syntax-error invalid syntax
    why: The file doesn't parse, so nothing in it was checked.

4 problems in 2 files (3 files checked); can be fixed: 1 with --fix, 1 more with --fix --unsafe-fixes
""")


def test_concise(results: Results) -> None:
    assert render("concise", results) == snapshot("""\
a.py:3:2: bad-name the name `bad`
a.py:3:8: long-call 3 arguments, a: 100% of them
b c.ipynb:cell 4:1:1: bad-name <again>
a.py:9:1: syntax-error invalid syntax
""")


def test_github(results: Results) -> None:
    assert render("github", results) == snapshot("""\
::error title=shapecheck (bad-name),file=a.py,line=3,endLine=3,col=2,endColumn=5::a.py:3:2: bad-name: the name `bad`
::warning title=shapecheck (long-call),file=a.py,line=3,endLine=4::a.py:3:8: long-call: 3 arguments, a: 100%25%0Aof them%0A    a  (b, c)%0A    of: x
::notice title=shapecheck (bad-name),file=b c.ipynb::b c.ipynb:cell 4:1:1: bad-name: <again>
::error title=shapecheck (syntax-error),file=a.py,line=9,endLine=9,col=1,endColumn=2::a.py:9:1: syntax-error: invalid syntax
""")  # noqa: E501


def test_gitlab(results: Results) -> None:
    issues = json.loads(render("gitlab", results))
    assert issues[0] == snapshot(
        {
            "type": "issue",
            "check_name": "bad-name",
            "description": "bad-name: the name `bad`",
            "severity": "major",
            "fingerprint": "b97eb04104b90cd6cf2a919db8164b1f",
            "location": {"path": "a.py", "lines": {"begin": 3, "end": 3}},
        }
    )
    assert [issue["severity"] for issue in issues] == ["major", "minor", "info", "major"]


def test_a_gitlab_fingerprint_survives_moved_lines(results: Results) -> None:
    def fingerprints(shift: int) -> list[str]:
        moved = Diagnostic("bad-name", "a.py", 3 + shift, 2, 3 + shift, 5, "m")
        twice = with_(results, diagnostics=[moved, moved], lines=lambda _: [""] * shift + SOURCE)
        return [issue["fingerprint"] for issue in json.loads(render("gitlab", twice))]

    assert fingerprints(0) == fingerprints(7)
    assert len(set(fingerprints(0))) == 2


def test_json(results: Results) -> None:
    content = json.loads(render("json", with_(results, fixed={"bad-name": 2}, errors=["oops"])))
    assert {**content, "diagnostics": content["diagnostics"][1:3]} == snapshot(
        {
            "version": 1,
            "diagnostics": [
                {
                    "rule": "long-call",
                    "level": "warning",
                    "message": """\
3 arguments, a: 100%
of them\
""",
                    "details": ["a  (b, c)", "of: x"],
                    "path": "a.py",
                    "cell": None,
                    "line": 3,
                    "col": 8,
                    "end_line": 4,
                    "end_col": 7,
                    "fix": {"safe": False, "title": "cut"},
                    "related": [],
                },
                {
                    "rule": "bad-name",
                    "level": "info",
                    "message": "<again>",
                    "details": [],
                    "path": "b c.ipynb",
                    "cell": 4,
                    "line": 1,
                    "col": 1,
                    "end_line": 1,
                    "end_col": 9,
                    "fix": None,
                    "related": [{"message": "first here", "cell": 3, "line": 2, "col": 1}],
                },
            ],
            "files": 3,
            "fixed": {"bad-name": 2},
            "errors": ["oops"],
            "notes": [],
        }
    )


def test_sarif(results: Results) -> None:
    content = json.loads(render("sarif", with_(results, errors=["oops"])))
    jsonschema.Draft202012Validator(SARIF).validate(content)
    run = content["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert run["results"][2] == snapshot(
        {
            "ruleId": "bad-name",
            "ruleIndex": 0,
            "level": "note",
            "message": {"text": "<again>"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": "b%20c.ipynb", "uriBaseId": "%SRCROOT%"},
                        "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 9},
                    },
                    "logicalLocations": [{"name": "cell 4", "kind": "module"}],
                }
            ],
            "partialFingerprints": {"shapecheck/v1": "912ee0e95c284080b0df47d9f2caacf9"},
            "relatedLocations": [
                {
                    "id": 0,
                    "message": {"text": "first here"},
                    "physicalLocation": {
                        "artifactLocation": {"uri": "b%20c.ipynb", "uriBaseId": "%SRCROOT%"},
                        "region": {"startLine": 2, "startColumn": 1},
                    },
                }
            ],
        }
    )
    assert run["invocations"][0]["executionSuccessful"] is False


def test_sarif_of_an_empty_run(results: Results) -> None:
    jsonschema.Draft202012Validator(SARIF).validate(json.loads(render("sarif", with_(results, diagnostics=[]))))


@pytest.mark.skipif("SARIF_SCHEMA" not in os.environ, reason="SARIF_SCHEMA names no copy of the official schema")
def test_sarif_by_the_official_schema(results: Results) -> None:
    schema = json.loads(Path(os.environ["SARIF_SCHEMA"]).read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    validator.validate(json.loads(render("sarif", with_(results, errors=["oops"]))))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"version": "2.1.0"})


def test_junit(results: Results) -> None:
    root = ElementTree.fromstring(render("junit", with_(results, errors=["\x00 oops"])))
    assert root.attrib == {"name": "shapecheck", "tests": "3", "failures": "4", "errors": "1"}
    cases = {case.get("name"): [failure.get("type") for failure in case] for case in root.iter("testcase")}
    assert cases == {
        "a.py": ["bad-name", "long-call", "syntax-error"],
        "b c.ipynb": ["bad-name"],
        "clean.py": [],
        "shapecheck": ["internal-error"],
    }


def test_statistics(results: Results) -> None:
    assert statistics(results, as_json=False) == snapshot("""\
     2  bad-name      A name that says bad.
     1  long-call     A call with too many arguments.
     1  syntax-error  The file doesn't parse, so nothing in it was checked.
""")
    assert json.loads(statistics(results, as_json=True))[0] == {
        "rule": "bad-name",
        "count": 2,
        "summary": "A name that says bad.",
    }


def test_nothing_found(results: Results) -> None:
    assert render("text", with_(results, diagnostics=[])) == "3 files checked, nothing found\n"
    fixed = with_(results, diagnostics=[], fixed={"bad-name": 2})
    assert render("text", fixed) == "fixed 2 problems; 3 files checked, nothing else found\n"


def test_colors_and_links(results: Results) -> None:
    text = render("text", with_(results, style=Style(color=True, links=True)))
    assert "\x1b[1;31mbad-name\x1b[0m" in text
    assert f"\x1b]8;;{Path('a.py').absolute().as_uri()}\x1b\\" in text
    assert "\x1b" not in render("text", results)


@pytest.mark.parametrize(
    ("terminal", "environment", "color"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_when_there_are_colors(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, environment: dict[str, str], color: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert style_of(sys.stdout).color is color


def test_every_format_survives_strange_findings(results: Results) -> None:
    strange = Diagnostic(
        "r", "/else/where/ü \n%.py", 1, 1, 1, 1, "\x1b \ud800 ]]> & \r\n", related=(Related("", 1, 1),)
    )
    for name in FORMATS:
        assert render(name, with_(results, diagnostics=[strange], lines=lambda _: []))


def test_the_documented_json_is_the_json_there_is(results: Results) -> None:
    page = (Path(__file__).parents[2] / "docs" / "lint.md").read_text(encoding="utf-8")
    content = json.loads(render("json", results))
    for key in [*content, *content["diagnostics"][0]]:
        assert f"`{key}`" in page
