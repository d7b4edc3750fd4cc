"""What the author may have meant: the one remedy that would make a size fit."""

from __future__ import annotations

from shapecheck.core.equality import equal
from shapecheck.core.ops.shapes import product
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import Shape

__all__ = ["why_not"]


def why_not(operand: str, dim: int, shape: Shape, wanted: Size) -> str:
    """A hint for `operand` whose dim `dim` should be `wanted`."""
    fitting = [index for index, size in enumerate(shape) if index != dim and equal(size, wanted) is True]
    if len(fitting) == 1:
        if {fitting[0], dim} == {len(shape) - 1, len(shape) - 2}:
            return f"`{operand}` transposed (`.mT`) would fit"
        return f"dim {fitting[0]} of `{operand}` is {wanted}: wrong dim?"
    for start in range(dim - 1, -1, -1):
        if equal(product(shape[start : dim + 1]), wanted) is True:
            factors = "*".join(str(size) for size in shape[start : dim + 1])
            return f"`.flatten({start})` would give {factors} = {wanted}"
    for start in range(dim - 1, -1, -1):
        numbers = [size.constant for size in shape[start : dim + 1]]
        if wanted.constant is not None and start > 0 and None not in numbers and dim == len(shape) - 1 and start == 1:
            factors = "*".join(map(str, numbers))
            return f"flattened it has {factors} = {product(shape[start:])} features, not {wanted}"
    return ""
