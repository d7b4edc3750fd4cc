"""Compiled functions run eagerly while a guard looks on, so that what happens in them is seen and nothing recompiles.

`torch.compiler.set_stance` is process-wide and two threads that overlap leave the process eager for good, so the
stance is taken by the first guard that comes and given back by the last one that goes. A process that hasn't
imported torch._dynamo has compiled nothing and pays nothing.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import torch

_lock = threading.Lock()
_holders = 0
_stance: Any = None


def hold_eager() -> bool:
    """Have compiled functions run eagerly until `release_eager`; whether there is anything to release."""
    global _holders, _stance
    if "torch._dynamo.decorators" not in sys.modules:
        return False
    with _lock:
        if _holders == 0:
            try:
                _stance = torch.compiler.set_stance("force_eager")
            except RuntimeError:  # called from a compiled function between two of its graphs
                return False
        _holders += 1
    return True


def release_eager() -> None:
    """End what `hold_eager` began."""
    global _holders, _stance
    with _lock:
        _holders -= 1
        if _holders == 0:
            stance, _stance = _stance, None
            stance.__exit__(None, None, None)


def _in_forked_child() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_forked_child)
