"""Tensors written in place: `fill_`, random numbers, `copy_`, `torch.nn.init`."""

from __future__ import annotations

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.indexing import require_fits
from shapecheck.core.ops.promotion import FLOATING, INTEGRAL, require_dtype
from shapecheck.core.ops.shapes import agree, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.tensors import TensorValue, Value


@rule("Tensor.zero_ Tensor.fill_ Tensor.random_ Tensor.bernoulli_ Tensor.detach_", kind="fill")
def fill(input: TensorValue, *args: Value, **options: Value) -> TensorValue:
    return input


@rule(
    "Tensor.normal_ Tensor.uniform_ Tensor.exponential_ Tensor.cauchy_ Tensor.log_normal_ Tensor.geometric_",
    kind="fill",
)
def fill_at_random(input: TensorValue, *args: Value, **options: Value) -> TensorValue:
    require_dtype("input", input, FLOATING | INTEGRAL, "a tensor of numbers")
    return input


@rule("Tensor.copy_", kind="fill")
def copy_(input: TensorValue, src: TensorValue, non_blocking: Value = False) -> TensorValue:
    """`src` has to broadcast into `input`."""
    require_fits("src", src.dims, input.dims, strip=False)
    return input


@rule("Tensor.fill_diagonal_", kind="fill")
def fill_diagonal_(input: TensorValue, fill_value: Value, wrap: Value = False) -> TensorValue:
    if input.rank < 2:
        reason = f"`input` {shape_text(input.dims)} has no diagonal"
        raise OpError.at(reason, ("input", None, None))
    if input.rank > 2:
        for dim, size in enumerate(input.dims):
            reason = f"with more than 2 dims all must be equal, but `input` is {shape_text(input.dims)}"
            agree(input.dims[0], size, OpError.at(reason, ("input", dim, size)))
    return input


# --- torch.nn.init ---------------------------------------------------------------------------------------------


@rule("init.uniform_ init.normal_ init.trunc_normal_ init.constant_ init.ones_ init.zeros_", kind="init")
def initialized(tensor: TensorValue, *args: Value, **options: Value) -> TensorValue:
    return tensor


@rule(
    "init.xavier_uniform_ init.xavier_normal_ init.kaiming_uniform_ init.kaiming_normal_ init.orthogonal_",
    kind="init",
)
def initialized_matrix(tensor: TensorValue, *args: Value, **options: Value) -> TensorValue:
    """Fan in and fan out need at least 2 dims."""
    if tensor.rank < 2:
        reason = f"`tensor` {shape_text(tensor.dims)} has fewer than 2 dims, so no fan in and fan out"
        raise OpError.at(reason, ("tensor", None, None))
    return tensor


@rule("init.eye_ init.sparse_", kind="init")
def identity_matrix(tensor: TensorValue, *args: Value, **options: Value) -> TensorValue:
    if tensor.rank != 2:
        raise OpError.at(f"`tensor` {shape_text(tensor.dims)} is no matrix", ("tensor", None, None))
    return tensor


@rule("init.dirac_", kind="init")
def dirac_(tensor: TensorValue, groups: Value = 1) -> TensorValue:
    if tensor.rank not in (3, 4, 5):
        reason = f"`tensor` {shape_text(tensor.dims)} must be the weight of a convolution"
        raise OpError.at(reason, ("tensor", None, None))
    return tensor
