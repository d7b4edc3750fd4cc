"""What isn't a tensor: classes by `isinstance`, numbers as PEP 484 and torch mean them, the rest by beartype.

beartype is imported by the first annotation that needs it, and compiles a checker once per annotation.
"""

from __future__ import annotations

import numbers
import sys
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

__all__ = ["accepts", "is_instance"]

Accepts = Callable[[Any], bool]

# An int is a float, a float is a complex, and numpy's scalars and torch's symbolic sizes count as numbers.
_NUMBERS: dict[type, type] = {int: numbers.Integral, float: numbers.Real, complex: numbers.Complex}
_SYMBOLIC: dict[type, tuple[str, ...]] = {
    bool: ("SymBool",),
    int: ("SymInt",),
    float: ("SymInt", "SymFloat"),
    complex: ("SymInt", "SymFloat"),
}


def is_instance(value: Any, classes: tuple[type, ...]) -> bool:
    """Whether a contract lets `value` pass as one of `classes`."""
    return isinstance(value, classes) or any(_counts_as(value, cls) for cls in classes)


def _counts_as(value: Any, cls: type) -> bool:
    if cls not in _SYMBOLIC:
        return False
    symbolic = type(value).__module__ == "torch" and type(value).__name__ in _SYMBOLIC[cls]
    return symbolic or (cls in _NUMBERS and isinstance(value, _NUMBERS[cls]) and not _is_tensor(value))


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def accepts(hint: Any) -> Accepts:
    """A function that says whether beartype lets a value pass as `hint`."""
    try:
        return _accepts(hint)
    except TypeError:  # an annotation that can't be hashed, e.g. Literal[[]]
        return _Accepts(hint)


@lru_cache(maxsize=4096)
def _accepts(hint: Any) -> Accepts:
    return _Accepts(hint)


class _Accepts:
    """beartype's verdict on one annotation; compiled at the first call."""

    __slots__ = ("_check", "hint")

    def __init__(self, hint: Any) -> None:
        self.hint = hint
        self._check: Callable[[Any], None] | None = None

    def __call__(self, value: Any) -> bool:
        from beartype.roar import BeartypeCallHintViolation

        check = self._check or self._compile()
        try:
            check(value)
        except BeartypeCallHintViolation:
            return False
        return True

    def _compile(self) -> Callable[[Any], None]:
        from beartype import BeartypeConf, beartype
        from beartype.roar import BeartypeDecorHintPep585DeprecationWarning, BeartypeException

        def check(value: Any) -> None:
            """Passes what beartype passes."""

        check.__annotations__ = {"value": self.hint}
        try:
            with warnings.catch_warnings():  # `List[str]` is deprecated, but whose it is may not be for us to say
                warnings.simplefilter("ignore", BeartypeDecorHintPep585DeprecationWarning)
                self._check = beartype(conf=BeartypeConf(is_pep484_tower=True))(check)
        except BeartypeException:  # not a type that beartype knows: nothing can be said of a value
            self._check = check
        return self._check

    def __reduce__(self) -> tuple[Any, ...]:
        return accepts, (self.hint,)
