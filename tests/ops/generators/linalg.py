"""Calls of linear algebra."""

from __future__ import annotations

import torch

from tests.ops.differential import Call, Draw, T, call, cases


def definite(x: torch.Tensor) -> torch.Tensor:
    """A symmetric positive definite matrix of the same shape, if the shape is one of square matrices."""
    if x.dim() < 2 or x.shape[-1] != x.shape[-2] or not x.is_floating_point():
        return x
    return x @ x.mT + 4 * torch.eye(x.shape[-1], dtype=x.dtype)


def square(g: Draw, probability: float = 0.15, dtype: str = "float32") -> T:
    n = g.size()
    shape, wrong = (*g.shape(0, 2), n, n), g.chance(probability)
    return T(tuple(max(1, size) for size in g.corrupt(shape, 1)) if wrong else shape, dtype, make=definite)


def matrix(g: Draw) -> T:
    return T(g.corrupt((*g.shape(0, 2), g.size(), g.size()), 0.1))


@cases(
    """inverse linalg.inv det linalg.det logdet matrix_exp linalg.matrix_exp cholesky linalg.cholesky cholesky_inverse
    linalg.slogdet slogdet linalg.eigh linalg.eig linalg.eigvalsh linalg.eigvals"""
)
def of_square(g: Draw) -> Call:
    return call(square(g))


@cases("pinverse linalg.pinv linalg.svd svd linalg.svdvals qr linalg.qr linalg.matrix_norm")
def of_matrix(g: Draw) -> Call:
    return call(matrix(g))


@cases("linalg.matrix_rank linalg.cond")
def of_nonempty_matrix(g: Draw) -> Call:
    return call(T(tuple(max(1, size) for size in matrix(g).shape)))


@cases("matrix_power linalg.matrix_power")
def matrix_power(g: Draw) -> Call:
    return call(square(g), g.randint(0, 3))


@cases("cholesky_solve")
def cholesky_solve(g: Draw) -> Call:
    batch, n = g.shape(0, 2), g.size()
    factor = T(g.corrupt((*g.broadcastable(batch), n, n), 0.1), make=definite)
    return call(T(g.corrupt((*batch, n, g.size()), 0.1)), factor)


@cases("torch.triangular_solve Tensor.triangular_solve")
def triangular_solve(g: Draw) -> Call:
    batch, n = g.shape(0, 2), g.size()
    factor = T(g.corrupt((*g.broadcastable(batch), n, n), 0.1), make=definite)
    return call(T(g.corrupt((*batch, n, g.size()), 0.1)), factor)


@cases("linalg.solve")
def solve(g: Draw) -> Call:
    batch, n = g.shape(0, 2), g.positive()
    a = T(g.corrupt((*batch, n, n), 0.1), make=definite)
    right = g.choice([(n,), (*batch, n), (*g.broadcastable(batch), n, g.size())])
    return call(a, T(g.corrupt(right, 0.1)))


@cases("linalg.solve_triangular")
def solve_triangular(g: Draw) -> Call:
    batch, n = g.shape(0, 2), g.size()
    a = T(g.corrupt((*batch, n, n), 0.1), make=definite)
    if g.chance(0.2):
        return call(a, T(g.corrupt((*batch, g.size(), n), 0.1)), upper=False, left=False)
    return call(a, T(g.corrupt((*g.broadcastable(batch), n, g.size()), 0.1)), upper=True)


@cases("linalg.lstsq", open_value=True)
def lstsq(g: Draw) -> Call:
    batch, n = tuple(g.positive() for _ in range(g.randint(0, 2))), g.positive()
    return call(T((*batch, n, g.positive())), T(g.corrupt((*batch, n, g.positive()), 0.3)))


@cases("torch.svd_lowrank torch.pca_lowrank")
def svd_lowrank(g: Draw) -> Call:
    return call(T((*g.shape(0, 1), g.choice([4, 5]), g.choice([4, 6]))), g.randint(1, 5))


@cases("linalg.norm linalg.vector_norm")
def norm(g: Draw) -> Call:
    x = g.tensor("float32 float32 complex64 int64")
    rank = len(x.shape)
    facts = {"dim": g.choice([g.dim(rank), g.dims(rank)[:2] or g.dim(rank)])} if g.chance(0.7) else {}
    return call(x, **facts, **({"keepdim": True} if facts and g.chance(0.4) else {}))


@cases("cross linalg.cross")
def cross(g: Draw) -> Call:
    shape = [g.size() for _ in range(g.randint(0, 3))]
    at = g.randint(0, len(shape))
    shape.insert(at, 3)
    other = [1 if g.chance(0.2) and index != at else size for index, size in enumerate(shape)]
    facts = {"dim": at - g.choice([0, len(shape)])} if g.chance(0.7) else {}
    return call(T(g.corrupt(shape, 0.1)), T(g.corrupt(other, 0.1)), **facts)


@cases("linalg.vecdot")
def vecdot(g: Draw) -> Call:
    x = g.tensor(least=1)
    return call(x, T(g.broadcastable(x.shape)), **({"dim": g.dim(len(x.shape), wrong=0)} if g.chance(0.6) else {}))


@cases("torch.cov Tensor.cov corrcoef")
def cov(g: Draw) -> Call:
    return call(T(tuple(g.positive() for _ in range(g.randint(0, 3)))))


@cases("linalg.vander")
def vander(g: Draw) -> Call:
    return call(
        T(tuple(g.positive() for _ in range(g.randint(0, 3)))), **({"N": g.randint(2, 4)} if g.chance(0.5) else {})
    )


@cases("torch.vander")
def torch_vander(g: Draw) -> Call:
    return call(T(g.corrupt((g.positive(),), 0.1)), *([g.randint(2, 4)] if g.chance(0.5) else []))
