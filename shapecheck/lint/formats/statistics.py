"""`--statistics`: how often each rule fired, most often first."""

from __future__ import annotations

import json
from collections import Counter

from shapecheck.lint.formats import Results
from shapecheck.lint.formats.style import paint


def statistics(results: Results, as_json: bool) -> str:
    """A table, or a JSON list."""
    counts = Counter(item.rule for item in results.diagnostics)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    if as_json:
        rows = [{"rule": rule, "count": count, "summary": results.summary(rule)} for rule, count in ranked]
        return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
    width = max((len(rule) for rule in counts), default=0)
    lines = [
        f"{count:>6}  {paint(results.style, 'bold', rule)}{' ' * (width - len(rule))}  {results.summary(rule)}"
        for rule, count in ranked
    ]
    return "".join(f"{line}\n" for line in lines) or "nothing found\n"
