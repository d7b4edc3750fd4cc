"""``match``: each pattern is read as a test of the subject, so that cases are decided and refined as `if` is.

case 3, "a" | "b"     subject == 3                case None     subject is None
case Tensor()         isinstance(subject, Tensor) case (b, *_)  len(subject) >= 1, the captures by position
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.core.tensors import UNKNOWN
from shapecheck.static.assignment import assign
from shapecheck.static.dispatch import evaluate, execute, executes
from shapecheck.static.environment import Environment, join
from shapecheck.static.frame import Frame
from shapecheck.static.narrowing import narrow, truth


@executes(ast.Match)
def matching(node: ast.Match, frame: Frame) -> None:
    """The first case that fits is followed; as long as that isn't known, every one that may."""
    evaluate(node.subject, frame)
    otherwise: Environment | None = frame.state
    result: Environment | None = None
    for case in node.cases:
        if otherwise is None:
            break
        necessary, sufficient = _tests(case.pattern, node.subject)
        frame.env = otherwise.copy()
        verdict = truth(necessary, frame)
        if verdict is False:
            continue
        certain = verdict is True and sufficient and case.guard is None
        frame.undecided += not certain
        narrow(necessary, True, frame)
        if frame.env is not None:
            _capture(case.pattern, node.subject, frame)
        if case.guard is not None and frame.env is not None:
            narrow(case.guard, True, frame)
        execute(case.body, frame)
        frame.undecided -= not certain
        result = join(result, frame.env)
        if certain:
            otherwise = None
        elif sufficient and case.guard is None:
            frame.env = otherwise
            narrow(necessary, False, frame)
            otherwise = frame.env
    frame.env = join(result, otherwise)


def _tests(pattern: ast.pattern, subject: ast.expr) -> tuple[ast.expr, bool]:
    """A test that holds where a pattern fits, and whether the pattern fits wherever the test holds."""
    test: ast.expr = ast.Constant(True)
    exact = False
    match pattern:
        case ast.MatchAs(pattern=None):
            exact = True
        case ast.MatchAs(pattern=ast.pattern() as inner):
            return _tests(inner, subject)
        case ast.MatchValue(value=value):
            test, exact = ast.Compare(subject, [ast.Eq()], [value]), True
        case ast.MatchSingleton(value=value):
            test, exact = ast.Compare(subject, [ast.Is()], [ast.Constant(value)]), True
        case ast.MatchClass(cls=kind, patterns=positional, kwd_patterns=keywords):
            test, exact = _called("isinstance", subject, kind), not positional and not keywords
        case ast.MatchOr(patterns=patterns):
            tests = [_tests(one, subject) for one in patterns]
            test, exact = ast.BoolOp(ast.Or(), [one for one, _ in tests]), all(sure for _, sure in tests)
        case ast.MatchSequence(patterns=patterns):
            starred = any(isinstance(one, ast.MatchStar) for one in patterns)
            length = ast.Constant(len(patterns) - starred)
            test = ast.Compare(_called("len", subject), [ast.GtE() if starred else ast.Eq()], [length])
            exact = all(_captures_anything(one) for one in patterns)
    return ast.fix_missing_locations(ast.copy_location(test, pattern)), exact


def _called(function: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(function, ast.Load()), list(arguments), [])


def _captures_anything(pattern: ast.pattern) -> bool:
    return isinstance(pattern, ast.MatchStar) or (isinstance(pattern, ast.MatchAs) and pattern.pattern is None)


def _capture(pattern: ast.pattern, subject: ast.expr, frame: Frame) -> None:
    """Bind the names in a pattern; those that aren't the subject, or parts of a sequence, stand for anything."""
    line = pattern.lineno
    for name in _captured(pattern):
        frame.state.bind(name, UNKNOWN, line)
    match pattern:
        case ast.MatchAs(name=str(name)):
            frame.state.bind(name, evaluate(subject, frame), line)
        case ast.MatchSequence(patterns=patterns) if all(map(_captures_anything, patterns)):
            targets = ast.Tuple([_target(one) for one in patterns], ast.Store())
            assign(ast.fix_missing_locations(ast.copy_location(targets, pattern)), evaluate(subject, frame), frame)


def _target(pattern: ast.pattern) -> ast.expr:
    match pattern:
        case ast.MatchStar(name=name):
            return ast.Starred(ast.Name(name or "_", ast.Store()), ast.Store())
        case ast.MatchAs(name=name):
            return ast.Name(name or "_", ast.Store())
    raise TypeError(pattern)


def _captured(pattern: ast.pattern) -> Iterator[str]:
    for node in ast.walk(pattern):
        match node:
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                yield name
