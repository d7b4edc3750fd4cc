"""Run rules over one parsed file: each check sees the nodes of its types, what it yields becomes diagnostics."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping

from shapecheck.lint.diagnostic import Diagnostic, diagnostic
from shapecheck.lint.file import File
from shapecheck.lint.rule import Check, Rule
from shapecheck.lint.violation import Violation

Options = Mapping[str, Mapping[str, object]]
Found = tuple[Diagnostic, Violation]
_DEFAULTS: Options = {}
_MENTIONS_TORCH = (b"torch", b"fastai", b"lightning")


class RuleCrash(Exception):
    """A rule raised: which one, on which line of which file, and what."""

    def __init__(self, rule: Rule, file: File, node: object, cause: BaseException) -> None:
        frame = traceback.extract_tb(cause.__traceback__)[-1]
        super().__init__(
            f"rule `{rule.name}` failed at {file.path}:{getattr(node, 'lineno', 1)}: "
            f"{type(cause).__name__}: {cause} (in {frame.filename}:{frame.lineno})"
        )


def applicable(rules: Iterable[Rule], data: bytes) -> list[Rule]:
    """The cheap screen: the rules that can find anything in a file with these bytes."""
    seen: dict[bytes, bool] = {}

    def any_of(tokens: Iterable[bytes]) -> bool:
        for token in tokens:
            if token not in seen:
                seen[token] = token in data
            if seen[token]:
                return True
        return False

    has_torch = any_of(_MENTIONS_TORCH)
    return [rule for rule in rules if (has_torch or not rule.torch_only) and (not rule.tokens or any_of(rule.tokens))]


def run(file: File, rules: Iterable[Rule], options: Options = _DEFAULTS) -> list[Found]:
    """What these rules find in a file, in source order, each with the violation that a fix needs. Raises RuleCrash."""
    found = [pair for rule in rules for pair in run_rule(file, rule, options)]
    return sorted(found, key=lambda pair: pair[0].sort_key)


def run_rule(file: File, rule: Rule, options: Options = _DEFAULTS) -> list[Found]:
    """What one rule finds. Where two of its checks have found the same place, the first one's report stays."""
    found: list[Found] = []
    for check in rule.checks:
        earlier = [reported for reported, _ in found]
        for violation in _violations(file, rule, check, options.get(rule.name, {})):
            reported = diagnostic(file, rule, violation)
            if not any(_overlap(reported, other) for other in earlier):
                found.append((reported, violation))
    return found


def _violations(file: File, rule: Rule, check: Check, options: Mapping[str, object]) -> Iterator[Violation]:
    given = {name: options[name] for name in check.options if name in options}
    for node in _nodes(file, check):
        try:
            yield from check.function(node, file, **given) or ()
        except Exception as error:
            raise RuleCrash(rule, file, node, error) from error


def _nodes(file: File, check: Check) -> Iterable[object]:
    if not check.concrete:
        return file.nodes(*check.node_types)
    from shapecheck.lint.concrete import concrete_nodes

    return concrete_nodes(file, check.node_types)


def _overlap(a: Diagnostic, b: Diagnostic) -> bool:
    return (a.line, a.col) < (b.end_line, b.end_col) and (b.line, b.col) < (a.end_line, a.end_col)
