"""The op table against torch itself: random calls, run by torch on the CPU and by the table.

    @cases("permute")
    def permute(g: Draw) -> Call:
        x = g.tensor()
        return call(x, g.permutation(len(x.shape)))

`check` runs many calls of one op. Both must accept or both reject; shape and dtype must agree. What torch accepts is
then asked again with symbols for sizes: the table must not reject where nothing is known of them, and where it gives
symbolic sizes, these must have torch's values.
"""

from __future__ import annotations

import importlib
import os
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import EllipsisType
from typing import Any

import torch

from shapecheck.core import ops
from shapecheck.core.equality import Divides
from shapecheck.core.ops.errors import AtLeast, Equal, Note
from shapecheck.core.ops.table import spelled_out
from shapecheck.core.sizes import Size, Symbol, evaluate_size, symbols
from shapecheck.core.tensors import Opaque, Repeated, Slice, TensorValue, Value
from tests.ops.drawing import Call, Draw, T, call, total

__all__ = [
    "CASES",
    "COUNT",
    "SEED",
    "Call",
    "Cases",
    "Draw",
    "Generator",
    "T",
    "abstract",
    "ask",
    "call",
    "cases",
    "check",
    "torch_function",
    "total",
]

COUNT = int(24 * float(os.environ.get("SHAPECHECK_OP_CASES", "1")))
SEED = os.environ.get("SHAPECHECK_OP_SEED", "0")
INCONCLUSIVE = re.compile(
    # a missing kernel, the training mode or a number for a tensor say nothing about shapes
    r"must be Tensor, not|when training|"
    r"not implemented for '|ZeroDivisionError|is not supported for complex|ComplexHalf|requires dtype (Complex)?Double"
)

torch.set_num_threads(1)


Generator = Callable[[Draw], Call]


@dataclass(frozen=True)
class Cases:
    """How the calls of some ops are drawn, and what of their results may stay open."""

    generate: Generator
    open_sizes: bool = False
    open_dtype: bool = False
    open_value: bool = False
    torch: Callable[..., Any] | None = None
    """What to call in the place of the function of that name."""


CASES: dict[str, Cases] = {}


def cases(words: str, **facts: Any) -> Callable[[Generator], Generator]:
    """Draw the calls of some ops from a generator."""

    def enter(generate: Generator) -> Generator:
        for name in spelled_out(words):
            assert name not in CASES, f"{name} has two generators"
            CASES[name] = Cases(generate, **facts)
        return generate

    return enter


# --- the two sides ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def torch_function(name: str) -> Callable[..., Any]:
    """What a canonical name stands for."""
    *path, last = name.split(".")
    module: Any = importlib.import_module(path[0])
    for position, part in enumerate(path[1:], start=2):
        if not hasattr(module, part):
            importlib.import_module(".".join(path[:position]))
        module = getattr(module, part)
    function = getattr(module, last)
    return function.__get__ if hasattr(function, "__get__") and not callable(function) else function


def real(argument: Any) -> Any:
    match argument:
        case T():
            return argument.real()
        case Call(args, kwargs):
            return Call(real(args), {name: real(value) for name, value in kwargs.items()})
        case Slice(start, stop, step):
            return slice(start, stop, step)
        case tuple() | list():
            return type(argument)(map(real, argument))
        case str() if argument.startswith("torch."):
            return getattr(torch, argument.removeprefix("torch."))
        case _:
            return argument


def abstract(argument: Any, size: Callable[[int], Size]) -> Any:
    match argument:
        case Call(args, kwargs):
            return Call(abstract(args, size), {name: abstract(value, size) for name, value in kwargs.items()})
        case T():
            return TensorValue(tuple(map(size, argument.shape)), frozenset({argument.dtype}))
        case Slice(start, stop, step):
            return Slice(*(None if part is None else Size.of(part) for part in (start, stop, step)))
        case bool() | float() | complex() | str() | None | EllipsisType():
            return argument
        case int():
            return Size.of(argument)
        case tuple() | list():
            return type(argument)(abstract(element, size) for element in argument)
    raise TypeError(argument)


class Open(Exception):
    """The table left something open."""


def check(name: str, function: Callable[..., Any], table: Callable[..., Value], found: Cases, count: int) -> None:
    """Compare torch's `function` with `table` on random calls; the simplest failure is reported."""
    draw = Draw(f"{name}:{SEED}")
    failures = []
    accepted = 0
    for _ in range(count):
        drawn = found.generate(draw)
        message, fine = _compare(function, table, drawn, found, draw)
        accepted += fine
        if message:
            failures.append(f"{name}({drawn}): {message}")
    assert not failures, f"{len(failures)} of {count}, e.g. " + min(failures, key=len)
    assert accepted * 5 >= count, f"{name}: torch accepts only {accepted} of {count} calls: the generator proves little"


def _compare(
    function: Callable[..., Any], table: Callable[..., Value], drawn: Call, found: Cases, draw: Draw
) -> tuple[str, bool]:
    """What disagrees, and whether torch accepts the call."""
    torch.manual_seed(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = function(*real(drawn.args), **{name: real(value) for name, value in drawn.kwargs.items()})
    except Exception as error:  # whatever torch, einops or einx raise
        if INCONCLUSIVE.search(str(error)):
            return "", False
        return _rejected_too(table, drawn, error), False
    try:
        result = ask(table, drawn, Size.of)
    except ops.OpError as error:
        if error.kind != "shape" and _empty(drawn.args):
            return "", True  # torch looks neither at dtypes nor at dims where there are no elements
        return f"torch gives {_text(expected)}, the table rejects: {error}", True
    message = _differs(result, expected, found, {}, strict=True)
    return message or _symbolic(table, drawn, expected, found, draw), True


def _empty(arguments: Iterable[Any]) -> bool:
    """Whether some tensor has no elements."""
    return any(0 in one.shape if isinstance(one, T) else isinstance(one, list) and _empty(one) for one in arguments)


def ask(
    table: Callable[..., Value], drawn: Call, size: Callable[[int], Size], notes: list[Note] | None = None
) -> Value:
    kwargs = {name: abstract(value, size) for name, value in drawn.kwargs.items()}
    return table([abstract(argument, size) for argument in drawn.args], kwargs, notes=notes)


def _rejected_too(table: Callable[..., Value], drawn: Call, error: Exception) -> str:
    try:
        result = ask(table, drawn, Size.of)
    except ops.OpError:
        return ""
    if result == Opaque() or (isinstance(result, TensorValue) and result.shape is None):
        return ""
    first = str(error).strip().split("\n")[0][:200]
    return f"torch rejects ({type(error).__name__}: {first}), the table gives {_text(result)}"


def _symbolic(table: Callable[..., Value], drawn: Call, expected: Any, found: Cases, draw: Draw) -> str:
    values: dict[Symbol, int] = {}

    def flexible(size: int) -> Size:
        if draw.chance(0.3):
            return Size.of(size)
        symbol = Symbol(f"f{len(values)}", rigid=False)
        values[symbol] = size
        return Size.of(symbol)

    def rigid(size: int) -> Size:
        if size < 2:
            return Size.of(size)
        values[Symbol(f"s{size}")] = size
        return Size.of(f"s{size}")

    notes: list[Note] = []
    try:
        result = ask(table, drawn, flexible, notes)
    except ops.OpError as error:
        if not _assumptions_hold(notes, values) or (error.kind != "shape" and _empty(drawn.args)):
            return ""
        return f"torch gives {_text(expected)}, the table rejects unknown sizes: {error}"
    if _assumptions_hold(notes, values):
        message = _differs(result, expected, found, values, strict=False)
        if message:
            return f"with unknown sizes {values}: {message}"
    notes.clear()
    try:
        result = ask(table, drawn, rigid, notes)
    except ops.OpError:
        return ""
    message = _differs(result, expected, found, values, strict=False) if _assumptions_hold(notes, values) else ""
    return message and f"with rigid sizes: {message}"


def _assumptions_hold(notes: Sequence[Note], values: dict[Symbol, int]) -> bool:
    """Whether what the table assumed is so in torch's call."""

    def value(size: Size) -> int | None:
        known = all(symbol in values for symbol in symbols(size))
        return evaluate_size(size, values.__getitem__) if known else None

    for found in notes:
        match found.condition:
            case Divides(numerator, denominator) if value(denominator) == 0 or (value(numerator) or 0) % (
                value(denominator) or 1
            ):
                return False
            case Equal(left, right) if value(left) != value(right):
                return False
            case AtLeast(size, least) if (value(size) or 0) < (value(least) or 0):
                return False
    return True


# --- comparing results -----------------------------------------------------------------------------------------


def _differs(result: Value, expected: Any, found: Cases, values: dict[Symbol, int], *, strict: bool) -> str:
    """What is different about the table's result; `strict` where nothing but what `found` allows may stay open."""
    match result, expected:
        case Opaque(type=""), _:
            return f"torch gives {_text(expected)}, the table nothing" if strict and not found.open_value else ""
        case Opaque(type=kind), _:
            return "" if type(expected).__name__ == kind else f"torch gives {expected!r}, the table a {kind}"
        case TensorValue(), torch.Tensor():
            return _tensor_differs(result, expected, found, values, strict=strict)
        case Repeated(element, length), tuple() | list():
            if not _same_size(length, len(expected), values):
                return f"torch gives {len(expected)} elements, the table {length}"
            return next(filter(None, (_differs(element, one, found, values, strict=strict) for one in expected)), "")
        case ((tuple() | list()), (tuple() | list())) if len(result) == len(expected):
            pairs = zip(result, expected, strict=True)
            return next(filter(None, (_differs(*pair, found, values, strict=strict) for pair in pairs)), "")
        case ((Size() | int()), int()) if not isinstance(expected, bool) and not isinstance(result, bool):
            fits = _same_size(Size.of(result), expected, values)
            return "" if fits else f"torch gives {expected}, the table {result}"
    if isinstance(expected, torch.dtype):
        expected = str(expected)
    if type(result) is type(expected) and result == expected:
        return ""
    return f"torch gives {_text(expected)}, the table {_text(result)}"


def _tensor_differs(
    result: TensorValue, expected: torch.Tensor, found: Cases, values: dict[Symbol, int], *, strict: bool
) -> str:
    message = f"torch gives {_text(expected)}, the table {result}"
    if result.shape is None:
        return message if strict and not found.open_value else ""
    if len(result.shape) != expected.dim():
        return message
    for own, size in zip(result.shape, expected.shape, strict=True):
        if not _same_size(own, size, values):
            return message
        if strict and not found.open_sizes and any(not symbol.rigid for symbol in symbols(own)):
            return message
    if result.dtypes is None:
        return message + " of unknown dtype" if strict and not found.open_dtype else ""
    return "" if str(expected.dtype).removeprefix("torch.") in result.dtypes else message + f" {set(result.dtypes)}"


def _same_size(size: Size, number: int, values: dict[Symbol, int]) -> bool:
    """Whether a size has this value; a symbol that the table made up has any."""
    if any(symbol not in values for symbol in symbols(size)):
        return True
    return evaluate_size(size, values.__getitem__) == number


def _text(value: Any) -> str:
    match value:
        case torch.Tensor():
            return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
        case tuple() | list():
            return f"({', '.join(map(_text, value))})"
        case _:
            return str(value)
