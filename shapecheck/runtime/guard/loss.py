"""Rule `loss`: the input and the target of a loss differ in shape, and torch stretches one to the other.

torch warns for mse, l1, smooth_l1 and huber, is silent for kl_div, poisson_nll, gaussian_nll, multilabel_soft_margin
and hinge_embedding, and refuses the rest by itself. A scalar target is allowed (`mse_loss(score, torch.tensor(1.0))`),
and so is a difference that stretches nothing, such as (1, 8) against (8,). Spelling it out in the expression is no
excuse: nobody means a loss over all pairs, and one target for several predictions is `target.expand_as(input)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from shapecheck.core.errors import BroadcastError
from shapecheck.runtime.guard.active import Active
from shapecheck.runtime.guard.broadcast import broadcast_shape, fixes
from shapecheck.runtime.guard.calls import Arguments, Keywords, Op
from shapecheck.runtime.guard.report import Operand, Shape, expression_of, operands_at, report
from shapecheck.runtime.guard.site import site


def check(active: Active, op: Op, args: Arguments, kwargs: Keywords) -> None:
    """Look at the input and the target of a loss."""
    input_, target = _argument(0, args, kwargs, "input"), _argument(1, args, kwargs, "target")
    if not isinstance(input_, Tensor) or not isinstance(target, Tensor):
        return
    try:
        result = _stretched(tuple(input_.shape), tuple(target.shape))
    except RuntimeError:  # nested tensors have no shape
        return
    if result is None or (where := site()) is None:
        return
    prediction, truth = operands_at(where, active, args, (input_, target))
    given = f"{truth.shape} as the target of {prediction.shape}"
    report(
        active,
        BroadcastError,
        "loss",
        where,
        f"{expression_of(where, op)}: {getattr(op, '__name__', op)} stretches {given} to {result}",
        (prediction, truth),
        _fix(prediction, truth),
        result=result,
    )


def _fix(prediction: Operand, truth: Operand) -> str:
    if len(prediction.shape) >= len(truth.shape):
        fix = fixes(prediction, truth)
    else:
        fix = fixes(truth, prediction)
    if _numel(prediction.shape) == _numel(truth.shape):
        return fix
    return f"{fix}; if one target is meant for several predictions, say `{truth.text or 'target'}.expand_as(…)`"


def _argument(position: int, args: Arguments, kwargs: Mapping[str, Any], name: str) -> object:
    return args[position] if len(args) > position else kwargs.get(name)


def _stretched(input_: Shape, target: Shape) -> Shape | None:
    """The shape that both are stretched to, or None where nothing is stretched, or nothing can be."""
    if input_ == target or not target:
        return None
    result = broadcast_shape(input_, target)
    if result is None or _numel(result) == _numel(input_) == _numel(target):
        return None
    return result


def _numel(shape: Shape) -> int:
    count = 1
    for size in shape:
        count *= size
    return count
