"""What a guard raises: which class inside and outside, its facts, its traceback; and the mode "warn"."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from shapecheck.core.errors import BroadcastError, ShapeError
from shapecheck.runtime.guard import guard
from shapecheck.runtime.settings import ShapeWarning, configure
from tests.guard.programs import column_and_row


def outer(a: Tensor, b: Tensor) -> Tensor:
    return a * b


def test_error_passes_torch_operators_and_is_caught_by_its_class_inside_the_guard() -> None:
    """torch answers NotImplemented to any TypeError in an operator, which would hide ours."""
    a, b = column_and_row()
    with guard():
        for operation in (lambda: a - b, lambda: b.sub(a), lambda: b.__rsub__(a), lambda: a == b, lambda: 2 ** (a * b)):
            with pytest.raises(BroadcastError):
                operation()


def test_error_is_a_type_error_once_it_has_left_the_guard() -> None:
    with pytest.raises(TypeError) as caught, guard():
        outer(*column_and_row())
    assert type(caught.value) is BroadcastError
    assert type(caught.value).__mro__[:3] == (BroadcastError, ShapeError, TypeError)


def test_error_carries_its_facts_and_survives_pickling_and_copying() -> None:
    errors = []

    def program(a: Tensor, b: Tensor) -> None:
        try:
            outer(a, b)
        except ShapeError as inside:
            errors.extend([pickle.loads(pickle.dumps(inside)), copy.deepcopy(inside)])
            raise

    with pytest.raises(BroadcastError) as caught, guard():
        program(*column_and_row())
    errors += [caught.value, pickle.loads(pickle.dumps(caught.value)), copy.deepcopy(caught.value)]
    for error in errors:
        assert isinstance(error, BroadcastError)
        assert (error.rule, error.expression, error.function) == ("echo", "a * b", "outer")
        assert (error.argument, error.found, error.expected) == ("b", (4,), (4, 1))
        assert (error.shapes, error.result) == (((4, 1), (4,)), (4, 4))
        assert error.filename == __file__
        assert str(error) == str(caught.value)


def test_traceback_ends_at_the_users_line() -> None:
    with pytest.raises(BroadcastError) as caught, guard():
        nn.MSELoss()(*column_and_row())
    last = caught.traceback[-1]
    assert last.frame.code.path == Path(__file__)
    assert str(last.statement).strip() == "nn.MSELoss()(*column_and_row())"


def test_other_exceptions_pass_untouched() -> None:
    with pytest.raises(RuntimeError, match="must match the size") as caught, guard():
        outer(torch.rand(3), torch.rand(4))
    assert not isinstance(caught.value, ShapeError)


def test_warn_mode_warns_at_the_users_line_and_goes_on() -> None:
    with configure(mode="warn"), pytest.warns(ShapeWarning, match=r"`a \* b`: \(4, 1\) and \(4,\)") as caught, guard():
        shapes = [outer(*column_and_row()).shape for _ in range(2)]
    assert shapes == [(4, 4)] * 2
    assert [(warning.filename, len(caught)) for warning in caught] == [(__file__, 1)]


def test_mode_off_does_nothing() -> None:
    with configure(mode="off"), guard():
        assert torch._C._len_torch_function_stack() == 0
        outer(*column_and_row())
