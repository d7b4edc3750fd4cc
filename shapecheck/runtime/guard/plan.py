"""Which rule looks at which operation, for given settings."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch.nn.functional as F

from shapecheck.runtime.guard import broadcast, keepdim, loss, named_views, names, ops
from shapecheck.runtime.guard.active import ACTIVE, Active, After, Before, Plan
from shapecheck.runtime.guard.calls import Op
from shapecheck.runtime.guard.finite import Log
from shapecheck.runtime.guard.nonfinite import judge
from shapecheck.runtime.settings import Settings, current


def settings_around() -> Settings:
    """The settings of the guard around us, else the process-wide ones."""
    outer = ACTIVE.get()
    return outer.settings if outer else current()


def guards_anything(settings: Settings) -> bool:
    """Whether any rule is on."""
    if settings.mode == "off":
        return False
    return settings.broadcast != "allow" or settings.loss or settings.keepdim or settings.dims or settings.finite


def activate(settings: Settings) -> Active:
    """A new stretch with these settings, inside the one that is running."""
    outer = ACTIVE.get()
    log = None
    if settings.finite and settings.mode != "off":
        log = outer.log if outer is not None and outer.log is not None else Log(settings.mode, judge)
    return Active(settings, plan(settings), outer, log)


@lru_cache(maxsize=256)
def plan(settings: Settings) -> Plan:
    """The rules by the operation that they look at."""
    before: dict[Op, list[Before]] = {}
    after: dict[Op, list[After]] = {}
    if not guards_anything(settings):
        return {}
    if settings.keepdim:
        _on(before, ops.POINTWISE | ops.IN_PLACE, keepdim.check)
        _on(after, frozenset(ops.REDUCTION), keepdim.note_reduction)
        _on(after, ops.POINTWISE | ops.IN_PLACE | ops.SAME_SHAPE, keepdim.carry)
    if settings.broadcast != "allow":
        _on(before, ops.POINTWISE | ops.IN_PLACE, broadcast.check)
    if settings.loss:
        _on(before, ops.LOSS, loss.check)
    if settings.dims:
        _on(before, ops.POINTWISE | ops.IN_PLACE | ops.LOSS | names.PRODUCTS | {F.linear}, names.check)
        _on(after, named_views.RESHAPES, named_views.check_reshape)
        pointwise = ops.POINTWISE | ops.IN_PLACE | ops.SAME_SHAPE
        _on(after, pointwise | named_views.VIEWS | names.PRODUCTS | {F.linear}, names.carry)
    return {op: (before.get(op, ()), after.get(op, ())) for op in before.keys() | after.keys()}


def _on(rules: dict[Op, list[Any]], kinds: frozenset[Op], rule: Before | After) -> None:
    for op in kinds:
        rules.setdefault(op, []).append(rule)
