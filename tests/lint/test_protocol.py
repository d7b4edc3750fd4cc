"""What a rule module may look like, and what is said about one that doesn't."""

import ast
import sys
from pathlib import Path

import pytest

from shapecheck.lint import File
from shapecheck.lint.children import children
from shapecheck.lint.engine import RuleCrash, applicable, run
from shapecheck.lint.rule import RuleError, load_package, load_rule, rule_modules
from shapecheck.lint.testing import problems

RULES = {rule.name: rule for rule in load_package("lint_rules")}

HEAD = 'import ast\nfrom shapecheck.lint import File, Violation\nGROUP = "g"\n'
BROKEN = {
    "no group": ('"""Doc."""\n', "has no GROUP"),
    "no docstring": (HEAD, "has no docstring"),
    "no check": ('"""Doc."""\n' + HEAD, "has no function `check"),
    "no annotation": ('"""Doc."""\n' + HEAD + "def check(node, file: File): ...\n", "annotate `node`"),
    "not a node type": (
        '"""Doc."""\n' + HEAD + "def check(node: int | ast.Call, file: File): ...\n",
        "annotate `node`",
    ),
    "one parameter": ('"""Doc."""\n' + HEAD + "def check(node: ast.Call): ...\n", r"takes \(node, file\)"),
    "option without a default": (
        '"""Doc."""\n' + HEAD + "def check(node: ast.Call, file: File, *, n: int): ...\n",
        "every option needs a default",
    ),
    "doesn't import": ('"""Doc."""\nimport nothing_like_this\n', "can't be imported: ModuleNotFoundError"),
    "syntax": ("def\n", "can't be imported: SyntaxError"),
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "made_rules"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("made_rules")]:
        monkeypatch.delitem(sys.modules, name)
    return folder


@pytest.mark.parametrize(("code", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_rule_is_named_with_what_is_missing(package: Path, code: str, message: str) -> None:
    (package / "a_rule.py").write_text(code)
    with pytest.raises(RuleError, match=message) as caught:
        load_rule("made_rules.a_rule")
    assert "made_rules.a_rule" in str(caught.value)


def test_a_package_that_is_none() -> None:
    with pytest.raises(RuleError, match="can't be imported"):
        rule_modules("no_such_package_anywhere")
    with pytest.raises(RuleError, match="is a module"):
        rule_modules("json.decoder")


def test_modules_that_start_with_an_underscore_are_not_rules(package: Path) -> None:
    (package / "_shared.py").write_text("")
    (package / "a_rule.py").write_text("")
    assert rule_modules("made_rules") == ["made_rules.a_rule"]


def test_abstract_types_stand_for_all_below_them(package: Path) -> None:
    (package / "a_rule.py").write_text(
        '"""Doc."""\n'
        + HEAD
        + "def check(node: ast.stmt, file: File):\n    yield Violation(node, type(node).__name__)\n"
    )
    found = run(File("import x\nif x:\n    pass\n"), [load_rule("made_rules.a_rule")])
    assert [item.message for item, _ in found] == ["Import", "If", "Pass"]


def test_a_second_check_does_not_report_a_place_again(package: Path) -> None:
    (package / "a_rule.py").write_text(
        '"""Doc."""\n'
        + HEAD
        + "def check(node: ast.Call, file: File):\n    yield Violation(node, 'by pattern')\n"
        + "def check_shapes(node: ast.Name, file: File):\n    yield Violation(node, 'by shapes')\n"
    )
    found = run(File("f(x)\ny\n"), [load_rule("made_rules.a_rule")])
    assert [(item.line, item.message) for item, _ in found] == [(1, "by pattern"), (2, "by shapes")]


def test_a_rule_that_fails_says_where(package: Path) -> None:
    (package / "a_rule.py").write_text(
        '"""Doc."""\n' + HEAD + "def check(node: ast.Call, file: File):\n    return 1 / 0\n"
    )
    with pytest.raises(RuleCrash, match=r"rule `a-rule` failed at x.py:2: ZeroDivisionError.*a_rule.py:6") as caught:
        run(File("\nf()", "x.py"), [load_rule("made_rules.a_rule")])
    assert "\n" not in str(caught.value)


def test_libcst_rules_come_by_the_same_door() -> None:
    rule = load_rule("sample_rules.long_call")
    found = run(File("é = 1\n'é', f(1, 2, 3)\n"), [rule])
    assert [(item.line, item.col, item.end_col, item.level) for item, _ in found] == [(2, 6, 16, "warning")]


def test_options_reach_the_check() -> None:
    rule = load_rule("sample_rules.long_call")
    assert rule.options == {"limit": 2}
    assert run(File("f(1, 2, 3)"), [rule], {"long-call": {"limit": 3}}) == []


def test_the_pages_of_the_sample_rules_are_true() -> None:
    assert [problem for rule in load_package("sample_rules") for problem in problems(rule)] == []


LYING = {
    "not reported": ("bad = 1  # error", "x = 1  # error", "marked `# error`, but not reported"),
    "not marked": ("bad = 1  # error: `bad`", "bad = 1", "reported, but not marked"),
    "code": ("good = 1\n```\n\nUse", "good = (\n```\n\nUse", "doesn't parse"),
    "message": ("# error: `bad`", "# error: `worse`", "is not in the message"),
    "fix": ("good = 1\n```\n\nUse", "fine = 1\n```\n\nUse", "the fix makes"),
    "good": ("thing.bad = 1", "bad = 1", "reported, but not marked"),
    "heading": ("## Known limits", "## Limits", "unknown heading `Limits`"),
    "summary": ("A name that says bad.", "A name that says bad", "full stop"),
    "kind": ("```python good", "```python fine", "a block is one of"),
    "screen": ('TOKENS = (b"bad",)', 'TOKENS = (b"worse",)', "the screen (TOKENS, TORCH_ONLY) skips"),
}


@pytest.mark.parametrize(("old", "new", "message"), LYING.values(), ids=LYING)
def test_a_page_that_lies_is_found_out(package: Path, old: str, new: str, message: str) -> None:
    source = (Path(__file__).parent / "sample/sample_rules/bad_name.py").read_text()
    assert old in source
    (package / "bad_name.py").write_text(source.replace(old, new))
    assert any(message in problem for problem in problems(load_rule("made_rules.bad_name")))


def test_the_screen_skips_files_that_have_no_token() -> None:
    rule = RULES["loss-keeps-graph"]
    assert applicable([rule], b"import torch") == []
    assert applicable([rule], b"loss.backward()") == []
    assert applicable([rule], b"import torch\nloss.backward()") == [rule]


def test_every_node_knows_its_parent() -> None:
    file = File("def f(a, b=c):\n    return [x for x in a if x]")
    for node in ast.walk(file.tree):
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.expr_context):
                assert file.parent(child) is node


def test_children_are_those_of_ast_without_operators_and_contexts() -> None:
    skipped = (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop)
    for path in sorted(Path(ast.__file__).parent.glob("[a-d]*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            below = [child for child in ast.iter_child_nodes(node) if not isinstance(child, skipped)]
            assert children(node) == below


def test_a_rule_says_which_fix_another_module_makes(package: Path) -> None:
    code = (
        '"""Doc."""\nimport ast\nGROUP = "g"\nFIX = "unsafe"\ndef check(node: ast.Name, file: object):\n    return ()\n'
    )
    (package / "told.py").write_text(code)
    assert load_rule("made_rules.told").fix == "unsafe"
