"""Calls of einx."""

from __future__ import annotations

from tests.ops.differential import Call, Draw, T, call, cases

DTYPES = "float32 float32 float64 int64"
SIZES = {"b": 2, "n": 3, "h": 5, "d": 4}


def some(g: Draw, *shape: int) -> tuple[int, ...]:
    """`shape`, sometimes corrupted; einx takes no sizes of 0."""
    return tuple(max(1, size) for size in g.corrupt(shape, 0.1))


def operands(g: Draw, count: int, dtypes: str) -> tuple[list[T], str]:
    """Operands with some of the names each, and a pattern for them."""
    tensors, sides, used = [], [], []
    for _ in range(count):
        names = g.sample(list(SIZES), g.randint(0, 3))
        shape = some(g, *(SIZES[name] for name in names))
        tensors.append(T(shape, g.dtype(dtypes), low=1))
        sides.append(" ".join(names))
        used.extend(names)
    output = list(dict.fromkeys(used))
    return tensors, f"{', '.join(sides)} -> {' '.join(g.sample(output, len(output)))}"


@cases("einx.add einx.subtract einx.multiply einx.maximum einx.minimum einx.divide")
def two_operands(g: Draw) -> Call:
    tensors, pattern = operands(g, 2, "float32")
    return call(pattern, *tensors)


@cases("einx.less einx.less_equal einx.greater einx.greater_equal einx.equal einx.not_equal")
def comparison(g: Draw) -> Call:
    tensors, pattern = operands(g, 2, DTYPES)
    return call(pattern, *tensors)


@cases("einx.logical_and einx.logical_or")
def masks(g: Draw) -> Call:
    tensors, pattern = operands(g, 2, "bool")
    return call(pattern, *tensors)


@cases("einx.where")
def where(g: Draw) -> Call:
    shape = (2, 3)
    mask = T(some(g, *shape), "bool")
    if g.chance(0.5):
        return call("b n, b n d, -> b n d", mask, T(some(g, *shape, g.positive())), 0.5)
    return call("b n, b n d, b n d", mask, T((*shape, 4)), T(some(g, *shape, 4)))


@cases("einx.get_at")
def get_at(g: Draw) -> Call:
    b, m, n, c = (g.positive() for _ in range(4))
    return call("b [m] c, b n -> b n c", T(some(g, b, m, c)), T(some(g, b, n), "int64", high=1))
