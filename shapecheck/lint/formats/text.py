"""For people: each finding with its lines of code, the reason of its rule the first time, its fix, and a last line.

train.py:9:9: loss-keeps-graph `total` keeps the graph of every step through `loss`; add its number instead
    8 |         loss.backward()
>   9 |         total += loss
      |         ^^^^^^^^^^^^^
    why: …
    fix: add `.item()` (--unsafe-fixes)
"""

from __future__ import annotations

from collections.abc import Iterator

from shapecheck.lint.diagnostic import Diagnostic
from shapecheck.lint.formats import Results
from shapecheck.lint.formats.concise import headline, place
from shapecheck.lint.formats.style import paint

_CONTEXT = 1
_MAX_WIDTH = 160
_FLAGS = {"safe": "--fix", "unsafe": "--fix --unsafe-fixes"}


def render(results: Results) -> str:
    """All findings, then how many there are."""
    explained: set[str] = set()
    parts = []
    for item in results.diagnostics:
        parts.append("\n".join(_finding(results, item, item.rule not in explained)))
        explained.add(item.rule)
    return "\n\n".join([*parts, closing(results)]) + "\n"


def closing(results: Results) -> str:
    """The last line: how many findings, and what can be done about them."""
    style, found = results.style, results.diagnostics
    fixed = sum(results.fixed.values())
    done = f"{'would fix' if results.only_shown else 'fixed'} {_count(fixed, 'problem')}; " if fixed else ""
    checked = f"{_count(len(results.files), 'file')} checked"
    if not found:
        return done + paint(style, "good", f"{checked}, nothing {'else ' if fixed else ''}found")
    line = f"{done}{_count(len(found), 'problem')} in {_count(len({d.path for d in found}), 'file')} ({checked})"
    safe = sum(item.fix == "safe" for item in found)
    unsafe = sum(item.fix == "unsafe" for item in found)
    offers = [f"{safe} with --fix"] if safe else []
    offers += [f"{unsafe} {'more ' if safe else ''}with --fix --unsafe-fixes"] if unsafe else []
    return paint(style, "bold", line) + (f"; can be fixed: {', '.join(offers)}" if offers else "")


def _finding(results: Results, item: Diagnostic, explain: bool) -> Iterator[str]:
    style = results.style
    yield headline(results, item)
    yield from (f"    {line}" for line in item.details)
    yield from _frame(results, item)
    for other in item.related:
        yield f"    {paint(style, 'dim', 'see:')} {item.path}:{place(other)}: {other.message}"
    reason = results.reason(item.rule) if explain else ""
    if reason:
        yield f"    {paint(style, 'dim', 'why:')} {reason}"
    if item.fix is not None:
        yield f"    {paint(style, 'dim', 'fix:')} {item.fix_title} ({_FLAGS[item.fix]})"


def _frame(results: Results, item: Diagnostic) -> Iterator[str]:
    """The lines of a finding, its first one marked."""
    style, lines = results.style, results.lines(item)
    for number in range(max(1, item.line - _CONTEXT), min(len(lines), item.line) + 1):
        text = lines[number - 1].rstrip("\r\n").replace("\t", " ")[:_MAX_WIDTH]
        sign = ">" if number == item.line else " "
        yield f"{paint(style, 'mark', sign)} {paint(style, 'dim', f'{number:>5} |')} {text}".rstrip()
        if number == item.line:
            end = item.end_col if item.end_line == item.line else len(text) + 1
            width = max(1, min(end, len(text) + 1) - item.col)
            if item.col <= len(text) + 1:
                yield f"        {paint(style, 'dim', '|')} {' ' * (item.col - 1)}{paint(style, 'mark', '^' * width)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
