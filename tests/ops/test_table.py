"""The table as a whole: names, aliases, kinds, declarations that are refused."""

from __future__ import annotations

import pytest

from shapecheck.core import ops
from shapecheck.core.ops.modules.table import lookup_module
from shapecheck.core.ops.signatures import op, parse_declaration, parse_signature, words_of
from shapecheck.core.ops.table import parameters_of, spelled_out
from shapecheck.core.sizes import Size
from tests.ops.differential import torch_function
from tests.ops.shorthand import result, shape_of, tensor


def test_every_name_exists_in_torch() -> None:
    for name in (*ops.names(), *ops.module_names()):
        if name.startswith("torch."):
            torch_function(name)


def test_bare_words_stand_for_function_and_method() -> None:
    assert spelled_out("sum F.relu linalg.norm") == (
        "torch.sum",
        "torch.Tensor.sum",
        "torch.nn.functional.relu",
        "torch.linalg.norm",
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("torch.add", "pointwise"),
        ("torch.Tensor.add_", "pointwise"),
        ("operator.iadd", "pointwise"),
        ("operator.iand", "pointwise"),
        ("torch.where", "pointwise"),
        ("torch.sum", "reduction"),
        ("torch.Tensor.mean", "reduction"),
        ("torch.nn.functional.mse_loss", "loss"),
        ("torch.Tensor.view", "view"),
        ("torch.matmul", "matmul"),
        ("torch.zeros", "creation"),
        ("torch.no_such_op", ""),
    ],
)
def test_an_op_has_a_kind(name: str, kind: str) -> None:
    assert ops.kind(name) == kind


def test_numpys_spellings_are_torchs() -> None:
    x = tensor("b n d")
    assert result("torch.sum", x, axis=1, keepdims=True) == "b 1 d"
    assert result("torch.cat", [x, x], axis=-1) == "b n 2*d"
    assert result("torch.Tensor.permute", x, dims=(2, 0, 1)) == "d b n"


def test_keywords_that_say_nothing_of_shapes_are_ignored() -> None:
    assert result("torch.zeros", 2, 3, device="cuda", requires_grad=True) == "2 3"
    assert result("torch.nn.functional.relu", tensor("b n"), inplace=True) == "b n"


def test_a_signature_is_documented() -> None:
    assert ops.signature("torch.mm") == "torch.mm(input, mat2)\nn k, k m -> n m"
    assert ops.signature("torch.flip").startswith("torch.flip(input, *dims)")
    with pytest.raises(KeyError):
        ops.signature("torch.no_such_op")


def test_a_name_is_entered_once() -> None:
    with pytest.raises(ValueError, match=r"torch\.sum stands twice"):
        op("torch.sum(input)", "n -> ")


def test_a_parameters_annotation_says_how_it_is_read() -> None:
    with pytest.raises(KeyError):
        parameters_of(_annotated_by_no_reader)


def test_every_declaration_can_be_read() -> None:
    for name in ops.names():
        assert isinstance(ops.signature(name), str)
    for name in ops.module_names():
        module = lookup_module(name)
        assert module is not None and all(parameter.name.isidentifier() for parameter in module.constructor)


def _annotated_by_no_reader(input: bytes) -> None:
    return None


def test_declarations_are_parsed() -> None:
    declaration = "addmm mm(input, mat, beta=1, *rest, **options)"
    words, parameters = words_of(declaration), parse_declaration(declaration)
    assert words == "addmm mm"
    assert [parameter.name for parameter in parameters] == ["input", "mat", "beta", "rest", "options"]
    assert parameters[2].default == Size.of(1)
    assert [str(spec) for spec in parse_signature("*b n k, k -> *b n").inputs] == ["*b n k", "k"]


def test_broadcast_dims_are_solved_after_the_others() -> None:
    assert result("torch.addmm", tensor("1 m"), tensor("n k"), tensor("k m")) == "n m"
    assert result("torch.addmm", tensor("m"), tensor("n k"), tensor("k m")) == "n m"


def test_in_place_ops_give_their_first_operand() -> None:
    assert shape_of(ops.apply("torch.Tensor.add_", [tensor("b n"), tensor("n")])) == "b n"
    assert shape_of(ops.apply("torch.Tensor.unsqueeze_", [tensor("b n"), 0])) == "1 b n"
