"""Inside a contract's body: `check` a value against the names of the call, read them with `dims`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import CodeType, FrameType
from typing import Any, TypeVar

from shapecheck.core.errors import ShapeError
from shapecheck.core.unify import Bindings
from shapecheck.runtime import settings
from shapecheck.runtime.hints import understand
from shapecheck.runtime.running import Contract
from shapecheck.runtime.scope import SCOPE, Scope, is_within
from shapecheck.runtime.settings import Place

__all__ = ["check", "check_at", "dims"]

T = TypeVar("T")


def check(value: T, annotation: Any, /, *, name: str = "") -> T:
    """`value`, after checking it against `annotation` with the names of the contract whose body this stands in.

        scores = check(q @ k.mT, Float[Tensor, "b h t s"])

    Outside a contract only `value` itself is checked. Under ``python -O``, in the mode "off" and in compiled code
    nothing is. `name` is what an error calls the value.
    """
    if not __debug__ or settings.current().mode == "off" or _is_compiling():
        return value
    return check_at(sys._getframe(1), value, annotation, name)


def check_at(frame: FrameType, value: T, annotation: Any, name: str) -> T:
    """`check` for the code that is running in `frame`."""
    scope = SCOPE.get()
    if scope is None or not is_within(frame.f_code, scope.contract.body):
        scope = Scope(_standalone(frame.f_code), (), {})
    outcome = scope.contract.outcome("value", understand(annotation), value, scope.values, scope.names, name or "value")
    if isinstance(outcome, ShapeError):
        try:
            raise outcome
        finally:
            del outcome
    if outcome is not None:
        _bind(scope.names, outcome)
    return value


def dims() -> dict[str, int | tuple[int, ...]]:
    """The names bound in the running contract and their sizes; a tuple of sizes for ``*name``."""
    scope = SCOPE.get()
    return {} if scope is None else _bindings(scope.names).public()


def _bind(names: dict[str, Any], bindings: Bindings) -> None:
    names.update(bindings.sizes)
    names.update({f"*{name}": list(shape) for name, shape in bindings.shapes.items()})


def _bindings(names: Mapping[str, Any]) -> Bindings:
    sizes = {key: size for key, size in names.items() if size is not None and not key.startswith("*")}
    shapes = {key[1:]: tuple(shape) for key, shape in names.items() if shape is not None and key.startswith("*")}
    return Bindings(sizes, shapes)


def _standalone(code: CodeType) -> Contract:
    return Contract(code.co_qualname, Place(code.co_filename, code.co_firstlineno), {}, code)


def _is_compiling() -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and torch.compiler.is_dynamo_compiling()
