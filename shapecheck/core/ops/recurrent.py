"""Padded sequences; the recurrent modules themselves are in `modules`."""

from __future__ import annotations

from shapecheck.core.ops.errors import OpError
from shapecheck.core.ops.promotion import promote
from shapecheck.core.ops.readers import Tensors
from shapecheck.core.ops.shapes import agree, shape_text
from shapecheck.core.ops.table import rule
from shapecheck.core.sizes import Size, maximum
from shapecheck.core.tensors import Repeated, TensorValue, Undecided, Value


@rule("torch.nn.utils.rnn.pad_sequence", kind="join")
def pad_sequence(
    sequences: Tensors, batch_first: bool = False, padding_value: Value = 0.0, padding_side: Value = "right"
) -> TensorValue:
    """Sequences ``(length, *)`` to one tensor as long as the longest."""
    if isinstance(sequences, Repeated):
        raise Undecided
    if not sequences:
        raise OpError.argument("the list of sequences is empty", "sequences")
    first = sequences[0]
    for index, one in enumerate(sequences):
        reason = f"`sequences[{index}]` {shape_text(one.dims)} and `sequences[0]` {shape_text(first.dims)} differ"
        if one.rank != first.rank or not one.rank:
            raise OpError.at(reason, (f"sequences[{index}]", None, None))
        for dim, (own, size) in enumerate(zip(first.dims[1:], one.dims[1:], strict=True), start=1):
            agree(own, size, OpError.at(reason, (f"sequences[{index}]", dim, size)))
    longest = maximum(*(one.dims[0] for one in sequences))
    count = Size.of(len(sequences))
    leading = (count, longest) if batch_first else (longest, count)
    return TensorValue((*leading, *first.dims[1:]), promote(sequences))
