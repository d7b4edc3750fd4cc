"""Comments that silence: on the line, on any line of the statement, on a line of its own before it, or for the file.

    x.permute(0, 1)  # shapecheck: ignore[discarded-result]  why, if you like
    # shapecheck: ignore                    all rules, in the statement below
    # shapecheck: ignore-file[rule, …]      or without brackets: the whole file

A comment that silences nothing is reported as `unused-ignore`.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from shapecheck.lint.names import nearest
from shapecheck.lint.violation import Edit, Fix, Span

UNUSED = "unused-ignore"
MARK = b"shapecheck:"
_COMMENT = re.compile(r"#\s*shapecheck:\s*(?P<verb>[\w-]+)\s*(?:\[(?P<rules>[^\]]*)\])?")
_VERBS = ("ignore", "ignore-file")
_LAYOUT = frozenset({tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER})


@dataclass(slots=True)
class Comment:
    """One comment of ours. `lines` is what it silences; no `rules` means every rule."""

    span: Span
    verb: str
    rules: tuple[str, ...]
    lines: range
    used: set[str] = field(default_factory=set)

    def silences(self, rule: str, line: int) -> bool:
        return line in self.lines and (not self.rules or rule in self.rules)


@dataclass(frozen=True, slots=True)
class UnusedComment:
    """What is wrong with a comment, and the fix that takes it out where that is certain."""

    span: Span
    message: str
    fix: Fix | None


def comments(source: str) -> list[Comment]:
    """Our comments in a source."""
    found: list[Comment] = []
    for token, statement in _comments_with_statements(source):
        for match in _COMMENT.finditer(token.string):
            rules = tuple(name.strip() for name in (match["rules"] or "").split(",") if name.strip())
            everything = range(1, source.count("\n") + 2)
            lines = everything if match["verb"] == "ignore-file" else statement
            line, column = token.start
            start = len(token.line[: column + match.start()].encode())
            span = Span(line, start, line, start + len(match[0].encode()))
            found.append(Comment(span, match["verb"], rules, lines))
    return found


def is_silenced(found: Iterable[Comment], rule: str, line: int) -> bool:
    """Whether a comment silences a report; the comment is then in use."""
    silenced = False
    for comment in found:
        if comment.verb in _VERBS and comment.silences(rule, line):
            comment.used.add(rule)
            silenced = True
    return silenced


def unused(
    found: Iterable[Comment], active: frozenset[str], known: frozenset[str], complete: bool
) -> Iterator[UnusedComment]:
    """The comments that silence nothing, as far as the active rules can tell; `complete`: no default rule is off."""
    for comment in found:
        if comment.verb not in _VERBS:
            message = f"`shapecheck: {comment.verb}` says nothing: write `ignore[rule]` or `ignore-file`"
            yield UnusedComment(comment.span, message, None)
            continue
        unknown = [name for name in comment.rules if name not in known]
        for name in unknown:
            yield UnusedComment(comment.span, f"there is no rule `{name}` to ignore{nearest(name, known)}", None)
        idle = [name for name in comment.rules if name in active and name not in comment.used]
        if not unknown and (idle == list(comment.rules) if comment.rules else complete and not comment.used):
            edit = Edit("comment", comment.span)
            yield UnusedComment(comment.span, _message(idle), Fix("remove the comment", (edit,), safe=True))
        elif idle:
            yield UnusedComment(comment.span, _message(idle), None)


def _message(idle: list[str]) -> str:
    names = ", ".join(f"`{name}`" for name in idle)
    return f"nothing to ignore here by {names}" if names else "nothing to ignore here"


def logical_lines(source: str) -> Iterator[tuple[int, int]]:
    """First and last physical line of each statement, or of the header of a compound one."""
    first = None
    for token in _tokens(source):
        if token.type == tokenize.NEWLINE and first is not None:
            yield first, token.start[0]
            first = None
        elif first is None and token.type not in _LAYOUT:
            first = token.start[0]


def _comments_with_statements(source: str) -> Iterator[tuple[tokenize.TokenInfo, range]]:
    """Each comment with the lines of the statement around it, or below it where it has a line of its own."""
    statements = list(logical_lines(source))
    for token in _tokens(source):
        if token.type == tokenize.COMMENT:
            row = token.start[0]
            first, last = next((lines for lines in statements if lines[1] >= row), (row, row))
            yield token, range(min(first, row), last + 1)


def _tokens(source: str) -> Iterator[tokenize.TokenInfo]:
    try:
        yield from tokenize.generate_tokens(io.StringIO(source).readline)
    except (tokenize.TokenError, SyntaxError):
        return
