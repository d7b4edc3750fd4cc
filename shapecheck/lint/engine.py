"""Run rules over one parsed file: each check sees the nodes of its types, what it yields becomes diagnostics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from shapecheck.lint.diagnostic import Diagnostic, diagnostic
from shapecheck.lint.file import File
from shapecheck.lint.rule import Check, Rule
from shapecheck.lint.violation import Violation

Options = Mapping[str, Mapping[str, object]]
_DEFAULTS: Options = {}
_MENTIONS_TORCH = (b"torch", b"fastai", b"lightning")


class RuleCrash(Exception):
    """A rule raised: which one, where, and what."""

    def __init__(self, rule: str, path: str, line: int, cause: BaseException) -> None:
        super().__init__(f"rule `{rule}` failed at {path}:{line}: {type(cause).__name__}: {cause}")
        self.rule, self.path, self.line = rule, path, line


def applies(rule: Rule, data: bytes) -> bool:
    """The cheap screen: whether a rule can find anything in a file with these bytes."""
    if rule.torch_only and not any(token in data for token in _MENTIONS_TORCH):
        return False
    return not rule.tokens or any(token in data for token in rule.tokens)


def violations(file: File, rule: Rule, options: Options = _DEFAULTS) -> Iterator[Violation]:
    """What one rule finds in a file."""
    chosen = options.get(rule.name, {})
    for check in rule.checks:
        given = {name: chosen[name] for name in check.options if name in chosen}
        for node in _nodes(file, check):
            try:
                yield from check.function(node, file, **given) or ()
            except Exception as error:
                raise RuleCrash(rule.name, file.path, getattr(node, "lineno", 0), error) from error


def run(file: File, rules: Iterable[Rule], options: Options = _DEFAULTS) -> list[tuple[Diagnostic, Violation]]:
    """What these rules find in a file, in source order, each with the violation that a fix needs."""
    found = [(diagnostic(file, rule, item), item) for rule in rules for item in violations(file, rule, options)]
    return sorted(found, key=lambda pair: pair[0].sort_key)


def _nodes(file: File, check: Check) -> Iterable[object]:
    if not check.concrete:
        return file.nodes(*check.node_types)
    from shapecheck.lint.concrete import concrete_nodes

    return concrete_nodes(file, check.node_types)
