"""Einstein sums: torch's letters, einops' and fancy_einsum's words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from shapecheck.core.equality import equal
from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.promotion import same_dtype
from shapecheck.core.ops.readers import read_tensor
from shapecheck.core.ops.shapes import agree, broadcast_shapes, is_one, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import UNKNOWN, Shape, TensorValue, Undecided, Value

__all__ = ["summed"]

Labels = tuple[str, ...]
ELLIPSIS = "..."


@rule("torch.einsum", kind="matmul")
def einsum(equation: str, *operands: Value) -> TensorValue:
    """``"bij,bjk->bik"``; without ``->`` the letters that occur once are the result, sorted."""
    inputs, output = _letters(equation)
    return summed(inputs, output, _tensors(operands), equation)


@rule("einops.einsum", kind="matmul")
def einops_einsum(*tensors_and_pattern: Value) -> TensorValue:
    """``einsum(x, y, "batch i j, batch j k -> batch i k")``."""
    *tensors, pattern = tensors_and_pattern
    if not isinstance(pattern, str) or "->" not in pattern:
        raise Undecided
    return summed(*_words(pattern), _tensors(tensors), pattern)


@rule("fancy_einsum.einsum", kind="matmul")
def fancy_einsum(equation: str, *operands: Value) -> TensorValue:
    """The same with the pattern first."""
    if "->" not in equation:
        raise Undecided
    return summed(*_words(equation), _tensors(operands), equation)


def _tensors(values: Sequence[Value]) -> tuple[TensorValue, ...]:
    return tuple(TensorValue(None) if value == UNKNOWN else read_tensor(value) for value in values)


@lru_cache(maxsize=1024)
def _words(pattern: str) -> tuple[tuple[Labels, ...], Labels]:
    inputs, output = pattern.split("->", 1)
    if "(" in pattern:
        raise Undecided
    return tuple(_split(side) for side in inputs.split(",")), _split(output)


def _split(side: str) -> Labels:
    return tuple(side.replace(ELLIPSIS, f" {ELLIPSIS} ").split())


@lru_cache(maxsize=1024)
def _letters(equation: str) -> tuple[tuple[Labels, ...], Labels]:
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    operands = tuple(_spaced(side) for side in inputs.split(","))
    if arrow:
        return operands, _spaced(output)
    every = [label for labels in operands for label in labels]
    once = sorted(label for label in set(every) if label != ELLIPSIS and every.count(label) == 1)
    return operands, (*([ELLIPSIS] if ELLIPSIS in every else []), *once)


def _spaced(side: str) -> Labels:
    labels: list[str] = []
    rest = side
    while rest:
        if rest.startswith(ELLIPSIS):
            labels.append(ELLIPSIS)
            rest = rest[3:]
        elif rest[0].isascii() and rest[0].isalpha():
            labels.append(rest[0])
            rest = rest[1:]
        else:
            raise OpError.argument(f"{side!r}: an operand is written with letters and `...`", "equation")
    return tuple(labels)


def summed(inputs: Sequence[Labels], output: Labels, operands: Sequence[TensorValue], equation: str) -> TensorValue:
    """The sum over every label that isn't in `output`; a dim of size 1 is stretched.

    Raises:
        OpError: the operands don't fit the equation.
    """
    if len(inputs) != len(operands):
        reason = f"{equation!r} is for {len(inputs)} operands, not {len(operands)}"
        raise OpError.argument(reason, "equation")
    bound: dict[str, tuple[Size, str]] = {}
    rests: list[tuple[str, Shape]] = []
    unknown: set[str] = set()
    for position, (labels, operand) in enumerate(zip(inputs, operands, strict=True)):
        name = f"operands[{position}]"
        if operand.shape is None:
            unknown.update(labels)
            continue
        rest = _bind(labels, operand.dims, name, bound, equation)
        if ELLIPSIS in labels:
            rests.append((name, rest))
    if ELLIPSIS in unknown:
        raise Undecided
    bound.update({label: (Size.unknown(), "") for label in unknown - bound.keys()})
    batch = broadcast_shapes(rests) if rests else ()
    for label in output:
        if output.count(label) > 1 or (label not in bound and label != ELLIPSIS):
            raise OpError.argument(f"{equation!r}: `{label}` of the result is not in the operands once", "equation")
    shape = tuple(size for label in output for size in (batch if label == ELLIPSIS else (bound[label][0],)))
    names = [f"operands[{position}]" for position in range(len(operands))]
    return TensorValue(shape, same_dtype(zip(names, operands, strict=True)))


def _bind(labels: Labels, shape: Shape, name: str, bound: dict[str, tuple[Size, str]], equation: str) -> Shape:
    """Give the labels of one operand their sizes; the dims of its ellipsis come back."""
    spare = len(shape) - len([label for label in labels if label != ELLIPSIS])
    if spare < 0 or (spare and ELLIPSIS not in labels) or labels.count(ELLIPSIS) > 1:
        reason = f"`{name}` {shape_text(shape)} has {len(shape)} dims, but {equation!r} writes `{' '.join(labels)}`"
        raise OpError.at(reason, (name, None, None))
    rest: Shape = ()
    dim = 0
    own: dict[str, int] = {}
    for label in labels:
        if label == ELLIPSIS:
            rest = shape[dim : dim + spare]
            dim += spare
            continue
        _bind_label(label, shape, dim, name, bound, equation, repeated=own.get(label))
        own[label] = dim
        dim += 1
    return rest


def _bind_label(
    label: str,
    shape: Shape,
    dim: int,
    name: str,
    bound: dict[str, tuple[Size, str]],
    equation: str,
    repeated: int | None,
) -> None:
    size = shape[dim]
    if label not in bound:
        bound[label] = size, f"dim {dim} of `{name}`"
        return
    known, origin = bound[label]
    if repeated is None and (is_one(size) or is_one(known)):
        bound[label] = (known, origin) if is_one(size) else (size, f"dim {dim} of `{name}`")
        return
    if repeated is None and equal(size, known) is None and (equal(size, 1) is None or equal(known, 1) is None):
        bound[label] = (
            (known if equal(known, 1) is False else size if equal(size, 1) is False else Size.unknown()),
            origin,
        )
        return
    expected = known if repeated is None else shape[repeated]
    reason = (
        f"dim {dim} of `{name}` {shape_text(shape)} is {size}, but `{label}` in {equation!r} is {expected} ({origin})"
    )
    error = OpError.at(reason, (name, dim, size))
    bound[label] = agree(expected, size, error), origin
