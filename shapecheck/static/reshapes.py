"""A reshape used as a permute: the target has the source's named dims, but in another order, so elements are mixed.

x (b, t, d)    x.view(t, b, d)          mixes: `x.transpose(0, 1)`
x (b, h, w, c) x.reshape(b, c, h*w)     mixes: `c` comes before `h` and `w` are used up
x (b*t, d)     x.view(t, b, d)          fine as far as anybody can tell: the order inside `b*t` isn't known
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from shapecheck.core.sizes import Atom, Size

__all__ = ["RESHAPES", "mixes_dims"]

RESHAPES = frozenset(
    f"torch.{name}" for name in ("reshape", "Tensor.reshape", "Tensor.view", "Tensor.view_as", "Tensor.reshape_as")
)
Factor = Atom | int


def mixes_dims(source: Iterable[Size], target: Iterable[Size]) -> bool:
    """Whether reshaping `source` to `target` certainly interleaves dims that the target keeps apart."""
    before, after = [_factors(size) for size in source], [_factors(size) for size in target]
    known = [factor for factors in before for factor in factors or ()]
    wanted = [factor for factors in after for factor in factors or ()]
    if None in before or None in after or Counter(known) != Counter(wanted) or len(set(known)) < len(known):
        return False
    groups = [set(factors) for factors in before if factors]
    return any(not _consumed(groups, set(factors or ())) for factors in after)


def _factors(size: Size) -> tuple[Factor, ...] | None:
    """What a size is the product of; None for a sum."""
    if len(size.terms) != 1:
        return None
    monomial, coefficient = size.terms[0]
    if any(power != 1 for _, power in monomial):
        return None
    return (*([coefficient] if coefficient != 1 else []), *(atom for atom, _ in monomial))


def _consumed(groups: list[set[Factor]], wanted: set[Factor]) -> bool:
    """Take factors from the front of the source; False where one lies behind a dim that isn't used up."""
    while wanted and groups:
        taken = groups[0] & wanted
        if not taken:
            return False
        groups[0] -= taken
        wanted -= taken
        if not groups[0]:
            groups.pop(0)
        elif wanted:
            return False
    return True
