"""numpy arrays: followed where numpy and torch agree, unknown everywhere else.

An `ArrayValue` is a `TensorValue` that torch's ops aren't asked about by numpy's names: what each method and function
of numpy is in the op table is listed here. Dtypes are promoted by other rules and therefore forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shapecheck.core.sizes import Size
from shapecheck.core.tensors import UNKNOWN, Slice, TensorValue
from shapecheck.static.values import Value, named

__all__ = ["FROM_ARRAYS", "FUNCTIONS", "METHODS", "ArrayValue", "as_array", "is_array", "takes_arrays"]


@dataclass(frozen=True, slots=True)
class ArrayValue(TensorValue):
    """A numpy array of known shape."""


_SAME_SHAPE = "copy astype clip round conj byteswap"
METHODS: Mapping[str, str] = {
    **{name: f"torch.Tensor.{name}" for name in "sum mean prod std var all any argmax argmin reshape swapaxes".split()},
    **dict.fromkeys(_SAME_SHAPE.split(), "torch.Tensor.clone"),
    "flatten": "torch.Tensor.flatten",
    "ravel": "torch.Tensor.ravel",
    "squeeze": "torch.Tensor.squeeze",
    "max": "torch.Tensor.amax",
    "min": "torch.Tensor.amin",
}
"""Methods of arrays by the op that gives the same shape."""

_POINTWISE = "exp log sqrt sin cos tan abs maximum minimum sign floor ceil square logical_and logical_or isnan isfinite"
FUNCTIONS: Mapping[str, str] = {
    **{f"numpy.{name}": f"torch.{name}" for name in _POINTWISE.split()},
    **{f"numpy.{name}": f"torch.{name}" for name in "stack sum mean prod std var all any argmax argmin matmul".split()},
    "numpy.concatenate": "torch.cat",
    "numpy.max": "torch.amax",
    "numpy.min": "torch.amin",
    "numpy.zeros_like": "torch.zeros_like",
    "numpy.ones_like": "torch.ones_like",
}
"""Functions of numpy by the op that gives the same shape, for arrays."""


FROM_ARRAYS = frozenset({"torch.from_numpy", "torch.tensor", "torch.as_tensor", "torch.asarray"})
"""What makes a tensor of an array."""


def is_array(value: Value) -> bool:
    """Whether a value is a numpy array, or a sequence of them."""
    match value:
        case ArrayValue():
            return True
        case tuple() | list():
            return any(map(is_array, value))
    return False


def takes_arrays(op: str, arguments: Sequence[Value]) -> bool:
    """Whether an op of the table does to these arrays what numpy does."""
    if op in _SHARED or op in METHODS.values() or op in FUNCTIONS.values():
        return not any(_is_backwards(value) for value in arguments)
    return False


_SHARED = frozenset(
    f"operator.{name}"
    for name in """add sub mul truediv floordiv mod pow matmul neg pos invert and_ or_ xor eq ne lt le gt ge
    getitem setitem iadd isub imul itruediv""".split()
) | {"torch.Tensor.T"}


def _is_backwards(index: Value) -> bool:
    """``x[::-1]``, which numpy takes and torch doesn't."""
    match index:
        case Slice(step=Size() as step):
            return step.constant is None or step.constant < 0
        case tuple():
            return any(map(_is_backwards, index))
    return False


def as_array(value: Value) -> Value:
    """The result of an op on arrays: arrays of unknown dtype."""
    match value:
        case TensorValue(shape=shape):
            return ArrayValue(shape)
        case tuple():
            items = [as_array(item) for item in value]
            names = getattr(value, "names", None)
            return tuple(items) if names is None else named(names, items)
    return UNKNOWN if value == UNKNOWN else value
