"""Symbolic sizes through the ops: what comes out, said in the annotation grammar."""

from __future__ import annotations

import pytest

from shapecheck.core import ops
from shapecheck.core.equality import Divides
from shapecheck.core.sizes import Size
from shapecheck.core.tensors import FLOAT, UNKNOWN, Opaque, Repeated, Slice, TensorValue
from tests.ops.shorthand import notes_of, result, shape_of, size, tensor

X = tensor("b n d")

CASES = {
    "the product of a projection": (("torch.matmul", X, tensor("d e")), "b n e"),
    "batches broadcast": (("operator.matmul", tensor("1 n d"), tensor("b d m")), "b n m"),
    "a bias of a row": (("operator.add", X, tensor("d")), "b n d"),
    "a number keeps the shape": (("operator.mul", X, FLOAT), "b n d"),
    "heads are split": (("torch.Tensor.view", X, size("b"), size("n"), size("h"), size("d//h")), "b n h d//h"),
    "heads are split by -1": (("torch.Tensor.view", X, size("b"), size("n"), size("h"), -1), "b n h d//h"),
    "heads are merged": (("torch.Tensor.reshape", tensor("b n h e"), size("b"), size("n"), -1), "b n e*h"),
    "everything is flattened": (("torch.flatten", X, 1), "b d*n"),
    "qkv in one": (("torch.Tensor.chunk", tensor("b n 3*d"), 3, -1), ["b n d", "b n d", "b n d"]),
    "qkv split": (("torch.Tensor.split", tensor("b n 3*d"), size("d"), -1), ["b n d", "b n d", "b n d"]),
    "unknown number of parts": (("torch.Tensor.split", X, 4, 1), ["b 4 d", "n//4 times"]),
    "unbound by a symbol": (("torch.Tensor.unbind", X, 1), ["b d", "n times"]),
    "a list of unknown length is stacked": (("torch.stack", Repeated(tensor("b d"), size("k"))), "k b d"),
    "a list of unknown length is joined": (("torch.cat", Repeated(tensor("b d"), size("k")), 1), "b d*k"),
    "joined sizes add up": (("torch.cat", [X, tensor("b m d")], 1), "b m+n d"),
    "the last position": (("operator.getitem", X, (Slice(), size("1") * -1)), "b d"),
    "all but the last": (("operator.getitem", X, (Slice(), Slice(None, size("1") * -1))), "b n-1 d"),
    "from a start on": (("operator.getitem", X, (Slice(), Slice(size("k"), None))), "b n-k d"),
    "a window": (("operator.getitem", X, (Slice(), Slice(size("i"), size("i+5")))), "b 5 d"),
    "every second": (("operator.getitem", X, (Slice(), Slice(None, None, Size.of(2)))), "b (n+1)//2 d"),
    "a new dim": (("operator.getitem", X, (Ellipsis, None)), "b n d 1"),
    "an unknown slice keeps the rank": (("operator.getitem", X, (Slice(UNKNOWN), 0)), "? d"),
    "a mask picks some": (("operator.getitem", X, tensor("b n", "bool")), "? d"),
    "rows of indices": (("operator.getitem", tensor("v d"), tensor("b n", "int64")), "b n d"),
    "a strided convolution": (
        ("torch.conv2d", tensor("b 3 h w"), tensor("8 3 3 3"), None, 2, 1),
        "b 8 (h+1)//2 (w+1)//2",
    ),
    "pooled by two": (("torch.max_pool2d", tensor("b c h w"), 2), "b c h//2 w//2"),
    "scaled up": (("torch.nn.functional.interpolate", tensor("b c h w"), None, 2.0), "b c 2*h 2*w"),
    "padded": (("torch.nn.functional.pad", tensor("b c h"), (1, 2)), "b c h+3"),
    "numbers up to a symbol": (("torch.arange", size("n")), "n"),
    "in steps": (("torch.arange", 0, size("n"), 2), "(n+1)//2"),
    "the one-hot of labels": (("torch.nn.functional.one_hot", tensor("b n", "int64"), size("c")), "b n c"),
    "the top ones": (("torch.topk", X, size("k")), ["b n k", "b n k"]),
    "an unknown rank stays unknown": (("operator.add", TensorValue(None), X), "..."),
}


@pytest.mark.parametrize(("call", "expected"), CASES.values(), ids=CASES.keys())
def test_sizes_stay_symbolic(call: tuple[str, ...], expected: object) -> None:
    assert result(*call) == expected


def test_einops_divides_by_the_sizes_given() -> None:
    patches = "b c (h p) (w q) -> b (h w) (p q c)"
    assert result("einops.rearrange", tensor("b c 4*h 4*w"), patches, p=4, q=4) == "b h*w 16*c"
    assert result("einops.rearrange", X, "b n (h e) -> b h n e", h=size("h")) == "b h n d//h"


def test_divisibility_is_noted_not_refused() -> None:
    notes = notes_of("torch.Tensor.view", X, size("b"), size("n"), size("h"), -1)
    assert [note.condition for note in notes] == [Divides(size("d"), size("h"))]


def test_modules_take_symbolic_sizes() -> None:
    hyper = ops.construct("torch.nn.Linear", [size("d"), size("4*d")])
    assert shape_of(ops.apply_module("torch.nn.Linear", hyper, [X])) == "b n 4*d"
    assert {name: shape_of(value) for name, value in ops.module_state("torch.nn.Linear", hyper).items()} == {
        "weight": "4*d d",
        "bias": "4*d",
    }


def test_a_module_made_with_unknown_arguments_says_nothing() -> None:
    hyper = ops.construct("torch.nn.Linear", [UNKNOWN, UNKNOWN])
    assert ops.apply_module("torch.nn.Linear", hyper, [X]) == UNKNOWN


@pytest.mark.parametrize("name", ["torch.nn.Linear", "torch.nn.modules.linear.Linear"])
def test_modules_are_found_by_either_name(name: str) -> None:
    assert ops.known_module(name)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("torch.sum", [UNKNOWN]),
        ("torch.no_such_op", [X]),
        ("torch.sum", [X, Opaque("str")]),
        ("torch.sum", [X, 1, True, "surplus", 4]),
        ("torch.cat", [UNKNOWN]),
        ("einops.rearrange", [X, Opaque("str")]),
    ],
)
def test_what_is_not_understood_is_unknown_and_never_an_error(name: str, args: list[object]) -> None:
    value = ops.apply(name, args, {})  # type: ignore[arg-type]
    assert value == UNKNOWN or value == TensorValue(None)


NOTHING = TensorValue(None)

PARTLY_KNOWN = {
    "a view says the rank": (("torch.Tensor.view", NOTHING, size("b"), -1, 64), "b ? 64"),
    "a view by unknown sizes too": (("torch.Tensor.view", X, UNKNOWN, Opaque("int")), "? ?"),
    "a pattern says the rank": (("einops.rearrange", UNKNOWN, "b (h d) -> b h d"), "? ? ?"),
    "a sum over an unknown operand": (("einops.einsum", X, UNKNOWN, "b n d, d e -> b n e"), "b n ?"),
    "letters over an unknown operand": (("torch.einsum", "bnd,de->bne", X, NOTHING), "b n ?"),
    "an unknown tensor in a stack": (("torch.stack", [tensor("b d"), UNKNOWN]), "2 b d"),
    "an unknown tensor among others": (("torch.cat", [UNKNOWN, X], 1), "b ? d"),
    "an in-place op on an unknown mask": (("torch.Tensor.masked_fill_", X, NOTHING, 0), "b n d"),
    "an index of unknown dtype": (("operator.getitem", X, tensor("k", None)), "? n d"),
    "a size that may be anything": (("torch.zeros", size("b"), UNKNOWN), "b ?"),
    "sizes that may be anything": (("torch.nn.functional.pad", X, (0, 0, UNKNOWN, UNKNOWN)), "b ? d"),
    "one argument that may be all the sizes": (("torch.zeros", UNKNOWN), "..."),
}


@pytest.mark.parametrize(("call", "expected"), PARTLY_KNOWN.values(), ids=PARTLY_KNOWN.keys())
def test_what_is_known_is_kept(call: tuple[str, ...], expected: str) -> None:
    found = result(*call)
    assert " ".join("?" if "?" in word else word for word in found.split()) == expected
