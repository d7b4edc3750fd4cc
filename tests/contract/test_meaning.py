"""What a contract accepts is what its annotations mean: against a brute-force model and against jaxtyping."""

from __future__ import annotations

from itertools import product
from typing import Any

import jaxtyping
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jaxtyping import Float, jaxtyped
from torch import Tensor, ones

from shapecheck import AnnotationError, ShapeError, contract
from tests.contract.signatures import (
    Claimed,
    alternatives,
    annotations,
    make,
    satisfiable,
    shape_strings,
    size_tables,
    tensors_near,
    values_near,
    words,
)

unhurried = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
bare_contract = contract(broadcast="allow", keepdim=False)


def accepts(function: Any, *arguments: Any) -> bool:
    try:
        function(*arguments)
    except ShapeError:
        return False
    return True


@unhurried
@given(st.data())
def test_tensors_are_accepted_if_and_only_if_some_sizes_fit_them_all(data: st.DataObject) -> None:
    strings = data.draw(st.lists(shape_strings(), min_size=2, max_size=4))
    strings[-1] = data.draw(st.sampled_from(strings))  # often dims that came before
    annotations = [data.draw(words)[Tensor, text] for text in strings]
    try:
        function = bare_contract(make(annotations[:-1], annotations[-1]))
    except AnnotationError:
        assume(False)
    for _ in range(4):
        sizes = data.draw(size_tables())
        tensors = [data.draw(tensors_near(annotation, sizes)) for annotation in annotations]
        *arguments, result = map(Claimed, annotations, tensors)
        fits = satisfiable(arguments) and satisfiable([result], settled=arguments)
        assert accepts(function, *tensors) == fits, [tuple(tensor.shape) for tensor in tensors]


@unhurried
@given(st.data())
def test_unions_and_containers_are_accepted_if_and_only_if_some_branches_and_sizes_fit(data: st.DataObject) -> None:
    hints = [data.draw(annotations()) for _ in range(data.draw(st.integers(1, 3)))]
    try:
        function = bare_contract(make(hints[:-1], hints[-1]))
    except AnnotationError:
        assume(False)
    for _ in range(3):
        sizes = data.draw(size_tables())
        values = [data.draw(values_near(hint, sizes)) for hint in hints]
        assert accepts(function, *values) == model_accepts(hints, values)


def model_accepts(hints: list[Any], values: list[Any]) -> bool:
    """The arguments alone, then with the result: no branch that the arguments chose is chosen again."""
    ways = product(*map(alternatives, hints[:-1], values[:-1]))
    chosen = next((way for way in map(_flat, ways) if satisfiable(way)), None)
    return chosen is not None and any(satisfiable(way, settled=chosen) for way in alternatives(hints[-1], values[-1]))


def _flat(way: tuple[list[Claimed], ...]) -> list[Claimed]:
    return [claim for claims in way for claim in claims]


in_order = st.sampled_from(["a", "b", "c", "2", "3", "_", "#3", "n=2", "a+1", "2*b", "a*b"])


@unhurried
@given(st.data())
def test_without_broadcasting_jaxtyping_agrees(data: st.DataObject) -> None:
    annotations = [
        data.draw(words)[Tensor, data.draw(shape_strings(in_order))] for _ in range(data.draw(st.integers(2, 4)))
    ]
    assume(not any("*#" in annotation.dim_str for annotation in annotations))
    try:
        function = bare_contract(make(annotations[:-1], annotations[-1]))
    except AnnotationError:
        assume(False)
    for _ in range(4):
        sizes = data.draw(size_tables())
        tensors = [data.draw(tensors_near(annotation, sizes)) for annotation in annotations]
        assert accepts(function, *tensors) == jaxtyping_accepts(annotations, tensors)


def jaxtyping_accepts(annotations: list[Any], tensors: list[Tensor]) -> bool:
    with jaxtyped("context"):
        try:
            return all(isinstance(tensor, annotation) for tensor, annotation in zip(tensors, annotations, strict=True))
        except jaxtyping.AnnotationError:  # an expression over a name that comes later: jaxtyping needs them in order
            assume(False)
            raise


def test_a_name_in_a_container_stands_for_the_sizes_of_several_tensors() -> None:
    @bare_contract
    def f(xs: list[Float[Tensor, "b c"]]) -> None: ...

    f([ones(2, 3), ones(2, 3)])
    with pytest.raises(ShapeError, match=r"`xs\[1\]` has c=4 on dim 1"):
        f([ones(2, 3), ones(2, 4)])


def test_several_dims_bound_by_an_optional_argument_are_exactly_those() -> None:
    @bare_contract
    def f(x: Float[Tensor, "*t"] | None, result: Tensor) -> Float[Tensor, "*t a"]:
        return result

    f(ones(1), ones(1, 5))
    with pytest.raises(ShapeError, match=r"the return value has \*t=\(0,\), but `x` made \*t=\(1,\)"):
        f(ones(1), ones(0, 1))
