"""What to do about a mismatch, where one small change would make the value fit: never a guess about values.

dims 1 and 2 look swapped: `v.transpose(1, 2)` fits
the batch dim `b` is missing: `x.unsqueeze(0)` fits
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from shapecheck.core.spec import ShapeSpec
from shapecheck.core.unify import Bindings, Claim, Mismatch, unify

__all__ = ["about_shape"]

MAX_RANK = 8


def about_shape(mismatch: Mismatch, known: Bindings, others: list[Claim], name: str) -> Iterator[str]:
    """Hints for a wrong shape; `name` is how the value is written in code, empty if it has no name there.

    `others` are the claims that hold beside the blamed one, `known` what was bound before them.
    """
    if len(mismatch.claim.shape) > MAX_RANK:
        return
    hints = _missing_or_extra if mismatch.kind == "rank" else _swapped
    yield from hints(mismatch.claim, known, others, name)


def _fit(claims: list[Claim], known: Bindings) -> bool:
    try:
        return isinstance(unify(claims, known), Bindings)
    except LookupError:  # a shape that depends on the arguments' values: those aren't known here
        return False


def _missing_or_extra(claim: Claim, known: Bindings, others: list[Claim], name: str) -> Iterator[str]:
    """A dim of the annotation that the shape lacks, or a dim of size 1 that it has too many."""
    shape, spec, value = claim.shape, claim.spec, name or "value"
    for index in range(len(spec.dims)):
        less = ShapeSpec(spec.text, spec.dims[:index] + spec.dims[index + 1 :], ())
        if spec.variadic is None and _fit([*others, Claim(claim.label, less, shape)], known):
            with_one = Claim(claim.label, spec, (*shape[:index], 1, *shape[index:]))
            fits = "fits" if _fit([*others, with_one], known) else "makes one of size 1"
            yield f"dim {index} (`{spec.dims[index]}`) looks missing: `{value}.unsqueeze({index})` {fits}"
            return
    for index, size in enumerate(shape):
        if size == 1 and _fit([*others, Claim(claim.label, spec, (*shape[:index], *shape[index + 1 :]))], known):
            yield f"dim {index} of size 1 is one too many: `{value}.squeeze({index})` fits"
            return


def _swapped(claim: Claim, known: Bindings, others: list[Claim], name: str) -> Iterator[str]:
    shape = claim.shape
    for left, right in combinations(range(len(shape)), 2):
        swapped = list(shape)
        swapped[left], swapped[right] = shape[right], shape[left]
        if swapped != list(shape) and _fit([*others, Claim(claim.label, claim.spec, tuple(swapped))], known):
            yield f"dims {left} and {right} look swapped: `{name or 'value'}.transpose({left}, {right})` fits"
            return
