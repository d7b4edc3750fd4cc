"""What a rejection says: the reason with dims and sizes, the facts as attributes, a hint where one suggests itself."""

from __future__ import annotations

import pytest

from shapecheck.core import ops
from shapecheck.core.ops import OpError
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import Slice, Value
from tests.ops.shorthand import notes_of, size, tensor


def rejected(name: str, *args: Value, **kwargs: Value) -> OpError:
    with pytest.raises(OpError) as caught:
        ops.apply(name, args, kwargs)
    return caught.value


def test_a_rejection_names_operands_dims_and_sizes() -> None:
    error = rejected("torch.matmul", tensor("b n d"), tensor("e d"))
    assert error.reason == "dim 0 of `other` (e, d) is e, but dim 2 of `input` is d"
    assert (error.kind, error.operands, error.dims) == ("shape", ("input", "other"), (2, 0))
    assert error.sizes == (Size.of("d"), Size.of("e"))


HINTS = {
    "a matrix the wrong way round": (
        ("torch.matmul", tensor("b n d"), tensor("e d")),
        "`other` transposed (`.mT`) would fit",
    ),
    "a mean that lost its dim": (
        ("operator.sub", tensor("b n d"), tensor("b n")),
        "`other` needs a dim of size 1: keepdim=True where it was reduced, or .unsqueeze(2)",
    ),
    "batches to be aligned": (
        ("operator.mul", tensor("b n d"), tensor("b")),
        "`other[..., None, None]` would fit",
    ),
    "both transposed": (
        ("operator.add", tensor("b n"), tensor("n b")),
        "`input` with its last two dims swapped (`.mT`) would fit",
    ),
    "channels last": (
        ("torch.conv2d", tensor("b 32 32 3"), tensor("8 3 3 3")),
        "dim 3 is 3: channels come before the spatial dims, `.movedim(-1, 1)`",
    ),
    "one-hot labels with a stray dim": (
        ("torch.nn.functional.cross_entropy", tensor("b c"), tensor("b 1", "int64")),
        "`target.squeeze(-1)` would fit",
    ),
    "classes last": (
        ("torch.nn.functional.cross_entropy", tensor("b t v"), tensor("b t", "int64")),
        "the classes seem to be the last dim: `input.movedim(-1, 1)`, or flatten both",
    ),
    "labels as floats": (
        ("torch.nn.functional.cross_entropy", tensor("b c"), tensor("b", "float32")),
        "`target.long()`",
    ),
    "a column against a vector": (
        ("torch.nn.functional.binary_cross_entropy", tensor("b 1"), tensor("b")),
        "`target.unsqueeze(-1)` would fit",
    ),
    "a mask subtracted": (
        ("operator.sub", 1, tensor("b n", "bool")),
        "`~mask` negates a mask, `a ^ b` is where two differ; `mask.float()` makes numbers of it",
    ),
    "integers averaged": (("torch.mean", tensor("b n", "int64")), "`.float()` first, or pass `dtype=`"),
    "a transposed batch": (("torch.t", tensor("b n d")), "`.mT` swaps the last two dims"),
    "scalars joined": (("torch.cat", [tensor(""), tensor("")]), "`torch.stack` joins tensors without dims"),
    "floats as an index": (
        ("operator.getitem", tensor("v d"), tensor("b", "float32")),
        "`.long()` for positions, `.bool()` for a mask",
    ),
    "backwards": (("operator.getitem", tensor("n"), Slice(None, None, size("1") * -1)), "`.flip(dim)`"),
}


@pytest.mark.parametrize(("call", "hint"), HINTS.values(), ids=HINTS.keys())
def test_a_rejection_hints_at_the_remedy(call: tuple[str, ...], hint: str) -> None:
    assert rejected(*call).hint == hint


def linear(shape: str, features: int) -> OpError:
    hyper = ops.construct("torch.nn.Linear", [Size.of(features), Size.of(10)])
    with pytest.raises(OpError) as caught:
        ops.apply_module("torch.nn.Linear", hyper, [tensor(shape)])
    return caught.value


def test_a_linear_layer_says_what_flattening_would_give() -> None:
    assert linear("b 64 7 7", 3136).reason == "dim 3 of `input` (b, 64, 7, 7) is 7, but `in_features` is 3136"
    assert linear("b 64 7 7", 3136).hint == "`.flatten(1)` would give 64*7*7 = 3136"
    assert linear("b 64 8 8", 3136).hint == "flattened it has 64*8*8 = 4096 features, not 3136"
    assert linear("b 10 20", 10).hint == "`input` transposed (`.mT`) would fit"


REASONS = {
    "a reduction of a dim that isn't there": (
        ("torch.sum", tensor("b n"), 2),
        "`dim` 2 is out of range for rank 2 (dims -2 to 1)",
    ),
    "a dim twice": (("torch.sum", tensor("b n"), (0, -2)), "dim 0 stands twice in `dim`"),
    "a view of another number of elements": (
        ("torch.Tensor.view", tensor("4 6"), 5, 5),
        "(5, 5) needs 25 elements, but `input` (4, 6) has 24",
    ),
    "a view that doesn't divide": (
        ("torch.Tensor.view", tensor("4 6"), 5, -1),
        "(5, -1) needs a multiple of 5 elements, but `input` (4, 6) has 24",
    ),
    "an index beyond the end": (
        ("operator.getitem", tensor("3 4"), 3),
        "index 3 is out of range for dim 0 of `input`, which is 3",
    ),
    "too many indices": (
        ("operator.getitem", tensor("n"), (0, 0)),
        "2 dims are indexed, but `input` (n,) has 1",
    ),
    "an assignment that doesn't fit": (
        ("operator.setitem", tensor("b n"), 0, tensor("m")),
        "`value` (m,) doesn't fit into (n,)",
    ),
    "an in-place op that would grow": (
        ("torch.Tensor.add_", tensor("b 1"), tensor("b n")),
        "the result has shape (b, n), which doesn't fit into `input` (b, 1) in place",
    ),
    "a rank without a signature": (
        ("torch.mm", tensor("b n d"), tensor("d e")),
        '`input` (b, n, d) has the wrong number of dims: expected "n k"',
    ),
    "joined tensors that differ": (
        ("torch.cat", [tensor("b n"), tensor("b m")]),
        "dim 1 of `tensors[0]` (b, n) is n, but dim 1 of `tensors[1]` (b, m) is m",
    ),
    "an einsum over different sizes": (
        ("torch.einsum", "bi,bj,ij->b", tensor("b n"), tensor("b m"), tensor("m m")),
        "dim 0 of `operands[2]` (m, m) is m, but `i` in 'bi,bj,ij->b' is n (dim 1 of `operands[0]`)",
    ),
    "a pattern of another rank": (
        ("einops.rearrange", tensor("b n d"), "b c h w -> b (c h w)"),
        "`b c h w -> b (c h w)` takes 4 dims, but `tensor` (b, n, d) has 3",
    ),
    "a kernel larger than the image": (
        ("torch.conv1d", tensor("b 1 2"), tensor("1 1 5")),
        "the kernel spans 5 elements, but dim 2 of `input` (b, 1, 2) is 2",
    ),
    "two dtypes": (
        ("torch.matmul", tensor("n d", "float32"), tensor("d e", "float64")),
        "`input` is float32, but `other` is float64",
    ),
}


@pytest.mark.parametrize(("call", "reason"), REASONS.values(), ids=REASONS.keys())
def test_the_reason_is_one_sentence_with_the_sizes(call: tuple[str, ...], reason: str) -> None:
    assert rejected(*call).reason == reason


def test_a_dtype_error_says_so() -> None:
    assert rejected("torch.matmul", tensor("n d"), tensor("d e", "float64")).kind == "dtype"


def test_module_constructors_are_checked() -> None:
    with pytest.raises(OpError, match="`embed_dim` 10 can't be divided by `num_heads` 3"):
        ops.construct("torch.nn.MultiheadAttention", [Size.of(10), Size.of(3)])


def test_a_reduction_that_cannot_meet_its_source_is_told_from_other_mismatches() -> None:
    with pytest.raises(OpError, match=r"`other` \(b,\) was reduced from `input` \(b, n\) without keepdim") as caught:
        ops.apply("operator.truediv", [tensor("b n"), ops.apply("torch.sum", [tensor("b n"), 1])])
    assert caught.value.kind == "keepdim"


# --- silent findings -------------------------------------------------------------------------------------------

NOTES = {
    "a column times a row": (("operator.mul", tensor("b"), tensor("b 1")), [("implicit-broadcast", "echo")]),
    "two vectors made a matrix": (("operator.mul", tensor("b"), tensor("c 1")), [("implicit-broadcast", "outer")]),
    "a loss of a column and a vector": (
        ("torch.nn.functional.mse_loss", tensor("b 1"), tensor("b")),
        [("implicit-broadcast", "loss")],
    ),
    "a square normalized by its rows": (
        ("operator.truediv", tensor("n n"), ops.apply("torch.sum", [tensor("n n"), 1])),
        [("dropped-keepdim", "")],
    ),
    "the same, clamped in between": (
        (
            "operator.truediv",
            tensor("n n"),
            ops.apply("torch.clamp", [ops.apply("torch.sum", [tensor("n n"), 1])], {"min": 1}),
        ),
        [("dropped-keepdim", "")],
    ),
    "a bias": (("operator.add", tensor("b n d"), tensor("d")), []),
    "a mean of rows": (("operator.sub", tensor("n n"), ops.apply("torch.mean", [tensor("n n"), 0])), []),
    "kept dims": (
        ("operator.sub", tensor("n n"), ops.apply("torch.mean", [tensor("n n"), 1], {"keepdim": True})),
        [],
    ),
    "an outer product on purpose": (("operator.mul", tensor("b 1"), tensor("1 b")), []),
    "equal shapes": (("torch.nn.functional.mse_loss", tensor("b 1"), tensor("b 1")), []),
}


@pytest.mark.parametrize(("call", "expected"), NOTES.values(), ids=NOTES.keys())
def test_silent_broadcasting_is_noted(call: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    assert [(note.kind, note.level) for note in notes_of(*call)] == expected
