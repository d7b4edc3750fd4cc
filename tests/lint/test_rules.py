"""Every rule's page is its test: examples are reported or not as marked, fixes make what is shown."""

import pytest

from shapecheck.lint.rule import Rule, load_package
from shapecheck.lint.testing import problems

RULES = load_package("lint_rules")
GROUPS = {
    "contract",
    "data",
    "loss",
    "module",
    "numerics",
    "shape",
    "training",
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_page_is_true(rule: Rule) -> None:
    assert problems(rule) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_default_rule_is_in_a_known_group(rule: Rule) -> None:
    assert rule.group in GROUPS or not rule.default
    assert not (rule.default and rule.preview)
