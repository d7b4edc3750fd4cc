"""Write tables into benchmarks/README.md, each benchmark's between its own two markers, so that none is pasted by hand.

<!-- tables of contract -->     what stands between is replaced;
<!-- end of contract -->        a benchmark without markers has no tables in there, which is said
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import measure

README = Path(__file__).with_name("README.md")


def main(argv: Sequence[str]) -> int:
    """``python -m benchmarks readme FILE…``"""
    parser = argparse.ArgumentParser(prog="python -m benchmarks readme", description=__doc__)
    parser.add_argument("files", nargs="+", type=results, metavar="FILE", help="what --json has written")
    for content in parser.parse_args(argv).files:
        write(content)
    return 0


def results(text: str) -> dict[str, Any]:
    """The content of a JSON file of results, as an argument of the command line."""
    try:
        content = json.loads(Path(text).read_text(encoding="utf-8"))
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text}: {error.strerror}") from None
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} isn't JSON") from None
    if not isinstance(content, dict) or not {"machine", "benchmarks"} <= content.keys():
        raise argparse.ArgumentTypeError(f"{text} holds no results of `python -m benchmarks --json`")
    return content


def write(content: Mapping[str, Any], path: Path = README) -> None:
    """Replace the sections of the benchmarks that `content` has results of."""
    text = path.read_text(encoding="utf-8")
    for name, tables in content["benchmarks"].items():
        changed = replaced(text, name, section(name, tables, content))
        if changed is None:
            print(f"{path.name} has no markers for the tables of {name}")
        text = changed or text
    path.write_text(text, encoding="utf-8")


def section(name: str, tables: Sequence[Mapping[str, Any]], content: Mapping[str, Any]) -> str:
    own = f"python -m benchmarks.{name}"
    command = content.get("command", "")
    if not command.startswith(own):
        command = own + " --quick" * content.get("quick", False)
    return "\n\n".join([f"`{command}` on {measure.as_line(content['machine'])}", *map(shown, tables)])


def shown(table: Mapping[str, Any]) -> str:
    rows = tuple(tuple(map(_cell, row)) for row in table["rows"])
    return str(measure.Table(table["title"], tuple(table["columns"]), rows, tuple(table.get("notes", ()))))


def _cell(value: object) -> object:
    """A ratio comes back from JSON as its three numbers."""
    if isinstance(value, dict) and value.keys() == {"median", "low", "high"}:
        return measure.Ratio(**value)
    return value


def replaced(text: str, name: str, section: str) -> str | None:
    """The text with another section between the markers of a benchmark; None if it has none."""
    start, end = f"<!-- tables of {name} -->", f"<!-- end of {name} -->"
    block = f"{start}\n\n{section}\n\n{end}"
    pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    return pattern.sub(lambda _: block, text) if pattern.search(text) else None
