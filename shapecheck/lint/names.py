"""Names that people mistype: the nearest valid one, for every message about an unknown name."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, valid: Iterable[str]) -> str:
    """`; did you mean `x`?`, or nothing when no valid name is near."""
    import difflib

    found = difflib.get_close_matches(name, list(valid), 1, 0.6)
    return f"; did you mean `{found[0]}`?" if found else ""
