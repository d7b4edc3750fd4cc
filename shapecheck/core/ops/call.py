"""Applying an op: its name is looked up, the arguments are bound to torch's parameters and read, the rule computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shapecheck.core.ops.errors import NOTES, Note, OpError
from shapecheck.core.ops.promotion import dtype_text
from shapecheck.core.ops.readers import read_any_size, read_size
from shapecheck.core.ops.shapes import agree, shape_text
from shapecheck.core.ops.table import REQUIRED, Op, Parameter, lookup
from shapecheck.core.tensors import UNKNOWN, TensorValue, Undecided, Value

__all__ = ["apply", "bind", "find", "run"]

_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "axis": ("dim",),
    "axes": ("dim", "dims"),
    "dim": ("dims",),
    "dims": ("dim",),
    "axis0": ("dim0",),
    "axis1": ("dim1",),
    "keepdims": ("keepdim",),
    "x": ("input",),
    "x1": ("input",),
    "x2": ("other",),
    "self": ("input",),
    "A": ("input",),
    "a": ("input",),
    "b": ("other",),
}
_WITHOUT_A_SHAPE = frozenset(
    "out layout device requires_grad pin_memory memory_format generator names non_blocking inplace copy".split()
)


def find(name: str) -> tuple[Op, bool] | None:
    """The op of a canonical name, and whether the name is its in-place variant."""
    found = lookup(name)
    if found is not None:
        return found, False
    if name.startswith("operator.i"):
        base = "operator." + name.removeprefix("operator.i")
        found = lookup(base) or lookup(base + "_")
        return (found, True) if found else None
    if name.endswith("_") and not name.endswith("__"):
        found = lookup(name[:-1])
        return (found, True) if found else None
    return None


def apply(
    name: str, args: Sequence[Value], kwargs: Mapping[str, Value] | None = None, *, notes: list[Note] | None = None
) -> Value:
    """The value of a call; `UNKNOWN`, or a tensor of unknown shape, where nothing can be said.

    Raises:
        OpError: torch would certainly reject the call.
    """
    found = find(name)
    if found is None:
        return UNKNOWN
    op, in_place = found
    token = NOTES.set(notes)
    try:
        result = run(op, args, kwargs or {})
    except Undecided:
        if in_place and op.kind != "view" and args and isinstance(args[0], TensorValue):
            return args[0]
        return TensorValue(None) if op.gives_tensor else UNKNOWN
    finally:
        NOTES.reset(token)
    return _written_back(args[0], result) if in_place and args and op.kind != "view" else result


def run(op: Op, args: Sequence[Value], kwargs: Mapping[str, Value]) -> Value:
    """An op's rule on arguments as they were given.

    Raises:
        OpError: torch would certainly reject the call.
        Undecided: nothing can be said.
    """
    positional, keywords = bind(op.parameters, args, kwargs)
    return op.compute(*positional, **keywords)


def bind(
    parameters: Sequence[Parameter], args: Sequence[Value], kwargs: Mapping[str, Value]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a rule, read: by position, then by keyword; those of a variadic parameter are spread.

    Raises:
        Undecided: they don't fit the parameters, or one of them can't be read.
    """
    given = _respelled(parameters, kwargs)
    positional = list(args)
    bound: list[Any] = []
    keywords: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.any_keyword:
            keywords.update({name: parameter.read(value) for name, value in given.items()})
            given = {}
        elif parameter.variadic:
            bound.extend(_read_each(parameter, given.pop(parameter.name, positional)))
            positional = []
        elif parameter.keyword_only:
            keywords[parameter.name] = _given(parameter, given)
        else:
            bound.append(parameter.read(positional.pop(0)) if positional else _given(parameter, given))
    if positional or given.keys() - _WITHOUT_A_SHAPE:
        raise Undecided
    return bound, keywords


def _given(parameter: Parameter, given: dict[str, Value]) -> object:
    if parameter.name in given:
        return parameter.read(given.pop(parameter.name))
    if parameter.default is REQUIRED:
        raise Undecided
    return parameter.default


def _respelled(parameters: Sequence[Parameter], kwargs: Mapping[str, Value]) -> dict[str, Value]:
    """`kwargs` with numpy's spellings (``axis``, ``keepdims``) replaced by the parameters' own."""
    names = {parameter.name for parameter in parameters}
    given = dict(kwargs)
    for spelling in kwargs.keys() & _SPELLINGS.keys() - names:
        own = next((name for name in _SPELLINGS[spelling] if name in names), None)
        if own is not None and own not in given:
            given[own] = given.pop(spelling)
    return given


def _read_each(parameter: Parameter, values: Value) -> list[Any]:
    """Read the arguments of a variadic parameter, ``x.view(2, 3)`` and ``x.view((2, 3))`` alike.

    Where there are several, or a sequence of them, each is one size for sure, and need not be known.
    """
    one_by_one = [values] if not isinstance(values, tuple | list) else values
    match one_by_one:
        case [tuple() | list() as inner] if parameter.spread:
            each, certain = inner, True
        case _:
            each, certain = one_by_one, len(one_by_one) > 1
    read = read_any_size if certain and parameter.read is read_size else parameter.read
    return [read(value) for value in each]


def _written_back(target: Value, result: Value) -> Value:
    """What an in-place op leaves in its first operand.

    Raises:
        OpError: the result doesn't fit into it.
    """
    if not isinstance(target, TensorValue) or not isinstance(result, TensorValue):
        return result
    if target.shape is not None and result.shape is not None:
        _require_room(target.shape, result.shape)
    if target.dtypes and result.dtypes and not any(_castable(a, b) for a in result.dtypes for b in target.dtypes):
        reason = f"the result is {dtype_text(result.dtypes)}, which can't be written into {dtype_text(target.dtypes)}"
        raise OpError(reason, kind="dtype", operands=("input",))
    return TensorValue(result.shape if target.shape is None else target.shape, target.dtypes)


def _require_room(target: Any, result: Any) -> None:
    reason = f"the result has shape {shape_text(result)}, which doesn't fit into `input` {shape_text(target)} in place"
    if len(target) != len(result):
        raise OpError.at(reason, ("input", None, None))
    for dim, (own, wanted) in enumerate(zip(target, result, strict=True)):
        agree(own, wanted, OpError(reason, operands=("input",), dims=(dim,), sizes=(own, wanted)))


def _castable(source: str, target: str) -> bool:
    order = [{"bool"}, {"int", "uint"}, {"float", "bfloat"}, {"complex"}]

    def family(name: str) -> int:
        stem = name.split("8")[0].rstrip("0123456789")
        return next(index for index, stems in enumerate(order) if stem in stems)

    return family(source) <= family(target)
