"""All wording of a broken contract: one line that says what disagrees, a table of who has which shape, a hint.

    attend(): argument `v` has s=10 on dim 2, but `k` made s=9
        q  Float[Tensor, "b h t d"]   (2, 4, 8, 16)   float32
        k  Float[Tensor, "b h s d"]   (2, 4, 9, 16)   float32     s=9 bound here
      > v  Float[Tensor, "b h s d"]   (2, 4, 10, 16)  float32     dim 2: 10 ≠ 9
      called at train.py:41, contract at model.py:17

No value of a tensor is ever printed, and the text is bounded however many arguments, dims or items there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shapecheck.core.unify import Mismatch

__all__ = ["Row", "compose", "first_line", "note_of", "shape_text", "subject"]

MAX_ROWS = 12
MAX_CELL = 72
MAX_DIMS = 16


@dataclass(frozen=True, slots=True)
class Row:
    """One value in the table: what it is called, its annotation, its shape and dtype or what else it is."""

    label: str
    annotation: str
    shape: str
    dtype: str
    note: str = ""
    blamed: bool = False


def compose(function: str, first: str, rows: Sequence[Row], hints: Iterable[str], places: str) -> str:
    """The whole text of an error."""
    lines = [f"{function}(): {first}" if function else first]
    lines += _table(_bounded(rows))
    lines += [f"  hint: {hint}" for hint in hints]
    if places:
        lines.append(f"  {places}")
    return "\n".join(lines)


_ROLES = {
    "argument": "argument `{}`",
    "return": "the return value",
    "yield": "a yielded value",
    "send": "a sent value",
    "field": "field `{}`",
    "value": "`{}`",
}


def subject(label: str, role: str) -> str:
    """``"argument `v`"``, ``"the return value, `return[0]`"``."""
    text = _ROLES[role].format(label)
    return text if "`" in text or label == role else f"{text}, `{label}`,"


def first_line(who: str, mismatch: Mismatch, annotation: str) -> str:
    """What disagrees, in one sentence; `who` is the `subject` to blame."""
    found, expected, dim, by = mismatch.found, mismatch.expected, mismatch.dim, mismatch.bound_by
    made_by = f"{_quoted(by)} made"
    match mismatch.kind:
        case "rank":
            least = "at least " * (mismatch.claim.spec.variadic is not None)
            shape = shape_text(mismatch.claim.shape)
            return f"{who} has {_count(found, 'dim')} {shape}, expected {least}{_count(expected, 'dim')}: {annotation}"
        case "size":
            label = f" ({mismatch.name})" if "=" in mismatch.name else ""
            return f"{who} has size {found} on dim {dim}, expected {expected}{label}"
        case "name":
            name = mismatch.name.lstrip("#?")
            other = f"{name}={expected}{_or_one(mismatch.name)}"
            if by == mismatch.claim.label:
                return f"{who} has {name}={found} on dim {dim}, but {other} on dim {_dim_of(mismatch)}"
            return f"{who} has {name}={found} on dim {dim}, but {made_by} {other}"
        case "dims":
            name, found, expected = mismatch.name, shape_text(found), shape_text(expected)
            stretched = ": neither broadcasts to the other" if "#" in name else ""
            plain = name.replace("#", "").replace("?", "")
            return f"{who} has {plain}={found}, but {made_by} {plain}={expected}{stretched}"
        case "expression":
            value = f"{expected}{_or_one(mismatch.name)}"
            steps = [mismatch.name.lstrip("#"), mismatch.evaluated, value]
            return f"{who} has size {found} on dim {dim}, expected {' = '.join(dict.fromkeys(steps))}"
        case "undefined":
            text = f"{mismatch.name} = {mismatch.evaluated}"
            return f"{who} can't be checked on dim {dim}: {text} has no value ({expected})"


def note_of(mismatch: Mismatch) -> str:
    """The remark beside the blamed row."""
    found, expected = mismatch.found, mismatch.expected
    match mismatch.kind:
        case "rank":
            return f"{_count(found, 'dim')}, expected {expected}"
        case "dims":
            where = "" if mismatch.dim is None else f"dim {mismatch.dim}: "
            return f"{where}{shape_text(found)} ≠ {shape_text(expected)}"
        case "undefined":
            return f"dim {mismatch.dim}: {expected}"
    return f"dim {mismatch.dim}: {found} ≠ {expected}"


def shape_text(shape: Iterable[Any]) -> str:
    """``"(2, 4)"``, shortened where there are very many dims."""
    sizes = [str(size) for size in shape]
    if len(sizes) > MAX_DIMS:
        sizes[MAX_DIMS // 2 : -MAX_DIMS // 2] = ["…"]
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"


def bound_here(label: str, bound_by: Mapping[str, str], names: Mapping[str, Any], about: str) -> str:
    """``"s=9 bound here"`` where the value called `label` gave the name at issue its size."""
    key = about.lstrip("#?")
    if not key or bound_by.get(key) != label:
        return ""
    value = names.get(key, names.get(key.lstrip("*")))
    return f"{key}={shape_text(value) if isinstance(value, tuple | list) else value} bound here"


def _dim_of(mismatch: Mismatch) -> int:
    """Where in the blamed shape itself its name got the expected size."""
    claim, name = mismatch.claim, mismatch.name.lstrip("#?")
    dims = enumerate(claim.spec.dims)
    places = [claim.spec.index_from_end(at) % len(claim.shape) for at, dim in dims if getattr(dim, "name", "") == name]
    return next((place for place in places if claim.shape[place] == mismatch.expected), places[0])


def _or_one(name: str) -> str:
    return " or 1" if name.startswith("#") else ""


def _count(number: object, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _quoted(label: str) -> str:
    return f"`{label}`" if label else "an earlier value"


def _bounded(rows: Sequence[Row]) -> list[Row | str]:
    """At most `MAX_ROWS` rows: those that matter, and then the first ones."""
    if len(rows) <= MAX_ROWS:
        return [*rows]
    kept = {index for index, row in enumerate(rows) if row.blamed or row.note}
    kept = set(sorted(kept, key=lambda index: not rows[index].blamed)[: MAX_ROWS - 1])
    kept.update([index for index in range(len(rows)) if index not in kept][: MAX_ROWS - 1 - len(kept)])
    return [*(rows[index] for index in sorted(kept)), f"… and {len(rows) - len(kept)} more"]


def _table(rows: Sequence[Row | str]) -> list[str]:
    cells = [[_cut(row.label), _cut(row.annotation), row.shape, row.dtype] for row in rows if isinstance(row, Row)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in rows:
        if isinstance(row, str):
            lines.append(f"    {row}")
            continue
        mark = "  > " if row.blamed else "    "
        columns = (_cut(row.label), _cut(row.annotation), row.shape, row.dtype)
        padded = [cell.ljust(width) for cell, width in zip(columns, widths, strict=True)]
        lines.append("{}{}  {}   {}  {}     {}".format(mark, *padded, row.note).rstrip())
    return lines


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"
