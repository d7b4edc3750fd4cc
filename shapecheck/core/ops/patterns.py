"""The patterns of einops and einsum: parsed once, then matched against symbolic shapes.

"b (h w) c -> b h w c"        each side a list of groups, a group the names in one pair of parentheses
"...", "1", "()", "3"         any dims, a dim of size 1 (twice), an anonymous dim of a fixed size
"bij,bjk->bik"                einsum's letters are the same without spaces
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.shapes import agree, product, shape_text
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import Shape

__all__ = ["ELLIPSIS", "Pattern", "Side", "bind_groups", "groups_of", "names_of", "parse_pattern", "result_of"]

ELLIPSIS = "..."
_MERGED = "(...)"
Group = tuple[str, ...]
Side = tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """``left -> right``."""

    left: Side
    right: Side


@lru_cache(maxsize=1024)
def parse_pattern(text: str) -> Pattern:
    """Parse ``"b (h w) c -> b h w c"``.

    Raises:
        OpError: it isn't a pattern.
    """
    if text.count("->") != 1:
        raise _malformed(text, "it needs one `->`")
    left, right = text.split("->")
    return Pattern(groups_of(left, text), groups_of(right, text))


def _malformed(text: str, why: str) -> OpError:
    return OpError.argument(f"{text!r} is no pattern: {why}", "pattern")


@lru_cache(maxsize=1024)
def groups_of(side: str, whole: str) -> Side:
    """The groups of one side; a name outside of parentheses is a group of one.

    Raises:
        OpError: unbalanced parentheses, a name twice, or what is no name.
    """
    groups: list[Group] = []
    inside: list[str] | None = None
    for word in side.replace("(", " ( ").replace(")", " ) ").replace("...", " ... ").split():
        match word, inside:
            case "(", None:
                inside = []
            case ")", list():
                groups.append((_MERGED,) if inside == [ELLIPSIS] else tuple(inside))
                inside = None
            case "(" | ")", _:
                raise _malformed(whole, "its parentheses don't match")
            case _:
                _require_name(word, whole)
                names = () if word == "1" else (word,)
                if inside is None:
                    groups.append(names)
                else:
                    inside.extend(names)
    if inside is not None:
        raise _malformed(whole, "its parentheses don't match")
    named = [name for name in names_of(groups) if not name.isdecimal()]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise _malformed(whole, f"`{twice}` stands twice on one side")
    return tuple(groups)


def _require_name(word: str, whole: str) -> None:
    fine = word == ELLIPSIS or (word.isdecimal() and int(word) > 0) or word.isidentifier()
    if not fine or word.startswith("_") or word.endswith("_"):
        raise _malformed(whole, f"`{word}` is no name of a dim")


def names_of(groups: Iterable[Group]) -> Iterator[str]:
    """The names in some groups, in order."""
    return (ELLIPSIS if name == _MERGED else name for group in groups for name in group)


def bind_groups(groups: Side, shape: Shape, sizes: Mapping[str, Size], operand: str, pattern: str) -> dict[str, Shape]:
    """The size of every name of the left side, as a tuple of one; of "..." the dims it stands for.

    Raises:
        OpError: the shape doesn't fit the groups.
    """
    flexible = any(ELLIPSIS in group or _MERGED in group for group in groups)
    fixed = len(groups) - flexible
    if len(shape) < fixed or (len(shape) > fixed and not flexible):
        wanted = f"{'at least ' * flexible}{fixed} dims"
        reason = f"`{pattern}` takes {wanted}, but `{operand}` {shape_text(shape)} has {len(shape)}"
        raise OpError.at(reason, (operand, None, None))
    bound: dict[str, Shape] = {name: (size,) for name, size in sizes.items()}
    dim = 0
    for group in groups:
        if group == (ELLIPSIS,):
            count = len(shape) - fixed
            bound[ELLIPSIS] = shape[dim : dim + count]
            dim += count
        elif ELLIPSIS in group or _MERGED in group:
            raise OpError.argument(f"`{pattern}` has `...` in parentheses on its left side", "pattern")
        else:
            _bind_group(group, shape, dim, bound, operand, pattern)
            dim += 1
    return bound


def _bind_group(group: Group, shape: Shape, dim: int, bound: dict[str, Shape], operand: str, pattern: str) -> None:
    """One dim as the product of a group's names, of which one may still be open."""
    size = shape[dim]
    known = product(_size_in(name, bound) for name in group if name in bound or name.isdecimal())
    unknown = [name for name in group if name not in bound and not name.isdecimal()]
    text = " ".join(group) if len(group) == 1 else f"({' '.join(group)})"
    reason = f"dim {dim} of `{operand}` {shape_text(shape)} is {size}, but `{text or 1}` in `{pattern}` is {known}"
    if len(unknown) > 1:
        needed = "`, `".join(unknown)
        raise OpError.argument(f"of `{needed}` in `{text}` all but one need a size", "pattern")
    if not unknown:
        agree(known, size, OpError.at(reason, (operand, dim, size)))
    elif known == 1:
        bound[unknown[0]] = (size,)
    else:
        reason = f"dim {dim} of `{operand}` {shape_text(shape)} is {size}: `{text}` can't be divided by {known}"
        if known == 0:
            raise OpError.at(reason, (operand, dim, size))
        agree(size, size // known * known, OpError.at(reason, (operand, dim, size)))
        bound[unknown[0]] = (size // known,)


def _size_in(name: str, bound: Mapping[str, Shape]) -> Size:
    return Size.of(int(name)) if name.isdecimal() else bound[name][0]


def result_of(groups: Side, bound: Mapping[str, Shape]) -> Shape:
    """The shape of the right side."""
    shape: list[Size] = []
    for group in groups:
        if group == (ELLIPSIS,):
            shape.extend(bound[ELLIPSIS])
        else:
            shape.append(product(_sizes(group, bound)))
    return tuple(shape)


def _sizes(group: Sequence[str], bound: Mapping[str, Shape]) -> Iterator[Size]:
    for name in group:
        if name.isdecimal():
            yield Size.of(int(name))
        else:
            yield from bound[ELLIPSIS if name == _MERGED else name]
