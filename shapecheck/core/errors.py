"""The exceptions users catch: one class per situation, all of them ``TypeError``.

    ShapeError          a value breaks a contract
      BroadcastError      two operands would be stretched against each other silently
      KeepdimError        a reduction without keepdim meets the tensor it came from
      NonFiniteError      an operation made a NaN or an infinity from finite inputs
      DtypeError          right shape, wrong dtype
    AnnotationError     the contract itself can't be understood; raised at decoration
    SettingsError       an option, environment variable or configuration key that doesn't exist

Every `ShapeError` carries its facts as attributes (`function`, `argument`, `dim`, `dim_name`, `expected`, `found`,
`bindings`, `bound_by`); all of them survive pickling and deep copies, so they cross process borders whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class AnnotationError(TypeError):
    """A contract that can't be understood.

    Attributes:
        reason: what is wrong, one sentence.
        text: the annotation or shape string it was found in, if any.
        offset: the 0-based place in `text` that the caret points at, or None.
        place: the function and parameter it belongs to, e.g. ``"attend(), parameter `v`"``, if known.
    """

    def __init__(self, reason: str, text: str | None = None, offset: int | None = None, place: str = "") -> None:
        super().__init__(reason, text, offset, place)
        self.reason, self.text, self.offset, self.place = reason, text, offset, place

    def __str__(self) -> str:
        first = f"{self.place}: {self.reason}" if self.place else self.reason
        if self.text is None:
            return first
        caret = "" if self.offset is None else f"\n    {' ' * (self.offset + 1)}^"
        return f'{first}\n    "{self.text}"{caret}'

    def at(self, place: str) -> AnnotationError:
        """The same error, said of a place that the raiser didn't know."""
        return type(self)(self.reason, self.text, self.offset, self.place or place)


class SettingsError(ValueError):
    """An unknown option, environment value or configuration key, or a value that it can't have."""


class ShapeError(TypeError):
    """A value breaks a contract.

    Attributes:
        function: qualified name of the contracted function, e.g. ``"Attention.forward"``.
        argument: the argument or expression at fault, e.g. ``"v"``, ``"xs[2]"``, ``"return"``.
        dim: index of the dim at fault, or None where the whole shape, rank or type is.
        dim_name: the dim as the annotation writes it, e.g. ``"s"`` or ``"h//2"``.
        expected: what was expected (a size, a shape, a dtype word).
        found: what was found.
        bindings: size by dim name (a tuple of sizes for ``*name``) as far as they were known.
        bound_by: who gave each name its size, e.g. ``{"s": "k"}``.
    """

    def __init__(
        self,
        message: str,
        *,
        function: str | None = None,
        argument: str | None = None,
        dim: int | None = None,
        dim_name: str | None = None,
        expected: object = None,
        found: object = None,
        bindings: Mapping[str, int | tuple[int, ...]] | None = None,
        bound_by: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> None:
        # `message` is in `args` already, by `BaseException.__new__`; torch.compile can't follow a call of `__init__`.
        self.function, self.argument, self.dim, self.dim_name = function, argument, dim, dim_name
        self.expected, self.found = expected, found
        self.bindings, self.bound_by = dict(bindings or {}), dict(bound_by or {})
        self.__dict__.update(facts)


class BroadcastError(ShapeError):
    """Two operands would be stretched against each other silently, e.g. ``(16,) * (16, 1)``."""


class KeepdimError(ShapeError):
    """A reduction without ``keepdim=True`` meets a tensor of its source's shape with its dims misaligned."""


class NonFiniteError(ShapeError):
    """An operation made a NaN or an infinity although its inputs had none."""


class DtypeError(ShapeError):
    """The shape is right, the dtype is not the one that the annotation names."""


for _error in (AnnotationError, SettingsError, ShapeError, BroadcastError, KeepdimError, NonFiniteError, DtypeError):
    _error.__module__ = "shapecheck"  # where users import them from, and what a traceback shows
