"""A rule's page: the docstring of its file, with fixed headings and code blocks that are run as its tests.

Summary in one line, ends with a full stop.
## Why is this bad?      what happens to the user
## Example               ```python bad blocks; `# error` marks each line that is reported
Use instead:             ```python good blocks, or `fixed`: exactly what the fix makes of the bad block before
## Options               (where the rule has any)
## Known limits          what isn't found or is left alone, with good blocks that prove it
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from dataclasses import dataclass, field

HEADINGS = ("Why is this bad?", "Example", "Known limits")
OPTIONAL_HEADINGS = ("Options", "References")
_FENCE = re.compile(r"^```python (?P<info>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"[ \t]*# error(?:: (?P<text>.*))?$")


@dataclass(frozen=True, slots=True)
class Example:
    """One code block. `kind` is bad, good or fixed; `errors` maps marked lines to a part of the message."""

    kind: str
    code: str
    errors: dict[int, str]
    options: dict[str, object]
    path: str


@dataclass(frozen=True, slots=True)
class Page:
    """The parsed docstring of a rule."""

    text: str
    summary: str
    sections: dict[str, str] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()

    @property
    def reason(self) -> str:
        """The first sentence of "Why is this bad?", on one line."""
        paragraph = " ".join(self.sections.get("Why is this bad?", "").split("\n\n")[0].split())
        return re.split(r"(?<=[.!?])\s+(?=[A-Z`])", paragraph)[0]


def parse_page(docstring: str) -> Page:
    """Take a rule's docstring apart."""
    text = textwrap.dedent(docstring).strip() + "\n"
    head, *parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    sections = {title.strip(): body.strip() for title, body in zip(parts[::2], parts[1::2], strict=True)}
    summary = head.strip().split("\n\n")[0].replace("\n", " ")
    return Page(text, summary, sections, tuple(map(_example, _FENCE.finditer(text))))


def _example(block: re.Match[str]) -> Example:
    kind, *pairs = block["info"].split()
    settings = tomllib.loads("\n".join(pairs))
    path = str(settings.pop("path", "example.py"))
    lines, errors = [], {}
    for number, line in enumerate(block["code"].splitlines(), 1):
        mark = _MARK.search(line)
        if mark:
            errors[number] = mark["text"] or ""
        lines.append(_MARK.sub("", line))
    return Example(kind, "\n".join(lines) + "\n", errors, settings, path)
