"""What a `GradScaler` expects of overflows: they are how it finds its scale, and it skips the step that has one.

It multiplies the loss by the largest scale that works, and knows that one is too large by gradients that aren't finite.
So while its scale is above 1 those are no violation, nor is a loss that overflows as it is scaled. At a scale of 1
nothing is left to blame on the scale.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.amp.grad_scaler import GradScaler

from shapecheck.runtime.guard.calls import Op
from shapecheck.runtime.guard.site import runner

if TYPE_CHECKING:
    from shapecheck.runtime.guard.finite import Log

_MULTIPLICATIONS = frozenset({Tensor.mul, Tensor.__mul__, torch.mul})


def scales_loss(op: Op) -> bool:
    """Whether the operation being run is the multiplication in ``scaler.scale(loss)``."""
    if op not in _MULTIPLICATIONS:
        return False
    code = runner()
    return code is not None and code.co_filename.endswith("grad_scaler.py")  # torch has one for sharded models, too


def is_expected(log: Log) -> bool:
    """Whether gradients that aren't finite are a scaler's business."""
    if log.scale is not None:
        return bool(log.scale.largest > 1)
    if log.is_open:
        return False
    # The loss was scaled outside the guard, if at all: by any scaler of this process, for all that can be seen.
    return any(_scale(thing) > 1 for thing in gc.get_objects() if issubclass(type(thing), GradScaler))


def _scale(scaler: GradScaler) -> float:
    """The scale of one scaler, 1 until it has scaled something."""
    used = scaler.is_enabled() and getattr(scaler, "_scale", None) is not None
    return float(scaler.get_scale()) if used else 1.0
