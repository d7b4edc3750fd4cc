"""Write what is generated from the rules: the table in README.md and docs/rules.md with every rule's page.

python docs/generate.py            write
python docs/generate.py --check    exit 1 if anything isn't current
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

START, END = "<!-- rules: python docs/generate.py -->", "<!-- end of rules -->"


def table() -> str:
    """The table that ``shapecheck rules`` prints."""
    command = [sys.executable, "-m", "shapecheck", "rules", "--output-format", "markdown"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def readme() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n\n{table()}\n\n{END}{after}"


def rules_page() -> str:
    from shapecheck.lint.rule import load_package

    pages = [f"## {rule.name}\n\n{_page(rule.docstring)}" for rule in load_package("lint_rules")]
    head = (
        "# Rules\n\nGenerated from `lint_rules/` by `python docs/generate.py`; `shapecheck explain RULE` prints one.\n"
    )
    return "\n\n".join([head + "\n" + table(), *pages]) + "\n"


def _page(docstring: str) -> str:
    """A rule's page, its headings one level down, its code blocks plain Python."""
    text = re.sub(r"^(#+ )", r"#\1", docstring.strip(), flags=re.MULTILINE)
    text = re.sub(
        r"^##( .*)$",
        lambda found: found[0] if found[1].strip() in _HEADINGS else found[0][1:],
        text,
        flags=re.MULTILINE,
    )
    return re.sub(r"^```python .*$", "```python", text, flags=re.MULTILINE)


_HEADINGS = {"Why is this bad?", "Example", "Known limits", "Options"}
GENERATED = {ROOT / "README.md": readme, ROOT / "docs/rules.md": rules_page}


def main() -> int:
    stale = [
        path for path, make in GENERATED.items() if not path.exists() or path.read_text(encoding="utf-8") != make()
    ]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} isn't current: run `python docs/generate.py`")
        return int(bool(stale))
    for path in stale:
        path.write_text(GENERATED[path](), encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
