"""Rule `echo` and the stricter levels: which silent stretching of an operation's operands is a violation.

    level    violation                                                                       healthy runs it fires on
    echo     ranks differ, both are stretched, and the shapes agree once 1s are removed:                       none
             (16,) * (16, 1)
    outer    both are stretched: (3, 1) * (4,)                                                                  45 %
    rank     the ranks differ and neither is a scalar, JAX's rule: (3, 4) + (4,)                                40 %
    strict   any operand but a scalar is stretched: (3, 4) + (3, 1)                                             81 %

`echo` and `outer` allow what the expression spells out (``a[:, None] * b``). The levels above `echo` look only at code
that isn't installed: libraries stretch on purpose. torch never stretches the target of an in-place operation, so there
only `rank` and `strict` can fire.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations

from torch import Size, Tensor

from shapecheck.core.errors import BroadcastError
from shapecheck.runtime.guard.active import Active
from shapecheck.runtime.guard.calls import Arguments, Keywords, Op, tensors_of
from shapecheck.runtime.guard.expression import spelled_out
from shapecheck.runtime.guard.report import Operand, Shape, expression_of, operands_at, report
from shapecheck.runtime.guard.site import Site, site
from shapecheck.runtime.settings import Broadcast


def check(active: Active, op: Op, args: Arguments, kwargs: Keywords) -> None:
    """Look at the operands of a pointwise operation."""
    tensors = tensors_of(args, kwargs)
    if len(tensors) < 2:
        return
    for one, other, rule in _violations(active.settings.broadcast, tensors):
        big, small = sorted((one, other), key=lambda tensor: tensor.ndim, reverse=True)
        _found(active, rule, op, args, big, small)


def _violations(level: Broadcast, tensors: Sequence[Tensor]) -> Sequence[tuple[Tensor, Tensor, str]]:
    """The pairs that may not meet, each with the rule it violates."""
    try:
        shapes = [tensor.shape for tensor in tensors]
        if shapes.count(shapes[0]) == len(shapes):
            return ()
        return [
            (tensors[i], tensors[j], rule)
            for i, j in combinations(range(len(tensors)), 2)
            if shapes[i] != shapes[j] and (rule := _violated(level, shapes[i], shapes[j]))
        ]
    except (TypeError, RuntimeError):  # symbolic sizes can't be hashed, nested tensors have no shape: not ours to judge
        return ()


def fixes(big: Operand, small: Operand) -> str:
    """How to give both operands one shape."""
    exact = [
        dim for dim, size in enumerate(big.shape) if size == 1 and small.shape == big.shape[:dim] + big.shape[dim + 1 :]
    ]
    if exact and small.text and big.text:
        return f"`{_called(small.text)}.unsqueeze({exact[0]})` or `{_called(big.text)}.squeeze({exact[0]})`"
    return f"give {small.label} the shape {big.shape}"


@lru_cache(maxsize=4096)
def _violated(level: Broadcast, a: Size, b: Size) -> str:
    """The name of the strongest rule that the two shapes violate at `level`; "" if none."""
    stretched = broadcast_shape(a, b)
    if stretched is None or not a or not b:
        return ""
    both = stretched not in (_padded(a, b), _padded(b, a))
    if both and len(a) != len(b) and _squeezed(a) == _squeezed(b):
        return "" if level == "allow" else "echo"
    match level:
        case "outer" | "strict" if both:
            return "outer" if level == "outer" else "strict"
        case "rank" if len(a) != len(b):
            return "rank"
        case "strict" if stretched != tuple(a) or stretched != tuple(b):
            return "strict"
    return ""


def broadcast_shape(a: Shape, b: Shape) -> Shape | None:
    """The shape torch would stretch both to, or None if it refuses."""
    a, b = _padded(a, b), _padded(b, a)
    if any(x != y and x != 1 and y != 1 for x, y in zip(a, b, strict=True)):
        return None
    return tuple(y if x == 1 else x for x, y in zip(a, b, strict=True))


def _padded(shape: Shape, other: Shape) -> Shape:
    return (1,) * (len(other) - len(shape)) + tuple(shape)


def _squeezed(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)


def _found(active: Active, rule: str, op: Op, args: Arguments, larger: Tensor, smaller: Tensor) -> None:
    where = site()
    if where is None or _is_meant(rule, where):
        return
    big, small = operands_at(where, active, args, (larger, smaller))
    result = broadcast_shape(big.shape, small.shape)
    report(
        active,
        BroadcastError,
        rule,
        where,
        f"{expression_of(where, op)}: {_HAPPENS[rule].format(big=big.shape, small=small.shape)} {result}",
        (big, small),
        _fix(rule, big, small),
        result=result,
    )


def _is_meant(rule: str, where: Site) -> bool:
    if where.generated or (where.library and rule != "echo"):
        return True
    return rule in ("echo", "outer") and spelled_out(where.node)


_HAPPENS = {
    "echo": "{big} and {small} stretch each other to",
    "outer": "{big} and {small} stretch each other to",
    "rank": "{small} is stretched to the rank of {big}, giving",
    "strict": "{big} with {small} stretches to",
}


def _fix(rule: str, big: Operand, small: Operand) -> str:
    allow = 'or say why: `with shapecheck.allow_broadcast("…"):`'
    match rule:
        case "echo":
            pairs = f"`{_called(small.text)}[None]`" if small.text else "`unsqueeze`"
            return f"{fixes(big, small)}; if every pair is meant, spell it out in the expression with {pairs}, {allow}"
        case "outer":
            return f"spell it out in the expression, e.g. `[:, None]`, {allow}"
        case "rank":
            missing = len(big.shape) - len(small.shape)
            return f"add the {missing} missing dim{'s'[: missing != 1]} to {small.label}, e.g. `[None]`, {allow}"
    return f"`expand` {small.label} to the shape that is meant, {allow}"


def _called(text: str) -> str:
    """`text` as something that a method can be called on."""
    match ast.parse(text, mode="eval").body:
        case ast.Name() | ast.Attribute() | ast.Call() | ast.Subscript():
            return text
    return f"({text})"
