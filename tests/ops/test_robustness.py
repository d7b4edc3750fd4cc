"""Whatever an engine hands to an op, it answers with a value or an `OpError`, never with another exception."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from shapecheck.core import ops
from shapecheck.core.ops import OpError
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import FLOAT, UNKNOWN, Opaque, Repeated, Slice, TensorValue, Value
from tests.ops.differential import CASES, COUNT, SEED, Call, Draw, abstract
from tests.ops.shorthand import size, tensor
from tests.ops.test_against_torch import MODULES, NAMES

ODD: tuple[Value, ...] = (
    UNKNOWN,
    FLOAT,
    Opaque("int"),
    Opaque("str"),
    None,
    True,
    -1,
    0.5,
    "torch.float32",
    "nonsense",
    Size.of("n"),
    Size.of(0),
    Size.unknown(),
    size("n//2"),
    size("n-m"),
    (),
    [],
    (Size.of("n"), 2),
    [UNKNOWN],
    Ellipsis,
    Slice(UNKNOWN, Size.of("n")),
    TensorValue(None),
    TensorValue(None, frozenset({"float32"})),
    tensor(""),
    tensor("b n d", None),
    tensor("b n", "bool"),
    TensorValue((Size.unknown(), Size.unknown())),
    Repeated(tensor("b d"), Size.of("k")),
    Repeated(UNKNOWN, Size.unknown()),
    [tensor("b n"), UNKNOWN],
)


def disturbed(draw: Draw, value: Any) -> Any:
    """`value` with some of it replaced by something odd."""
    if draw.chance(0.3) and not isinstance(value, Call):
        return draw.choice(ODD)
    match value:
        case Call(args, kwargs):
            kept = tuple(disturbed(draw, one) for one in args)
            return Call(kept, {name: disturbed(draw, one) for name, one in kwargs.items()})
        case TensorValue(shape=tuple() as shape) if draw.chance(0.4):
            sizes = (draw.choice([one, Size.of("n"), Size.unknown(), size("n+1")]) for one in shape)
            return TensorValue(tuple(sizes), draw.choice([value.dtypes, None]))
        case tuple() | list():
            return type(value)(disturbed(draw, one) for one in value)
    return value


@pytest.mark.parametrize("name", [*NAMES, *MODULES])
def test_odd_arguments_crash_nothing(name: str) -> None:
    draw = Draw(f"odd {name}:{SEED}")
    for _ in range(COUNT):
        drawn = abstract(CASES[name].generate(draw), Size.of)
        args = tuple(disturbed(draw, one) for one in drawn.args)
        if args and draw.chance(0.1):
            args = args[:-1]
        kwargs = {key: disturbed(draw, one) for key, one in drawn.kwargs.items()}
        with suppress(OpError):
            if name in MODULES:
                made = args[0] if args and isinstance(args[0], Call) else Call((), {})
                hyper = ops.construct(name, made.args, made.kwargs, notes=[])
                ops.module_state(name, hyper)
                ops.apply_module(name, hyper, args[1:], kwargs, notes=[])
            else:
                ops.apply(name, args, kwargs, notes=[])
