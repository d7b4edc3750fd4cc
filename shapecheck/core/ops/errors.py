"""What an op has to say beside its result: that torch would reject the call, or what it silently does or assumes.

`OpError` and `Note` carry facts (parameters, dims, sizes) and one sentence. Expressions of the program and where its
sizes come from are added by whoever reports them.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from shapecheck.core.equality import Divides
from shapecheck.core.sizes import Size

__all__ = ["NOTES", "AtLeast", "Condition", "Equal", "Note", "OpError", "assume", "note"]


class OpError(Exception):
    """torch would certainly reject this call.

    Attributes:
        reason: one sentence with parameters, dims and sizes.
        kind: "shape", "dtype", "argument", "empty" where a list of tensors has none, or "keepdim" where a reduction
            without ``keepdim=True`` meets its source.
        operands: the parameters at fault, e.g. ``("input", "weight")``.
        dims: index of the dim at fault in each operand, None where it is the operand as a whole.
        sizes: the sizes that disagree, in the order of `operands`.
        hint: what the author may have meant, "" where nothing suggests itself.
    """

    def __init__(
        self,
        reason: str,
        *,
        kind: str = "shape",
        operands: tuple[str, ...] = (),
        dims: tuple[int | None, ...] = (),
        sizes: tuple[Size, ...] = (),
        hint: str = "",
    ) -> None:
        super().__init__(reason)
        self.reason, self.kind, self.hint = reason, kind, hint
        self.operands, self.dims, self.sizes = operands, dims, sizes

    @staticmethod
    def empty(operand: str) -> OpError:
        """A list without a tensor; the program may fill it where its reader doesn't look."""
        return OpError("the list of tensors is empty", kind="empty", operands=(operand,), dims=(None,))

    @staticmethod
    def at(reason: str, *places: tuple[str, int | None, Size | None], hint: str = "") -> OpError:
        """An error at some dims, each given as ``(operand, dim, size)``."""
        sizes = tuple(size for _, _, size in places if size is not None)
        operands, dims = tuple(operand for operand, _, _ in places), tuple(dim for _, dim, _ in places)
        return OpError(reason, operands=operands, dims=dims, sizes=sizes, hint=hint)

    @staticmethod
    def argument(reason: str, *parameters: str, hint: str = "") -> OpError:
        """An error of arguments that are no tensors."""
        return OpError(reason, kind="argument", operands=parameters, hint=hint)

    def __str__(self) -> str:
        return f"{self.reason} ({self.hint})" if self.hint else self.reason


@dataclass(frozen=True, slots=True)
class Equal:
    """The condition that two sizes are equal."""

    left: Size
    right: Size

    def __str__(self) -> str:
        return f"{self.left} == {self.right}"


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The condition ``size >= least``."""

    size: Size
    least: Size

    def __str__(self) -> str:
        return f"{self.size} >= {self.least}"


Condition = Divides | Equal | AtLeast


@dataclass(frozen=True, slots=True)
class Note:
    """Something that isn't an error.

    Kinds:
        implicit-broadcast: two operands are stretched against each other; `level` is "echo" (their shapes agree once
            1s are dropped), "outer" (they don't) or "loss" (the input and target of a loss).
        dropped-keepdim: a reduction without ``keepdim=True`` is aligned with the wrong dims of its own source.
        assumed: the result is right only where `condition` holds, which isn't known.
    """

    kind: str
    text: str
    level: str = ""
    operands: tuple[str, ...] = ()
    condition: Condition | None = None


NOTES: ContextVar[list[Note] | None] = ContextVar("notes", default=None)
"""The notes of the call that is being worked out; None where nobody asked for them."""


def assume(condition: Condition) -> None:
    """Keep a condition that the result rests on."""
    if NOTES.get() is None:
        return
    note(Note("assumed", str(condition), condition=condition))


def note(found: Note) -> None:
    """Keep a note, if anybody wants it."""
    notes = NOTES.get()
    if notes is not None and found not in notes:
        notes.append(found)
