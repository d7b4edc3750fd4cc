"""Say which operation made a NaN or infinity: judge a log, and build the error."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from shapecheck.core.errors import NonFiniteError
from shapecheck.runtime.guard.calls import name_of
from shapecheck.runtime.guard.causes import first_cause, unconsumed
from shapecheck.runtime.guard.expression import operand_texts
from shapecheck.runtime.guard.finite import Event, Log, Measure
from shapecheck.runtime.guard.gradients import Gradient
from shapecheck.runtime.guard.raising import through_operators
from shapecheck.runtime.guard.scaled import is_expected
from shapecheck.runtime.guard.site import site_of
from shapecheck.runtime.settings import Place, violated

_MANY = 20_000


def judge(log: Log) -> None:
    """Raise, or warn of, what the log shows, and clear it."""
    _report(log, verdict(log))


def judge_if_full(log: Log) -> None:
    """Keep the log of a guard that never ends small: judge what is old enough to have met its use."""
    if len(log.events) >= _MANY:
        log.read_back()
        old = set(map(id, log.events[: _MANY // 2]))
        results = [made for event in log.events if id(event) in old for made in event.outputs]
        fresh = {id(made) for made in unconsumed(log.events)}
        _report(log, _verdict(log, [made for made in results if id(made) in fresh]))


def finish(log: Log, error: BaseException | None) -> None:
    """Judge `log` at the end of its guard; an exception that is on its way gets the verdict as a note."""
    log.is_open = False
    if error is None or isinstance(error, StopIteration | StopAsyncIteration | GeneratorExit | SystemExit):
        judge(log)
    elif not isinstance(error, NonFiniteError) and (found := verdict(log)) is not None:
        error.add_note(f"shapecheck: before this, {found}")


def verdict(log: Log) -> NonFiniteError | None:
    """The error that the log calls for, or None; the log is cleared."""
    log.read_back()
    return _verdict(log, unconsumed(log.events))


def _verdict(log: Log, results: Sequence[Measure]) -> NonFiniteError | None:
    events, gradients = log.events, log.gradients
    log.clear()
    cause = first_cause(events, results)
    if cause is not None:
        return _forward(cause)
    gradient = next((one for one in gradients if any(made.is_bad for made in one.outputs)), None)
    return None if gradient is None or is_expected(log) else _backward(gradient)


def _report(log: Log, error: Any) -> None:
    if error is not None:
        raised = through_operators(error) if log.is_open else error
        violated(raised, Place(error.filename, error.line), log.mode)


def _forward(event: Event) -> NonFiniteError:
    op = name_of(event.op).strip("_").removeprefix("linalg_")
    made = next(made for made in event.outputs if made.is_bad)
    of = "inputs without NaN" if event.bad_inputs else "finite inputs"
    return _error(event, f"{op} made {_what(made)} of {of}", ("(result)", made), _FORWARD.get(op, _ANY_FORWARD))


def _backward(gradient: Gradient) -> NonFiniteError:
    op = name_of(gradient.event.op).strip("_")
    made = next(made for made in gradient.outputs if made.is_bad)
    fix = _BACKWARD.get(gradient.node.rstrip("0123456789").removesuffix("Backward"), _ANY_BACKWARD)
    what = f"the backward of {op} ({gradient.node}) made {_what(made)} of finite gradients"
    return _error(gradient.event, what, ("(gradient)", made), fix, node=gradient.node)


def _error(event: Event, what: str, result: tuple[str, Measure], fix: str, **facts: Any) -> NonFiniteError:
    where = site_of(*event.at) if event.at else None
    texts = operand_texts(where.node if where else None, event.arguments)
    inputs = [(texts[place] if 0 <= place < len(texts) else "", measure) for place, measure in event.inputs[:8]]
    made = result[1]
    lines = [f"`{where.text}`: {what}" if where and where.text else what]
    lines += _table([*((text or "(input)", measure) for text, measure in inputs), result])
    lines += [f"    at {where}"] if where else []
    return NonFiniteError(
        "\n".join([*lines, f"    fix: {fix}"]),
        function=where.function if where else None,
        found=_kind(made),
        rule="finite",
        op=name_of(event.op),
        expression=(where.text or None) if where else None,
        filename=where.place.filename if where else "",
        line=where.place.line if where else 0,
        shape=made.shape,
        count=made.bad,
        ranges=[(text, measure.smallest, measure.largest) for text, measure in inputs],
        fix=fix,
        **facts,
    )


def _what(made: Measure) -> str:
    return _kind(made) if made.bad is None else f"{made.bad} {_kind(made)} in {made.size:_} values"


def _kind(made: Measure) -> str:
    if made.is_nan:
        return "NaN"
    return "inf" if math.isinf(made.largest) else "-inf"


def _table(rows: Sequence[tuple[str, Measure]]) -> list[str]:
    """What took part, the culprit last."""
    cells = [(text, str(measure.shape), measure.dtype, _range(measure)) for text, measure in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return [*("    " + line for line in lines[:-1]), "  > " + lines[-1]]


def _range(measure: Measure) -> str:
    return "has NaN" if measure.is_nan else f"from {measure.smallest:.4g} to {measure.largest:.4g}"


_ANY_FORWARD = "look at the range of its inputs"
_FORWARD: Mapping[str, str] = {
    "div": "the divisor reaches 0: add an epsilon, or `clamp(min=eps)` it",
    "truediv": "the divisor reaches 0: add an epsilon, or `clamp(min=eps)` it",
    "divide": "the divisor reaches 0: add an epsilon, or `clamp(min=eps)` it",
    "true_divide": "the divisor reaches 0: add an epsilon, or `clamp(min=eps)` it",
    "rdiv": "the divisor reaches 0: add an epsilon, or `clamp(min=eps)` it",
    "reciprocal": "its input reaches 0: add an epsilon",
    "log": "its input reaches 0 or below: `clamp(min=eps)`, or take `log_softmax`/`logsigmoid` of the logits",
    "log2": "its input reaches 0 or below: `clamp(min=eps)` it",
    "log10": "its input reaches 0 or below: `clamp(min=eps)` it",
    "log1p": "its input reaches -1 or below: `clamp` it",
    "sqrt": "its input is negative somewhere: `clamp(min=0)` it",
    "rsqrt": "its input reaches 0 or below: add an epsilon",
    "exp": "it overflows (float32 above 88.7, float16 above 11): subtract the maximum first, or use `logsumexp`",
    "pow": "a negative base with a fractional exponent, 0 with a negative one, or an overflow: clamp the base",
    "softmax": "a row of it is -inf throughout: leave at least one entry unmasked",
    "log_softmax": "a row of it is -inf throughout: leave at least one entry unmasked",
    "scaled_dot_product_attention": "a row of the mask hides everything: leave at least one position visible",
    "acos": "its input leaves [-1, 1]: `clamp` it",
    "asin": "its input leaves [-1, 1]: `clamp` it",
    "logit": "its input reaches 0 or 1: pass `eps=`",
    "matmul": "the products overflow the dtype: scale the inputs, or compute in float32",
    "linear": "the products overflow the dtype: scale the inputs, or compute in float32",
    "mean": "nothing to average over, or the sum overflows the dtype",
    "std": "one value has no unbiased deviation: pass `correction=0`, or more values",
    "var": "one value has no unbiased variance: pass `correction=0`, or more values",
    "cross_entropy": "every target is ignored, or a probability is 0",
}
_ANY_BACKWARD = "look at the values that its forward met: a derivative is infinite there, or 0 meets inf"
_BACKWARD: Mapping[str, str] = {
    "Sqrt": "the derivative of sqrt at 0 is infinite: add an epsilon under the root",
    "Rsqrt": "the derivative of rsqrt near 0 overflows: add an epsilon under the root",
    "Pow": "the derivative at 0 of an exponent below 1 is infinite: add an epsilon to the base",
    "Div": "the divisor is (almost) 0: add an epsilon, or `clamp(min=eps)` it",
    "Log": "the derivative of log at 0 is infinite: `clamp(min=eps)` its input",
    "Exp": "exp overflowed on entries that `where` or a mask hid: mask its input instead",
    "Where": "`where` hides a value, not its gradient: make the input safe first, `where(ok, x, 1)`",
    "Acos": "the derivative of acos at ±1 is infinite: clamp its input inside (-1, 1)",
    "Asin": "the derivative of asin at ±1 is infinite: clamp its input inside (-1, 1)",
    "Atan2": "both inputs are 0 somewhere: add an epsilon to one",
}
