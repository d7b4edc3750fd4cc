"""Search a log: which operation made the NaN or infinity that survived.

It counts where it reaches a result that nothing consumed: the loss, a returned tensor, a parameter. A mask of -inf that
ends in a softmax doesn't, nor `torch.where(d > 0, n / d, 0)`. From such a result the search walks back to the
operations that made something their inputs hadn't: anything of finite inputs, or NaN of infinite ones (0 * inf). What
was written as such (`masked_fill(m, -inf)`) is meant. Gradients are judged when their backward pass is over, so what
becomes of one later (clipping: inf * 0) is no second cause. Of several, the first to have run.
"""

from __future__ import annotations

from collections.abc import Sequence

from shapecheck.runtime.guard.finite import Event, Measure


def unconsumed(events: Sequence[Event]) -> list[Measure]:
    """The results that no later operation of the log read."""
    consumed = {id(measure) for event in events for _, measure in event.inputs}
    return [measure for event in events for measure in event.outputs if id(measure) not in consumed]


def first_cause(events: Sequence[Event], results: Sequence[Measure]) -> Event | None:
    """The first operation to blame for what `results` have; None if they are fine, or nothing here made it."""
    maker = {id(measure): place for place, event in enumerate(events) for measure in event.outputs}
    pending = _makers(results, maker)
    inherited = _inherited(events) if pending else set()
    causes: set[int] = set()
    visited: set[int] = set()
    while pending:
        visited.add(place := pending.pop())
        if _makes_it(events[place], inherited):
            causes.add(place)
        pending |= _makers(events[place].bad_inputs, maker) - visited
    return events[min(causes)] if causes else None


def _makers(measures: Sequence[Measure], maker: dict[int, int]) -> set[int]:
    return {maker[id(measure)] for measure in measures if measure.is_bad and id(measure) in maker}


def _inherited(events: Sequence[Event]) -> set[int]:
    """The measures of bad gradients, and of what was made of nothing else that is bad."""
    inherited: set[int] = set()
    for event in events:
        bad = event.bad_inputs
        if event.brings_gradients or (bad and all(id(measure) in inherited for measure in bad)):
            inherited.update(id(measure) for measure in event.outputs)
    return inherited


def _makes_it(event: Event, inherited: set[int]) -> bool:
    if event.meant or event.brings_gradients:
        return False
    bad = event.bad_inputs
    if not bad:
        return True
    if all(id(measure) in inherited for measure in bad):
        return False
    return any(measure.is_nan for measure in event.outputs) and not any(measure.is_nan for measure in bad)
