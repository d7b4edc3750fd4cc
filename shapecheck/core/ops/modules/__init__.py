"""`torch.nn` and einops' layers: `construct` a module's arguments, look at its `state`, `apply` it.

hyper = construct("torch.nn.Linear", [512, 10], {})     {"in_features": 512, "out_features": 10, "bias": True, ...}
module_state("torch.nn.Linear", hyper)                  {"weight": (10, 512), "bias": (10,)}
apply_module("torch.nn.Linear", hyper, [x])             "*b in_features -> *b out_features"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shapecheck.core.ops.errors import NOTES, Note
from shapecheck.core.ops.modules import activations, layers, losses, sequences, windows  # noqa: F401  enter modules
from shapecheck.core.ops.modules.table import Hyper, Module, lookup_module, module_names
from shapecheck.core.ops.table import REQUIRED
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import UNKNOWN, TensorValue, Undecided, Value

__all__ = ["apply_module", "construct", "known_module", "module_names", "module_signature", "module_state"]


def known_module(name: str) -> bool:
    """Whether the table has a module of this name."""
    return lookup_module(name) is not None


def construct(
    name: str, args: Sequence[Value], kwargs: Mapping[str, Value] | None = None, *, notes: list[Note] | None = None
) -> dict[str, Value]:
    """The arguments of a constructor by name, defaults included; what isn't given although it must be is `UNKNOWN`.

    Raises:
        OpError: the constructor would certainly refuse them.
    """
    entry = lookup_module(name)
    if entry is None:
        return {}
    values = _bound(entry, args, dict(kwargs or {}))
    token = NOTES.set(notes)
    try:
        values.update(entry.prepare(Hyper(values)))
    except Undecided:
        pass
    finally:
        NOTES.reset(token)
    return values


def _bound(entry: Module, args: Sequence[Value], kwargs: dict[str, Value]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    rest = list(args)
    for parameter in entry.constructor:
        if parameter.any_keyword:
            continue
        if parameter.variadic:
            values[parameter.name], rest = tuple(rest), []
        elif rest:
            values[parameter.name] = _as_size(rest.pop(0))
        elif parameter.name in kwargs:
            values[parameter.name] = _as_size(kwargs.pop(parameter.name))
        else:
            values[parameter.name] = UNKNOWN if parameter.default is REQUIRED else parameter.default  # type: ignore[assignment]
    if entry.any_argument:
        values.update({name: _as_size(value) for name, value in kwargs.items()})
    return values


def _as_size(value: Value) -> Value:
    return Size.of(value) if type(value) is int else value


def module_state(name: str, hyper: Mapping[str, Value]) -> Mapping[str, TensorValue | None]:
    """The parameters and buffers of a module by name; None for one that it was made without."""
    entry = lookup_module(name)
    return entry.state(Hyper(hyper)) if entry is not None else {}


def apply_module(
    name: str,
    hyper: Mapping[str, Value],
    args: Sequence[Value],
    kwargs: Mapping[str, Value] | None = None,
    *,
    notes: list[Note] | None = None,
) -> Value:
    """What a module's forward gives; `UNKNOWN` where nothing can be said.

    Raises:
        OpError: torch would certainly reject the call.
    """
    entry = lookup_module(name)
    if entry is None:
        return UNKNOWN
    token = NOTES.set(notes)
    try:
        return entry.forward(Hyper(hyper), args, kwargs or {})
    except Undecided:
        return UNKNOWN
    finally:
        NOTES.reset(token)


def module_signature(name: str) -> str:
    """How the module is declared, for the documentation.

    Raises:
        KeyError: the table has no such module.
    """
    entry = lookup_module(name)
    if entry is None:
        raise KeyError(name)
    return f"{name}({', '.join(parameter.name for parameter in entry.constructor)})\n{entry.text}".rstrip()
