"""What the engine reports, and which rules there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["RULES", "Diagnostic"]

RULES: Mapping[str, str] = {
    "argument-shape": "An argument breaks the contract of the function that is called.",
    "dropped-keepdim": "A reduction without `keepdim=True` lines up with the wrong dims of its own source.",
    "dtype-mismatch": "A value has another dtype than its annotation, or than an operation takes.",
    "implicit-broadcast": "Two tensors are silently stretched against each other.",
    "return-shape": "A function returns another shape than its annotation promises.",
    "shape-mismatch": "An operation that can't work with the shapes of its operands.",
    "unknown-dim": "A dim's name in a return annotation that looks like a misspelled dim of a parameter.",
    "variable-shape": "A variable or attribute has another shape than its annotation says.",
    "view-as-permute": "A reshape whose target has the source's dims in another order: it mixes elements, use permute.",
}


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """One finding. Lines count from 1, columns from 0, as in Python's `ast`; the end is exclusive."""

    path: str
    line: int
    col: int
    rule: str
    message: str
    hint: str = ""
    end_line: int = 0
    end_col: int = 0

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.col + 1}: {self.rule}: {self.message}"
        return f"{place}\n    hint: {self.hint}" if self.hint else place
