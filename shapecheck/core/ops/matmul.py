"""Products of matrices and vectors."""

from __future__ import annotations

from itertools import pairwise

from shapecheck.core.equality import equal
from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.promotion import promote, same_dtype
from shapecheck.core.ops.readers import Tensors
from shapecheck.core.ops.shapes import agree, dim_indices, drop, shape_text
from shapecheck.core.ops.signatures import apply_signatures, op
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import TensorValue, Undecided, Value

# --- in the grammar --------------------------------------------------------------------------------------------

_MATMUL = ("k, k -> ", "*b n k, k -> *b n", "k, *b k m -> *b m", "*#b n k, *#b k m -> *#b n m")

op("matmul operator.matmul linalg.matmul(input, other)", *_MATMUL, kind="matmul")
op("mm(input, mat2)", "n k, k m -> n m", kind="matmul")
op("bmm(input, mat2)", "b n k, b k m -> b n m", kind="matmul")
op("mv(input, vec)", "n k, k -> n", kind="matmul")
op("dot vdot(input, other)", "k, k -> ", kind="matmul")
op("outer ger(input, vec2)", "n, m -> n m", kind="matmul", dtype="promote")
op(
    "addmm(input, mat1, mat2, beta=1, alpha=1)",
    "#n #m, n k, k m -> n m",
    "#m, n k, k m -> n m",
    ", n k, k m -> n m",
    kind="matmul",
)
op(
    "addbmm(input, batch1, batch2, beta=1, alpha=1)",
    "#n #m, b n k, b k m -> n m",
    "#m, b n k, b k m -> n m",
    ", b n k, b k m -> n m",
    kind="matmul",
)
op(
    "baddbmm(input, batch1, batch2, beta=1, alpha=1)",
    "#b #n #m, b n k, b k m -> b n m",
    "#n #m, b n k, b k m -> b n m",
    "#m, b n k, b k m -> b n m",
    ", b n k, b k m -> b n m",
    kind="matmul",
)
op("addmv(input, mat, vec, beta=1, alpha=1)", "#n, n k, k -> n", ", n k, k -> n", kind="matmul")
op("addr(input, vec1, vec2, beta=1, alpha=1)", "#n #m, n, m -> n m", "#m, n, m -> n m", ", n, m -> n m", kind="matmul")
op("torch.bilinear F.bilinear(input1, input2, weight, bias=None)", "*b n, *b m, out n m, out -> *b out", kind="matmul")
op("torch.cdist(x1, x2, p=2.0, compute_mode=None)", "*#b n k, *#b m k -> *#b n m", kind="matmul")


# --- computed --------------------------------------------------------------------------------------------------


@rule("F.linear", kind="matmul")
def linear(input: TensorValue, weight: TensorValue, bias: TensorValue | None = None) -> TensorValue:
    """``input @ weight.T + bias``; the bias may broadcast."""
    operands = [("input", input), ("weight", weight)]
    (result,) = apply_signatures(("*b in, out in -> *b out", "*b in, in -> *b"), operands, {}, same_dtype(operands))
    if bias is None:
        return result
    if bias.rank != 1 or weight.rank != 2:
        raise Undecided
    dtypes = same_dtype([*operands, ("bias", bias)])
    if equal(bias.dims[0], 1) is False:
        reason = f"`bias` {shape_text(bias.dims)} doesn't fit {result.dims[-1]} output features"
        agree(result.dims[-1], bias.dims[0], OpError.at(reason, ("bias", 0, bias.dims[0])))
    return TensorValue(result.shape, dtypes)


@rule("inner", kind="matmul")
def inner(input: TensorValue, other: TensorValue) -> TensorValue:
    """Contract the last dims; a tensor without dims multiplies."""
    dtypes = same_dtype((("input", input), ("other", other)))
    if not input.rank or not other.rank:
        return TensorValue((*input.dims, *other.dims), dtypes)
    _contracted("input", input, input.rank - 1, "other", other, other.rank - 1)
    return TensorValue((*input.dims[:-1], *other.dims[:-1]), dtypes)


def _contracted(name: str, input: TensorValue, dim: int, other_name: str, other: TensorValue, other_dim: int) -> None:
    left, right = input.dims[dim], other.dims[other_dim]
    reason = (
        f"dim {dim} of `{name}` {shape_text(input.dims)} is {left}, "
        f"but dim {other_dim} of `{other_name}` {shape_text(other.dims)} is {right}"
    )
    agree(left, right, OpError.at(reason, (name, dim, left), (other_name, other_dim, right)))


@rule("kron", kind="matmul")
def kron(input: TensorValue, other: TensorValue) -> TensorValue:
    """Dim by dim the product of the sizes, missing dims counting as 1."""
    rank = max(input.rank, other.rank)
    left, right = (TensorValue((*[Size.of(1)] * (rank - one.rank), *one.dims), one.dtypes) for one in (input, other))
    shape = tuple(a * b for a, b in zip(left.dims, right.dims, strict=True))
    return TensorValue(shape, promote((left, right)))


@rule("linalg.multi_dot", kind="matmul")
def multi_dot(tensors: Tensors) -> TensorValue:
    """A chain of matrices, in which the first and the last may be vectors."""
    if not isinstance(tensors, tuple) or len(tensors) < 2:
        raise Undecided
    names = [f"tensors[{index}]" for index in range(len(tensors))]
    for index, tensor in enumerate(tensors):
        ranks = (1, 2) if index in (0, len(tensors) - 1) else (2,)
        if tensor.rank not in ranks:
            reason = f"`{names[index]}` {shape_text(tensor.dims)} is no matrix"
            raise OpError.at(reason, (names[index], None, None))
    for (name, left), (other_name, right) in pairwise(zip(names, tensors, strict=True)):
        _contracted(name, left, left.rank - 1, other_name, right, 0)
    dtypes = same_dtype(zip(names, tensors, strict=True))
    return TensorValue((*tensors[0].dims[:-1], *tensors[-1].dims[1:]), dtypes)


@rule("torch.tensordot", kind="matmul")
def tensordot(a: TensorValue, b: TensorValue, dims: Value = 2) -> TensorValue:
    """Contract the last dims of `a` with the first of `b`, or the dims that two lists name."""
    left, right = _contraction(a, b, dims)
    if len(left) != len(right):
        raise OpError.argument(f"`dims` names {len(left)} dims of `a` but {len(right)} of `b`", "dims")
    for dim, other_dim in zip(left, right, strict=True):
        if a.dims[dim] != 1 and b.dims[other_dim] != 1:
            _contracted("a", a, dim, "b", b, other_dim)
    return TensorValue((*drop(a.dims, left), *drop(b.dims, right)), same_dtype((("a", a), ("b", b))))


def _contraction(a: TensorValue, b: TensorValue, dims: Value) -> tuple[tuple[int, ...], tuple[int, ...]]:
    number = dims.constant if isinstance(dims, Size) else dims
    if isinstance(number, int):
        if not 0 <= number <= min(a.rank, b.rank):
            raise OpError.argument(f"`dims` is {number}, but the ranks are {a.rank} and {b.rank}", "dims")
        return tuple(range(a.rank - number, a.rank)), tuple(range(number))
    match dims:
        case [tuple() | list() as left, tuple() | list() as right]:
            return _indices(left, a.rank), _indices(right, b.rank)
    raise Undecided


def _indices(dims: Value, rank: int) -> tuple[int, ...]:
    numbers = [dim.constant if isinstance(dim, Size) else dim for dim in dims] if isinstance(dims, tuple | list) else []
    if not all(isinstance(number, int) for number in numbers):
        raise Undecided
    return dim_indices([number for number in numbers if isinstance(number, int)], rank, "dims", scalar=False)
