"""Rule `keepdim`: a reduction without ``keepdim=True`` meets a tensor of the shape it came from, dims misaligned.

`x / x.sum(1)` of a square x divides by the wrong row, silently; of any other x torch refuses, with a message about
sizes. Here a reduction that drops a dim other than the leading ones leaves a note on its result: the source's shape,
the dims it dropped, the line. It travels through operations that keep the dims (`+ eps`, `clamp`, `sqrt`, `detach`,
`to`) and ends with anything that rearranges them. `x - x.mean(0)` gets none: what it keeps lines up by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from shapecheck.core.errors import KeepdimError
from shapecheck.runtime.guard import ops
from shapecheck.runtime.guard.active import Active
from shapecheck.runtime.guard.calls import Arguments, Keywords, Op, tensors_of
from shapecheck.runtime.guard.expression import names_bare_and_expanded
from shapecheck.runtime.guard.report import Shape, expression_of, operands_at, report
from shapecheck.runtime.guard.site import Instruction, instruction, site, site_of
from shapecheck.runtime.places import place_text


@dataclass(frozen=True, slots=True)
class Reduced:
    """The note on the result of a reduction.

    Attributes:
        source: shape of the tensor that was reduced.
        layout: its dims from the largest stride to the smallest: a transposed view of it is another tensor.
        shape: shape of the result; once it differs the note is void.
        op: the reduction, e.g. ``"sum"``.
        dims: the dims it dropped.
        made_at: the instruction that ran it.
    """

    source: Shape
    layout: tuple[int, ...]
    shape: Shape
    op: str
    dims: tuple[int, ...]
    made_at: Instruction | None

    def __str__(self) -> str:
        return f"{self.op}(dim={self.dims[0] if len(self.dims) == 1 else self.dims})"

    @property
    def fix(self) -> str:
        return f"{str(self)[:-1]}, keepdim=True)"


def note_reduction(active: Active, op: Op, args: Arguments, kwargs: Keywords, result: Any) -> None:
    """Leave a note on what a reduction made."""
    source = args[0] if args else kwargs.get("input")
    if not isinstance(source, Tensor):
        return
    dims = reduced_dims(ops.REDUCTION[op], args, kwargs, source.ndim)
    if dims == tuple(range(len(dims))):  # what is kept lines up by itself
        return
    for tensor in result if isinstance(result, tuple) else (result,):
        if isinstance(tensor, Tensor) and 0 < tensor.ndim < source.ndim:
            active.reduced.put(tensor, _reduced(source, tensor, op, dims))


def carry(active: Active, op: Op, args: Arguments, kwargs: Keywords, result: Any) -> None:
    """Hand the note on through an operation that keeps the dims."""
    if not active.reduced or not isinstance(result, Tensor):
        return
    tensors = tensors_of(args, kwargs)
    notes = {note for tensor in tensors if (note := _note(active, tensor)) is not None}
    if len(notes) == 1 and all(tensor.shape == result.shape or tensor.numel() == 1 for tensor in tensors):
        active.reduced.put(result, notes.pop())


def check(active: Active, op: Op, args: Arguments, kwargs: Keywords) -> None:
    """Look for a reduction and a tensor of its source's shape among the operands."""
    if not active.reduced:
        return
    tensors = tensors_of(args, kwargs)
    for reduced in tensors:
        note = _note(active, reduced)
        if note is None:
            continue
        for other in tensors:
            if other.shape == note.source and _layout(other) == note.layout:
                _found(active, op, args, other, reduced, note)


def _note(active: Active, tensor: Tensor) -> Reduced | None:
    note = active.reduced.get(tensor)
    return note if note is not None and tensor.shape == note.shape else None


def _reduced(source: Tensor, result: Tensor, op: Op, dims: tuple[int, ...]) -> Reduced:
    return Reduced(
        source=tuple(source.shape),
        layout=_layout(source),
        shape=tuple(result.shape),
        op=getattr(op, "__name__", str(op)).removeprefix("linalg_"),
        dims=dims,
        made_at=instruction(),
    )


def reduced_dims(position: int, args: Arguments, kwargs: Keywords, rank: int) -> tuple[int, ...]:
    """The dims a reduction is told to reduce, in order; none where it isn't told."""
    dim = args[position] if len(args) > position else kwargs.get("dim", kwargs.get("axis"))
    given = dim if isinstance(dim, tuple | list) else (dim,)
    if not given or not all(type(one) is int for one in given):
        return ()
    return tuple(sorted(one % rank for one in given if -rank <= one < rank))


def _layout(tensor: Tensor) -> tuple[int, ...]:
    """The dims from the largest stride to the smallest."""
    try:
        strides = tensor.stride()
    except RuntimeError:  # sparse tensors have none
        return ()
    return tuple(sorted(range(tensor.ndim), key=lambda dim: -strides[dim]))


def _found(active: Active, op: Op, args: Arguments, other: Tensor, reduced: Tensor, note: Reduced) -> None:
    where = site()
    if where is None or where.generated or names_bare_and_expanded(where.node):
        return
    whole, part = operands_at(where, active, args, (other, reduced))
    made = site_of(*note.made_at) if note.made_at else None
    at = f" at {place_text(made.place)}" if made else ""
    report(
        active,
        KeepdimError,
        "keepdim",
        where,
        f"{expression_of(where, op)}: {part.shape} is {note} of {whole.shape} without keepdim, "
        f"so its dims line up with the wrong ones",
        (whole, part),
        f"`{note.fix}`{at}",
        reduction=str(note),
        reduced_at=(made.place.filename, made.place.line) if made else None,
    )
