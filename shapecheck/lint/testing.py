"""Run a rule's page as tests, for this project's rules and for anybody's.

@pytest.mark.parametrize("rule", load_package("my_rules"), ids=lambda rule: rule.name)
def test_examples(rule):
    assert problems(rule) == []
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.lint.engine import applicable, run
from shapecheck.lint.file import File
from shapecheck.lint.fixes import FixError, apply, select
from shapecheck.lint.page import HEADINGS, OPTIONAL_HEADINGS, Example
from shapecheck.lint.rule import Rule

_KINDS = ("bad", "good", "fixed")


def problems(rule: Rule) -> list[str]:
    """Everything that is wrong with a rule's page; empty when its examples do what it says."""
    return [*_layout(rule), *(problem for i in range(len(rule.page.examples)) for problem in _example(rule, i))]


def reported(rule: Rule, example: Example) -> dict[int, str]:
    """The lines that a rule reports in an example, with the messages."""
    file = File(example.code, example.path)
    return {found.line: found.message for found, _ in run(file, [rule], {rule.name: example.options})}


def fixed(rule: Rule, example: Example) -> str:
    """An example with every fix that the rule offers, safe and unsafe, until there are no more."""
    code = example.code
    for _ in range(10):
        file = File(code, example.path)
        fixes = select(
            fix
            for _, v in run(file, [rule], {rule.name: example.options})
            if (fix := v.fix_under("unsafe")) is not None
        )
        if not fixes:
            return code
        code = apply(file, [edit for fix in fixes for edit in fix.edits], code)
        ast.parse(code)
    raise FixError("the fixes never come to an end")


def _layout(rule: Rule) -> Iterator[str]:
    titles = list(rule.page.sections)
    if [title for title in titles if title in HEADINGS] != list(HEADINGS):
        yield f"headings must be {', '.join(HEADINGS)}, in this order; found {', '.join(titles)}"
    yield from (f"unknown heading `{title}`" for title in titles if title not in (*HEADINGS, *OPTIONAL_HEADINGS))
    if not rule.page.summary.endswith("."):
        yield "the summary line must end with a full stop"
    kinds = [example.kind for example in rule.page.examples]
    if "bad" not in kinds or not {"good", "fixed"} & set(kinds):
        yield "there must be a bad and a good example"
    if "fixed" in kinds and rule.fix is None:
        yield 'an example is fixed, so FIX must say whether the fix is "safe" or "unsafe"'
    if bool(rule.options) != ("Options" in titles):
        yield "options need an `## Options` section, and only they do"


def _example(rule: Rule, index: int) -> Iterator[str]:
    example = rule.page.examples[index]
    where = f"{example.kind} example {index + 1}"
    if example.kind not in _KINDS:
        yield f"{where}: a block is one of {', '.join(_KINDS)}"
        return
    try:
        found = reported(rule, example)
    except SyntaxError as error:
        yield f"{where} doesn't parse: {error}"
        return
    for line in sorted(found.keys() ^ example.errors.keys()):
        text = example.code.splitlines()[line - 1].strip()
        yield f"{where}, line {line} `{text}`: " + (
            f"reported, but not marked: {found[line]}" if line in found else "marked `# error`, but not reported"
        )
    for line, text in example.errors.items():
        if line in found and text not in found[line]:
            yield f"{where}, line {line}: {text!r} is not in the message {found[line]!r}"
    if example.kind == "bad" and not applicable([rule], example.code.encode()):
        yield f"{where}: the screen (TOKENS, TORCH_ONLY) skips files like this; import what real code imports"
    if example.kind == "bad" and not example.errors:
        yield f"{where}: no line is marked `# error`"
    if example.kind != "bad" and example.errors:
        yield f"{where}: a line is marked `# error`"
    yield from _fix(rule, index, where)


def _fix(rule: Rule, index: int, where: str) -> Iterator[str]:
    example, *rest = rule.page.examples[index:]
    if example.kind != "bad":
        return
    try:
        code = fixed(rule, example)
    except (FixError, SyntaxError) as error:
        yield f"{where}: its fix fails: {error}"
        return
    if rest and rest[0].kind == "fixed" and code != rest[0].code:
        yield f"{where}: the fix makes\n{code}"
