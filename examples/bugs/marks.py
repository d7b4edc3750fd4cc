"""Reads the marks of the planted bugs: one `# BUG: name [who …]` comment a file, on the line that is wrong.

    loss = squared_error(...)  # BUG: implicit-broadcast [guard=BroadcastError lint static]

`name` is the rule or diagnostic that knows the bug. In brackets stands every part of shapecheck that promises to report
it at this line: `lint` (the linter), `static` (the static engine, so mypy too), `contract=E` (a contract raises E when
the program runs) and `guard=E` (a guard does). Tests hold each part to its promise.

    python -m examples.bugs.marks        # writes the table of README.md anew
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
README = FOLDER / "README.md"
WHO = ("contract", "guard", "lint", "static")
_MARK = re.compile(r"# BUG: (?P<name>[a-z-]+) \[(?P<known>[^]]+)\]$")
_BEGIN, _END = "<!-- table: python -m examples.bugs.marks -->\n", "<!-- end of table -->\n"


@dataclass(frozen=True, slots=True)
class Bug:
    """One planted bug: where it is, what happens, and who can know it (`error` is the exception that a run raises)."""

    program: str
    line: int
    name: str
    known_to: frozenset[str]
    error: str | None
    summary: str

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.program}.py"

    @property
    def module(self) -> str:
        return f"examples.bugs.{self.program}"


def planted_bugs() -> list[Bug]:
    return [read_bug(path) for path in sorted(FOLDER.glob("*_*.py")) if not path.name.startswith("__")]


def read_bug(path: Path) -> Bug:
    source = path.read_text(encoding="utf-8")
    marks = [(number, match) for number, line in enumerate(source.splitlines(), 1) if (match := _MARK.search(line))]
    if len(marks) != 1:
        raise ValueError(f"{path.name} has {len(marks)} marks `# BUG: name [who …]`, expected one")
    [(line, mark)] = marks
    known = dict(word.partition("=")[::2] for word in mark["known"].split())
    if unknown := sorted(known.keys() - set(WHO)):
        raise ValueError(f"{path.name}:{line}: `{unknown[0]}` is none of {', '.join(WHO)}")
    summary = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
    error = known.get("contract") or known.get("guard")
    return Bug(path.stem, line, mark["name"], frozenset(known), error, summary)


def table(bugs: list[Bug]) -> str:
    """The Markdown table of all bugs."""
    rows = ["| program | what goes wrong, silently | rule | " + " | ".join(WHO) + " |", "|---" * (3 + len(WHO)) + "|"]
    for bug in bugs:
        known = (("yes" if who in bug.known_to else "") for who in WHO)
        place = f"[{bug.program}.py:{bug.line}]({bug.program}.py#L{bug.line})"
        rows.append(f"| {place} | {bug.summary} | `{bug.name}` | {' | '.join(known)} |")
    return "\n".join(rows) + "\n"


def with_table(readme: str) -> str:
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return before + _BEGIN + table(planted_bugs()) + _END + after


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
