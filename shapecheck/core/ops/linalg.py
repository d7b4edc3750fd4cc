"""Linear algebra on batches of matrices: the last two dims are the matrix."""

from __future__ import annotations

from shapecheck.core.equality import equal
from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.promotion import (
    COMPLEX,
    FLOATING,
    complexified,
    dtype_named,
    floating,
    promote,
    real,
    require_dtype,
    same_dtype,
)
from shapecheck.core.ops.readers import Dims
from shapecheck.core.ops.reductions import reduced
from shapecheck.core.ops.shapes import agree, broadcast_shapes, dim_index, drop, no_more_than, shape_text
from shapecheck.core.ops.signatures import op
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size, minimum
from shapecheck.core.tensors import Named, TensorValue, Undecided, Value

SIX = Size.of(6)

# --- in the grammar --------------------------------------------------------------------------------------------

op("inverse linalg.inv(input)", "*b n n -> *b n n", kind="linalg")
op("det linalg.det(input)", "*b n n -> *b", kind="linalg")
op("logdet(input)", "*b n n -> *b", kind="linalg")
op("pinverse linalg.pinv(input, rcond=1e-15)", "*b n m -> *b m n", kind="linalg")
op("matrix_exp linalg.matrix_exp(input)", "*b n n -> *b n n", kind="linalg")
op("matrix_power linalg.matrix_power(input, n)", "*b k k -> *b k k", kind="linalg")
op("cholesky linalg.cholesky(input, upper=False)", "*b n n -> *b n n", kind="linalg")
op("cholesky_inverse(input, upper=False)", "*b n n -> *b n n", kind="linalg")
op("linalg.slogdet slogdet(input)", "*b n n -> *b, *b", kind="linalg", fields=("sign", "logabsdet"))
op("cholesky_solve(input, L, upper=False)", "*#b n k, *#b n n -> *#b n k", kind="linalg")
op("torch.triangular_solve Tensor.triangular_solve(input, A)", "*#b n k, *#b n n -> *#b n k, *#b n n", kind="linalg")


# --- computed --------------------------------------------------------------------------------------------------


def _require_matrix(name: str, input: TensorValue) -> None:
    if input.rank < 2:
        reason = f"`{name}` {shape_text(input.dims)} is no matrix"
        raise OpError.at(reason, (name, None, None))


def _require_square(name: str, input: TensorValue) -> Size:
    _require_matrix(name, input)
    rows, columns = input.dims[-2:]
    reason = f"`{name}` {shape_text(input.dims)} must be square: it has {rows} rows and {columns} columns"
    return agree(rows, columns, OpError.at(reason, (name, input.rank - 2, rows), (name, input.rank - 1, columns)))


@rule("linalg.solve", kind="linalg")
def solve(A: TensorValue, B: TensorValue, *, left: bool = True) -> TensorValue:
    """``A x = B`` for matrices, or for vectors where `B` has one dim, or the shape of `A` without its last."""
    size = _require_square("A", A)
    dtypes = same_dtype((("A", A), ("B", B)))
    if B.rank == 1 or (B.rank == A.rank - 1 and B.dims == A.dims[:-1]):
        reason = f"`A` is {size} by {size}, but `B` has {B.dims[-1]} elements"
        agree(size, B.dims[-1], OpError.at(reason, ("A", A.rank - 1, size), ("B", B.rank - 1, B.dims[-1])))
        batch = broadcast_shapes([("A", A.dims[:-2]), ("B", B.dims[:-1])])
        return TensorValue((*batch, size), dtypes)
    if B.rank == A.rank - 1 and all(equal(a, b) is not False for a, b in zip(A.dims, B.dims, strict=False)):
        raise Undecided
    _require_matrix("B", B)
    dim = B.rank - 2 if left else B.rank - 1
    reason = f"`A` is {size} by {size}, but dim {dim} of `B` is {B.dims[dim]}"
    agree(size, B.dims[dim], OpError.at(reason, ("A", A.rank - 1, size), ("B", dim, B.dims[dim])))
    batch = broadcast_shapes([("A", A.dims[:-2]), ("B", B.dims[:-2])])
    return TensorValue((*batch, *B.dims[-2:]), dtypes)


@rule("linalg.solve_triangular", kind="linalg")
def solve_triangular(
    A: TensorValue, B: TensorValue, *, upper: Value, left: bool = True, unitriangular: Value = False
) -> TensorValue:
    size = _require_square("A", A)
    _require_matrix("B", B)
    dim = B.rank - 2 if left else B.rank - 1
    reason = f"`A` is {size} by {size}, but dim {dim} of `B` is {B.dims[dim]}"
    agree(size, B.dims[dim], OpError.at(reason, ("A", A.rank - 1, size), ("B", dim, B.dims[dim])))
    batch = broadcast_shapes([("A", A.dims[:-2]), ("B", B.dims[:-2])])
    return TensorValue((*batch, *B.dims[-2:]), same_dtype((("A", A), ("B", B))))


@rule("linalg.lstsq", kind="linalg")
def lstsq(A: TensorValue, B: TensorValue, rcond: Value = None, *, driver: Value = None) -> Value:
    """The solution, and what is known of how good it is."""
    _require_matrix("A", A)
    rows, columns = A.dims[-2:]
    if B.rank != A.rank:
        raise Undecided
    reason = f"`A` has {rows} rows, but `B` {B.dims[-2]}"
    agree(rows, B.dims[-2], OpError.at(reason, ("A", A.rank - 2, rows), ("B", B.rank - 2, B.dims[-2])))
    batch = broadcast_shapes([("A", A.dims[:-2]), ("B", B.dims[:-2])])
    solution = TensorValue((*batch, columns, B.dims[-1]), A.dtypes)
    return Named(("solution", "residuals", "rank", "singular_values"), (solution, *[TensorValue(None)] * 3))


@rule("linalg.eigh", kind="linalg")
def eigh(A: TensorValue, UPLO: Value = "L") -> Value:
    size = _require_square("A", A)
    values = TensorValue((*A.dims[:-2], size), real(A.dtypes))
    return Named(("eigenvalues", "eigenvectors"), (values, A))


@rule("linalg.eig", kind="linalg")
def eig(A: TensorValue) -> Value:
    size = _require_square("A", A)
    values = TensorValue((*A.dims[:-2], size), complexified(A.dtypes))
    return Named(("eigenvalues", "eigenvectors"), (values, TensorValue(A.shape, values.dtypes)))


@rule("linalg.eigvalsh", kind="linalg")
def eigvalsh(A: TensorValue, UPLO: Value = "L") -> TensorValue:
    return TensorValue((*A.dims[:-2], _require_square("A", A)), real(A.dtypes))


@rule("linalg.eigvals", kind="linalg")
def eigvals(A: TensorValue) -> TensorValue:
    return TensorValue((*A.dims[:-2], _require_square("A", A)), complexified(A.dtypes))


@rule("linalg.svd", kind="linalg")
def svd(A: TensorValue, full_matrices: bool = True, *, driver: Value = None) -> Value:
    """``A = U S Vh``."""
    _require_matrix("A", A)
    *batch, rows, columns = A.dims
    small = minimum(rows, columns)
    left, right = (rows, columns) if full_matrices else (small, small)
    return Named(
        ("U", "S", "Vh"),
        (
            TensorValue((*batch, rows, left), A.dtypes),
            TensorValue((*batch, small), real(A.dtypes)),
            TensorValue((*batch, right, columns), A.dtypes),
        ),
    )


@rule("svd", kind="linalg")
def svd_with_v(input: TensorValue, some: bool = True, compute_uv: Value = True) -> Value:
    """``input = U S V.mH``, the older spelling."""
    _require_matrix("input", input)
    *batch, rows, columns = input.dims
    small = minimum(rows, columns)
    left, right = (small, small) if some else (rows, columns)
    return Named(
        ("U", "S", "V"),
        (
            TensorValue((*batch, rows, left), input.dtypes),
            TensorValue((*batch, small), real(input.dtypes)),
            TensorValue((*batch, columns, right), input.dtypes),
        ),
    )


@rule("torch.pca_lowrank", kind="linalg")
def pca_lowrank(A: TensorValue, q: Size | None = None, center: Value = True, niter: Value = 2) -> Value:
    """The first `q` principal directions, by default 6."""
    _require_matrix("A", A)
    small = minimum(A.dims[-2], A.dims[-1])
    wanted = minimum(6, small) if q is None else q
    no_more_than(wanted, small, OpError.argument(f"`q` is {q}, but `A` {shape_text(A.dims)} has a dim of {small}", "q"))
    return _some_singular(A, wanted)


@rule("torch.svd_lowrank", kind="linalg")
def svd_lowrank(A: TensorValue, q: Size = SIX, niter: Value = 2, M: Value = None) -> Value:
    """The first `q` singular vectors."""
    _require_matrix("A", A)
    return _some_singular(A, minimum(q, A.dims[-2], A.dims[-1]))


def _some_singular(A: TensorValue, q: Size) -> Value:
    *batch, rows, columns = A.dims
    return (
        TensorValue((*batch, rows, q), A.dtypes),
        TensorValue((*batch, q), real(A.dtypes)),
        TensorValue((*batch, columns, q), A.dtypes),
    )


@rule("linalg.svdvals", kind="linalg")
def svdvals(A: TensorValue, *, driver: Value = None) -> TensorValue:
    _require_matrix("A", A)
    return TensorValue((*A.dims[:-2], minimum(A.dims[-2], A.dims[-1])), real(A.dtypes))


@rule("qr linalg.qr", kind="linalg")
def qr(A: TensorValue, mode: Value = "reduced") -> Value:
    """``A = Q R``; `torch.qr` has `some` in the place of `mode`."""
    _require_matrix("A", A)
    *batch, rows, columns = A.dims
    if mode not in ("reduced", "complete", True, False):
        raise Undecided
    inner = minimum(rows, columns) if mode in ("reduced", True) else rows
    return Named(
        ("Q", "R"), (TensorValue((*batch, rows, inner), A.dtypes), TensorValue((*batch, inner, columns), A.dtypes))
    )


@rule("linalg.norm", kind="reduction")
def norm(
    A: TensorValue, ord: Value = None, dim: Dims | None = None, keepdim: bool = False, *, dtype: Value = None
) -> TensorValue:
    """Of vectors along one dim, of matrices along two."""
    require_dtype("A", A, FLOATING | COMPLEX, "floating point", "`.float()` first")
    if dim is None and ord is not None and A.rank not in (1, 2):
        reason = f"`ord` without `dim` takes a vector or a matrix, not {shape_text(A.dims)}"
        raise OpError.at(reason, ("A", None, None))
    if dim is not None and len(dim) > 2 and ord is not None:
        raise OpError.argument(f"`dim` names {len(dim)} dims, but a matrix has 2", "dim")
    result = reduced(A, dim, keepdim, real(A.dtypes))
    return TensorValue(result.shape, result.dtypes if dtype is None else dtype_named(dtype), result.reduced)


@rule("linalg.vector_norm", kind="reduction")
def vector_norm(
    x: TensorValue, ord: Value = 2, dim: Dims | None = None, keepdim: bool = False, *, dtype: Value = None
) -> TensorValue:
    require_dtype("x", x, FLOATING | COMPLEX, "floating point", "`.float()` first")
    result = reduced(x, dim, keepdim, real(x.dtypes))
    return TensorValue(result.shape, result.dtypes if dtype is None else dtype_named(dtype), result.reduced)


@rule("linalg.matrix_norm", kind="reduction")
def matrix_norm(
    A: TensorValue, ord: Value = "fro", dim: Dims = (-2, -1), keepdim: bool = False, *, dtype: Value = None
) -> TensorValue:
    _require_matrix("A", A)
    if len(dim) != 2:
        raise OpError.argument(f"`dim` names {len(dim)} dims, but a matrix has 2", "dim")
    return reduced(A, dim, keepdim, real(A.dtypes))


@rule("linalg.matrix_rank", kind="linalg")
def matrix_rank(A: TensorValue, tol: Value = None, hermitian: Value = False) -> TensorValue:
    _require_matrix("A", A)
    return TensorValue(A.dims[:-2], frozenset({"int64"}))


@rule("linalg.cond", kind="linalg")
def cond(A: TensorValue, p: Value = None) -> TensorValue:
    _require_matrix("A", A)
    return TensorValue(A.dims[:-2], real(A.dtypes))


# --- vectors ---------------------------------------------------------------------------------------------------


def _crossed(input: TensorValue, other: TensorValue, dim: int) -> TensorValue:
    shape = broadcast_shapes([("input", input.dims), ("other", other.dims)])
    at = dim_index(dim, len(shape), scalar=False)
    for name, one in (("input", input), ("other", other)):
        own = at - len(shape) + one.rank
        size = one.dims[own] if own >= 0 else Size.of(1)
        reason = f"dim {max(own, 0)} of `{name}` {shape_text(one.dims)} is {size}, but a cross product takes 3"
        agree(Size.of(3), size, OpError.at(reason, (name, max(own, 0), size)))
    return TensorValue(shape, promote((input, other)))


def _same_rank(input: TensorValue, other: TensorValue) -> None:
    if input.rank != other.rank:
        reason = f"`input` {shape_text(input.dims)} and `other` {shape_text(other.dims)} differ in rank"
        raise OpError.at(reason, ("input", None, None), ("other", None, None))


@rule("linalg.cross", kind="linalg")
def linalg_cross(input: TensorValue, other: TensorValue, *, dim: int = -1) -> TensorValue:
    """Of vectors of 3 elements."""
    _same_rank(input, other)
    return _crossed(input, other, dim)


@rule("cross", kind="linalg")
def cross(input: TensorValue, other: TensorValue, dim: int | None = None) -> TensorValue:
    """As `linalg.cross`; without `dim` along the first dim of size 3."""
    _same_rank(input, other)
    if dim is None:
        if any(size.constant is None for size in input.dims):
            dim = _only_three(input)
        else:
            dim = next((index for index, size in enumerate(input.dims) if size == 3), None)
    if dim is None:
        reason = f"no dim of `input` {shape_text(input.dims)} is 3"
        raise OpError.at(reason, ("input", None, None))
    return _crossed(input, other, dim)


def _only_three(input: TensorValue) -> int:
    """The first dim of size 3 where no dim before it can be 3."""
    for index, size in enumerate(input.dims):
        match equal(size, 3):
            case True:
                return index
            case None:
                break
    raise Undecided


@rule("linalg.vecdot", kind="reduction")
def vecdot(x: TensorValue, y: TensorValue, *, dim: int = -1) -> TensorValue:
    """The dot product along one dim of two tensors that broadcast."""
    shape = broadcast_shapes([("x", x.dims), ("y", y.dims)])
    if x.rank == y.rank == 1:
        reason = f"`x` has {x.dims[0]} elements, but `y` {y.dims[0]}"
        agree(x.dims[0], y.dims[0], OpError.at(reason, ("x", 0, x.dims[0]), ("y", 0, y.dims[0])))
    dtypes = same_dtype((("x", x), ("y", y)))
    return TensorValue(drop(shape, (dim_index(dim, len(shape)),)), dtypes)


@rule("torch.cov Tensor.cov", kind="linalg")
def cov(input: TensorValue, *, correction: Value = 1, fweights: Value = None, aweights: Value = None) -> TensorValue:
    """Rows are variables, columns observations."""
    return _of_variables(input)


@rule("corrcoef", kind="linalg")
def corrcoef(input: TensorValue) -> TensorValue:
    return _of_variables(input)


def _of_variables(input: TensorValue) -> TensorValue:
    if input.rank > 2:
        raise OpError.at(f"`input` {shape_text(input.dims)} has more than 2 dims", ("input", None, None))
    single = equal(input.dims[0], 1) if input.rank == 2 else True
    if single is None:
        raise Undecided
    return TensorValue(() if single else (input.dims[0], input.dims[0]), floating(input.dtypes))


@rule("linalg.vander", kind="creation")
def vander(x: TensorValue, N: Size | None = None) -> TensorValue:
    """The powers of every element."""
    rows = x.dims or (Size.of(1),)
    count = rows[-1] if N is None else N
    no_more_than(Size.of(2), count, OpError.argument(f"`N` is {count}, but must be 2 or more", "N"))
    return TensorValue((*rows, count), x.dtypes)


@rule("torch.vander", kind="creation")
def torch_vander(x: TensorValue, N: Size | None = None) -> TensorValue:
    if x.rank != 1:
        raise OpError.at(f"`x` {shape_text(x.dims)} is no vector", ("x", None, None))
    return TensorValue((*x.dims, x.dims[0] if N is None else N), x.dtypes)
