"""Rule `finite`: the operation that made a NaN or infinity is named, one that did no harm isn't."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shapecheck.core.errors import NonFiniteError
from shapecheck.runtime.guard import guard
from shapecheck.runtime.places import place_text
from shapecheck.runtime.settings import Place, ShapeWarning

Program = Callable[[], object]


def zero_row() -> Tensor:
    x = torch.rand(4, 5)
    x[2] = 0
    return x


def divide_by_zero() -> Tensor:
    x = zero_row()
    return x / x.norm(dim=1, keepdim=True)


def zero_over_zero_then_more() -> Tensor:
    d = torch.tensor([0.0, 1.0])
    y = d / d
    return (y * 2 + 1).sum()


def log_of_zero() -> Tensor:
    return torch.tensor([0.0, 0.5]).log().mean()


def root_of_negative() -> Tensor:
    x = torch.tensor([0.5, 0.25])
    return (x - 0.5).sqrt() + 1


def exp_overflows() -> Tensor:
    x = torch.tensor([1.0, 100.0])
    return x.exp() / x.exp().sum()


def row_without_anything_visible() -> Tensor:
    mask = torch.tensor([[False, True], [True, True]])
    scores = torch.rand(2, 2).masked_fill(mask, float("-inf"))
    return scores.softmax(-1).sum()


def deviation_of_one_value() -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.rand(3, 1).std(1)


def half_precision_overflow() -> Tensor:
    x = torch.full((4, 300), 60.0, dtype=torch.float16)
    return x @ x.T


def in_place() -> Tensor:
    x = torch.tensor([0.0, 1.0])
    x.log_()
    return x * 2


def written_by_index() -> Tensor:
    x, y = torch.zeros(3), torch.tensor([0.0])
    x[:1] = 1 / y
    return x + 1


def infinity_minus_infinity() -> Tensor:
    hidden = torch.full((3,), float("inf"))
    return hidden - hidden


CAUGHT: list[tuple[Program, str, str]] = [
    (divide_by_zero, "x / x.norm(dim=1, keepdim=True)", "NaN"),
    (zero_over_zero_then_more, "d / d", "NaN"),
    (log_of_zero, "torch.tensor([0.0, 0.5]).log()", "-inf"),
    (root_of_negative, "(x - 0.5).sqrt()", "NaN"),
    (exp_overflows, "x.exp()", "inf"),
    (row_without_anything_visible, "scores.softmax(-1)", "NaN"),
    (deviation_of_one_value, "torch.rand(3, 1).std(1)", "NaN"),
    (half_precision_overflow, "x @ x.T", "inf"),
    (in_place, "x.log_()", "-inf"),
    (written_by_index, "1 / y", "inf"),
    (infinity_minus_infinity, "hidden - hidden", "NaN"),
]


@pytest.mark.parametrize(("program", "expression", "kind"), CAUGHT, ids=[case[0].__name__ for case in CAUGHT])
def test_names_the_operation_that_made_it(program: Program, expression: str, kind: str) -> None:
    with pytest.raises(NonFiniteError) as caught, guard(finite=True):
        program()
    error = caught.value
    assert (error.expression, error.found, error.function) == (expression, kind, program.__name__)
    assert error.filename == __file__
    assert str(error).startswith(f"`{expression}`: ")


def test_message_tells_op_line_shapes_count_and_the_range_of_the_inputs() -> None:
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    with pytest.raises(NonFiniteError) as caught, guard(finite=True):
        _ = x / x.norm(dim=1, keepdim=True)
    line = caught.value.line
    assert str(caught.value) == (
        "`x / x.norm(dim=1, keepdim=True)`: div made 2 NaN in 4 values of finite inputs\n"
        "    x                            (2, 2)  float32  from 0 to 4\n"
        "    x.norm(dim=1, keepdim=True)  (2, 1)  float32  from 0 to 5\n"
        "  > (result)                     (2, 2)  float32  has NaN\n"
        f"    at {place_text(Place(__file__, line))}, in {caught.value.function}\n"
        "    fix: the divisor reaches 0: add an epsilon, or `clamp(min=eps)` it"
    )
    assert (caught.value.count, caught.value.shape, caught.value.op) == (2, (2, 2), "div")
    assert caught.value.ranges == [("x", 0.0, 4.0), ("x.norm(dim=1, keepdim=True)", 0.0, 5.0)]


def causal_mask() -> Tensor:
    mask = torch.full((4, 4), float("-inf")).triu(1)
    return (torch.rand(4, 4) + mask).softmax(-1)


def masked_fill() -> Tensor:
    return torch.rand(4, 4).masked_fill(torch.rand(4, 4) > 2, float("-inf")).log_softmax(-1)


def mask_returned() -> Tensor:
    mask = torch.zeros(4, 4)
    mask[0, 1:] = float("-inf")
    return mask


def top_k_logits() -> Tensor:
    logits = torch.rand(2, 9)
    return torch.where(logits < logits.topk(3).values[:, -1:], float("-inf"), logits)


def safe_division() -> Tensor:
    d = torch.tensor([0.0, 2.0])
    return torch.where(d > 0, 1 / d, 0.0)


def relative_position_bucket() -> Tensor:
    """T5's: the logarithm of 0 is cast to an integer that nobody looks at."""
    distance = torch.arange(12)
    far = (4 + (distance.float() / 4).log() / math.log(3) * 4).to(torch.long)
    return torch.where(distance < 4, distance, far.clamp(max=7))


def nan_to_num() -> Tensor:
    d = torch.tensor([0.0, 2.0])
    return (d / d).nan_to_num()


def missing_values() -> Tensor:
    labels = torch.tensor([1.0, float("nan"), 3.0])
    known = ~labels.isnan()
    return (labels[known] - 1).mean()


def running_minimum() -> Tensor:
    best = torch.tensor(float("inf"))
    for value in torch.rand(3):
        best = torch.minimum(best, value)
    return best


def uninitialized_memory() -> Tensor:
    buffer = torch.empty(1000)
    buffer.fill_(float("nan"))
    x = torch.empty_like(buffer)
    return x.normal_()


def integers_and_booleans() -> Tensor:
    return (torch.arange(4) // 2 == 1).sum()


def training() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.ReLU(), nn.Linear(4, 3))
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(3):
        loss = F.cross_entropy(model(torch.rand(6, 4)), torch.tensor([0, 1, 2, -100, 1, 2]))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


def attention_with_padding() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    padding = torch.tensor([[False, False, True], [False, True, True]])
    layer(torch.rand(2, 3, 8), src_key_padding_mask=padding).sum().backward()


def inference_mode() -> Tensor:
    with torch.inference_mode():
        return nn.Linear(3, 3)(torch.rand(2, 3)).softmax(-1).log()


def view_made_without_gradients() -> None:
    """Its `grad_fn` can't even be asked for."""
    base = torch.rand(4, requires_grad=True) * 1
    with torch.no_grad():
        view = base[0:1]
    base.mul_(2)
    with torch.no_grad():
        view.fill_(0)
        _ = view + 1


def what_cannot_be_measured() -> None:
    _ = torch.rand(3, 3).to_sparse() * 2
    _ = torch.rand(3).to(torch.float8_e4m3fn)
    _ = torch.rand(3, device="meta") / 0
    _ = torch.rand(0).sum()
    torch.vmap(lambda row: row / 2)(torch.rand(3, 3))
    _ = torch.complex(torch.rand(3), torch.rand(3)).abs()


HEALTHY: list[Program] = [
    relative_position_bucket, causal_mask, masked_fill, mask_returned, top_k_logits, safe_division, nan_to_num,
    missing_values, running_minimum, uninitialized_memory, integers_and_booleans, training, attention_with_padding,
    inference_mode, view_made_without_gradients, what_cannot_be_measured,
]  # fmt: skip


@pytest.mark.parametrize("program", HEALTHY, ids=lambda program: program.__name__)
def test_what_does_no_harm_is_silent(program: Program) -> None:
    with guard(finite=True):
        program()


def test_gradient_is_named_by_its_operation_and_forward_line() -> None:
    weight = torch.zeros(3, requires_grad=True)
    with pytest.raises(NonFiniteError) as caught, guard(finite=True):
        (weight * 2).sqrt().sum().backward()
    assert (caught.value.expression, caught.value.node, caught.value.found) == (
        "(weight * 2).sqrt()",
        "SqrtBackward0",
        "inf",
    )
    assert "the backward of sqrt (SqrtBackward0) made 3 inf in 3 values of finite gradients" in str(caught.value)


def test_bad_gradient_stops_the_step_before_it_reaches_the_parameters() -> None:
    weight = nn.Parameter(torch.zeros(3))
    optimizer = torch.optim.SGD([weight])

    def train() -> None:
        for _ in range(2):
            weight.sqrt().sum().backward()
            optimizer.step()

    with pytest.raises(NonFiniteError), guard(finite=True):
        train()
    assert torch.equal(weight.detach(), torch.zeros(3))


def test_gradient_that_is_asked_for_is_named_like_that_of_a_backward() -> None:
    x = torch.zeros(3, requires_grad=True)
    with pytest.raises(NonFiniteError) as caught, guard(finite=True):
        torch.autograd.grad(x.sqrt().sum(), x)
    assert (caught.value.expression, caught.value.node) == ("x.sqrt()", "SqrtBackward0")


def test_what_becomes_of_a_bad_gradient_is_reported_once() -> None:
    weight = nn.Parameter(torch.zeros(3))

    def clip() -> None:
        weight.sqrt().sum().backward()
        nn.utils.clip_grad_norm_([weight], 1.0)  # inf * 0

    with pytest.warns(ShapeWarning) as caught, guard(finite=True, mode="warn"):
        clip()
    assert ["SqrtBackward0" in str(warning.message) for warning in caught] == [True]


def test_what_where_hides_comes_back_in_its_gradient() -> None:
    x = torch.zeros(3, requires_grad=True)
    with pytest.raises(NonFiniteError, match="SqrtBackward0"), guard(finite=True):
        torch.where(x > 0, x.sqrt(), x).sum().backward()


def test_backward_after_the_guard_is_judged_when_it_is_over() -> None:
    @guard(finite=True)
    def forward(weight: Tensor) -> Tensor:
        return weight.sqrt().sum()

    weight = torch.zeros(3, requires_grad=True)
    loss = forward(weight)
    with pytest.raises(NonFiniteError, match=r"`weight.sqrt\(\)`: the backward of sqrt"):
        loss.backward()


def test_every_call_is_checked() -> None:
    @guard(finite=True)
    def inverse(x: Tensor) -> Tensor:
        return 1 / x

    for _ in range(5):
        inverse(torch.ones(3))
    with pytest.raises(NonFiniteError):
        inverse(torch.zeros(3))


def test_input_that_was_bad_already_is_not_the_functions_doing() -> None:
    with guard(finite=True):
        _ = torch.tensor([float("nan"), 1.0]) * 2 + 1


def test_another_exception_carries_the_verdict_as_a_note() -> None:
    probabilities = torch.tensor([0.0, 0.0])
    with pytest.raises(ValueError, match="invalid values") as caught, guard(finite=True):
        torch.distributions.Categorical(probabilities / probabilities.sum(), validate_args=True)
    assert any("`probabilities / probabilities.sum()`: div made 2 NaN" in note for note in caught.value.__notes__)


def test_program_that_exits_gets_the_verdict_all_the_same() -> None:
    def program() -> None:
        torch.zeros(3).log()
        sys.exit(0)

    with pytest.raises(NonFiniteError, match="log made") as caught, guard(finite=True):
        program()
    assert isinstance(caught.value.__context__, SystemExit)


def test_warn_mode_warns_once_and_goes_on() -> None:
    guarded = guard(finite=True, mode="warn")(log_of_zero)
    with pytest.warns(ShapeWarning, match="log made") as caught:
        results = [guarded() for _ in range(3)]
    assert len(results) == 3
    assert [(warning.filename, len(caught)) for warning in caught] == [(__file__, 1)]


def test_inner_guards_share_the_log_of_the_outer_one() -> None:
    @guard(finite=True)
    def inner(x: Tensor) -> Tensor:
        return x.log()

    with guard(finite=True):
        mask = inner(torch.zeros(3))
        torch.where(mask.isinf(), 0.0, mask)  # consumed further out: no harm


def test_a_guard_that_never_ends_keeps_its_log_small(monkeypatch: pytest.MonkeyPatch) -> None:
    from shapecheck.runtime.guard import nonfinite
    from shapecheck.runtime.guard.active import ACTIVE

    monkeypatch.setattr(nonfinite, "_MANY", 100)
    with guard(finite=True):
        for _ in range(500):
            torch.ones(3).exp()
        active = ACTIVE.get()
        assert active is not None
        assert active.log is not None
        assert len(active.log.events) < 100

    def endless() -> None:
        for step in range(500):
            (torch.ones(3) * (step != 5)).reciprocal().neg()

    with pytest.raises(NonFiniteError, match="reciprocal made 3 inf"), guard(finite=True):
        endless()
    with guard(finite=True):
        for _ in range(500):
            torch.where(torch.ones(3) > 0, 1.0, torch.zeros(3).reciprocal())


def test_agrees_with_anomaly_detection_on_which_backward_is_to_blame() -> None:
    """torch's own tool says the same of gradients, is silent on forwards, and costs a stack trace per operation."""

    def program() -> None:
        x = torch.zeros(3, requires_grad=True)
        (x.sqrt() * 0).sum().backward()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(RuntimeError, match="'SqrtBackward0' returned nan"), torch.autograd.set_detect_anomaly(True):
            program()
        with torch.autograd.set_detect_anomaly(True):
            divide_by_zero()
    with pytest.raises(NonFiniteError) as caught, guard(finite=True):
        program()
    assert caught.value.node == "SqrtBackward0"
