"""einx: pointwise ops and look-ups on named dims, ``einx.where("b n, b n d, -> b n d", mask, x, 0.)``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.patterns import ELLIPSIS, bind_groups, groups_of, names_of, result_of
from shapecheck.core.ops.promotion import BOOLEAN, floating, is_number, promote
from shapecheck.core.ops.shapes import agree, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import UNKNOWN, Dtypes, Shape, TensorValue, Undecided, Value

Groups = tuple[tuple[str, ...], ...]


def _combined(pattern: str, tensors: Sequence[Value], sizes: Mapping[str, Value]) -> Shape:
    """The shape of operands lined up by the names of their dims."""
    inputs, arrow, output = pattern.partition("->")
    sides = [groups_of(side, pattern) for side in inputs.split(",")]
    if len(sides) != len(tensors):
        raise OpError.argument(f"{pattern!r} is for {len(sides)} operands, not {len(tensors)}", "pattern")
    bound: dict[str, Shape] = {name: (_as_size(value),) for name, value in sizes.items()}
    unknown: set[str] = set()
    for index, (groups, operand) in enumerate(zip(sides, tensors, strict=True)):
        if isinstance(operand, TensorValue) and operand.shape is not None:
            _bind(groups, operand.shape, f"tensors[{index}]", bound, pattern)
        elif operand == UNKNOWN or isinstance(operand, TensorValue):
            unknown.update(names_of(groups))
        elif not is_number(operand) or groups:
            raise Undecided
    bound.update({name: (Size.unknown(),) for name in unknown - bound.keys() if name != ELLIPSIS})
    wanted = groups_of(output, pattern) if arrow else _widest(sides)
    if set(names_of(wanted)) - bound.keys():
        raise Undecided
    return result_of(wanted, bound)


def _bind(groups: Groups, shape: Shape, name: str, bound: dict[str, Shape], pattern: str) -> None:
    if any(word.isdecimal() for word in names_of(groups)):
        raise Undecided
    inside = {one for group in groups if len(group) > 1 for one in group}
    known = {one: bound[one][0] for one in inside if one in bound}
    for one, sizes in bind_groups(groups, shape, known, name, pattern).items():
        before = bound.setdefault(one, sizes)
        reason = f"`{one}` in {pattern!r} is {shape_text(before)}, but {shape_text(sizes)} in `{name}`"
        if len(before) != len(sizes):
            raise OpError.at(reason, (name, None, None))
        for own, size in zip(before, sizes, strict=True):
            agree(own, size, OpError(reason, operands=(name,), sizes=(own, size)))


def _as_size(value: Value) -> Size:
    return Size.of(value) if isinstance(value, Size | int) else Size.unknown()


def _widest(sides: Sequence[Groups]) -> Groups:
    """The one operand that has all the names, where the result isn't written."""
    every = {name for groups in sides for name in names_of(groups)}
    widest = {groups for groups in sides if set(names_of(groups)) == every}
    if len(widest) != 1:
        raise Undecided
    return widest.pop()


def _pointwise(words: str, result: str) -> None:
    @rule(words, kind="pointwise")
    def combine(pattern: str, *tensors: Value, **sizes: Value) -> TensorValue:
        """Every operand's dims by name, "->" and the result's if no operand has them all."""
        return TensorValue(_combined(pattern, tensors, sizes), _dtypes(result, tensors))


def _dtypes(result: str, tensors: Sequence[Value]) -> Dtypes:
    if result == "bool":
        return BOOLEAN
    return floating(promote(tensors)) if result == "float" else promote(tensors)


_pointwise("einx.add einx.subtract einx.multiply einx.maximum einx.minimum", "promote")
_pointwise("einx.divide", "float")
_pointwise("einx.less einx.less_equal einx.greater einx.greater_equal einx.equal einx.not_equal", "bool")
_pointwise("einx.logical_and einx.logical_or", "bool")


@rule("einx.where", kind="pointwise")
def where(pattern: str, condition: TensorValue, x: Value, y: Value, **sizes: Value) -> TensorValue:
    return TensorValue(_combined(pattern, (condition, x, y), sizes), promote((x, y)))


@rule("einx.get_at", kind="gather")
def get_at(pattern: str, tensor: TensorValue, indices: TensorValue, **sizes: Value) -> TensorValue:
    """``"b [m] c, b n -> b n c"``: the one dim in brackets is looked up."""
    first, _, rest = pattern.partition(",")
    if first.count("[") != 1 or "[" in rest or "->" not in rest or ELLIPSIS in pattern:
        raise Undecided
    plain = pattern.replace("[", " ").replace("]", " ")
    return TensorValue(_combined(plain, (tensor, indices), sizes), tensor.dtypes)
