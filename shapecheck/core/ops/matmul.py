"""Products of matrices and vectors."""

from __future__ import annotations

from shapecheck.core.ops.signatures import op

MATMUL = ("k, k -> ", "*b n k, k -> *b n", "k, *b k m -> *b m", "*#b n k, *#b k m -> *#b n m")

op("matmul(input, other)", *MATMUL, kind="matmul")
op("operator.matmul Tensor.__matmul__ linalg.matmul(input, other)", *MATMUL, kind="matmul")
op("Tensor.__rmatmul__(other, input)", *MATMUL, kind="matmul")
op("mm(input, mat2)", "n k, k m -> n m", kind="matmul")
op("bmm(input, mat2)", "b n k, b k m -> b n m", kind="matmul")
op("mv(input, vec)", "n k, k -> n", kind="matmul")
op("dot(input, tensor)", "k, k -> ", kind="matmul")
op("vdot(input, other)", "k, k -> ", kind="matmul")
op("inner(input, other)", ", -> ", kind="matmul")
op("outer ger(input, vec2)", "n, m -> n m", kind="matmul", dtype="promote")
