"""Misspelled dims: nobody checks a name that only the return annotation has; one edit from another, it is a typo."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from shapecheck.core.spec import ShapeSpec
from shapecheck.static.declarations import Signature
from shapecheck.static.frame import Finding
from shapecheck.static.hints import tensors

__all__ = ["mentioned_dims", "misspelled_dims"]

_SHORTEST = 4
_LONGEST = 200


def misspelled_dims(signature: Signature, mentions: Counter[str]) -> Iterator[Finding]:
    """The names in a return annotation that look like a parameter's, misspelled, and stand nowhere else in the file."""
    known = {name: hint for p in signature.parameters for hint in tensors(p.hint) for name in _names(hint.spec)}
    if signature.node.returns is None or not known:
        return
    for hint in tensors(signature.returns):
        for name in dict.fromkeys(_names(hint.spec)):
            once = name not in known and mentions[name] == 1
            meant = next((other for other in known if once and looks_like(name, other)), None)
            if meant is not None:
                place = f"in the return annotation of `{signature.label}`"
                message = f"`{name}` {place} is no dim of a parameter: nothing checks it"
                yield Finding(signature.node.returns, "unknown-dim", message, f"`{meant}`, as in `{known[meant]}`?")


def mentioned_dims(tree: ast.Module) -> Counter[str]:
    """How often each word stands in the strings of a file."""
    strings = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return Counter(word.lstrip("*#_?") for text in strings if len(text) < _LONGEST for word in text.split())


def _names(spec: ShapeSpec | None) -> tuple[str, ...]:
    return spec.bound_names if spec is not None else ()


def looks_like(name: str, other: str) -> bool:
    """Whether two names are one edit apart and long enough for that to be no accident; a plural or a number is none."""
    if min(len(name), len(other)) < _SHORTEST or name == other or name.rstrip("s") == other.rstrip("s"):
        return False
    start = 0
    while start < min(len(name), len(other)) and name[start] == other[start]:
        start += 1
    rest, other_rest = name[start:], other[start:]
    edits = ((1, 1), (1, 0), (0, 1)) if len(name) != len(other) else ((1, 1),)
    swapped = rest[:2] == other_rest[:2][::-1] and rest[2:] == other_rest[2:] and len(rest) > 1
    if not swapped and not any(rest[a:] == other_rest[b:] for a, b in edits):
        return False
    return not any(char.isdigit() or char == "_" for char in rest[:1] + other_rest[:1]) and _in_a_long_word(name, start)


def _in_a_long_word(name: str, place: int) -> bool:
    """``q_len`` and ``k_len`` differ on purpose: the word that the edit is in is short."""
    first, last = name.rfind("_", 0, place) + 1, name.find("_", place)
    return (len(name) if last < 0 else last) - first >= _SHORTEST
