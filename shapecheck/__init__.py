"""Tensor shape contracts and a static checker for PyTorch.

    from shapecheck import contract, check, dims, guard, install, ShapeError

Importing this package imports neither torch nor jaxtyping nor libcst: each public name is loaded when first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "AnnotationError": "shapecheck.core.errors",
    "BroadcastError": "shapecheck.core.errors",
    "DtypeError": "shapecheck.core.errors",
    "KeepdimError": "shapecheck.core.errors",
    "NonFiniteError": "shapecheck.core.errors",
    "SettingsError": "shapecheck.core.errors",
    "ShapeError": "shapecheck.core.errors",
    "ShapeWarning": "shapecheck.runtime.settings",
    "allow_broadcast": "shapecheck.runtime.guard",
    "check": "shapecheck.runtime.body",
    "configure": "shapecheck.runtime.settings",
    "contract": "shapecheck.runtime.contract",
    "dims": "shapecheck.runtime.body",
    "guard": "shapecheck.runtime.guard",
    "install": "shapecheck.runtime.import_hook",
}

_EXTENSION = ("load_ipython_extension", "unload_ipython_extension")  # of IPython: %load_ext shapecheck

__all__ = ["__version__", "enabled", *_HOME]

if TYPE_CHECKING:
    from shapecheck.core.errors import AnnotationError as AnnotationError
    from shapecheck.core.errors import BroadcastError as BroadcastError
    from shapecheck.core.errors import DtypeError as DtypeError
    from shapecheck.core.errors import KeepdimError as KeepdimError
    from shapecheck.core.errors import NonFiniteError as NonFiniteError
    from shapecheck.core.errors import SettingsError as SettingsError
    from shapecheck.core.errors import ShapeError as ShapeError
    from shapecheck.runtime.body import check as check
    from shapecheck.runtime.body import dims as dims
    from shapecheck.runtime.contract import contract as contract
    from shapecheck.runtime.guard import allow_broadcast as allow_broadcast
    from shapecheck.runtime.guard import guard as guard
    from shapecheck.runtime.import_hook import install as install
    from shapecheck.runtime.settings import ShapeWarning as ShapeWarning
    from shapecheck.runtime.settings import configure as configure

    enabled: bool


def __getattr__(name: str) -> Any:
    if name == "enabled":
        return import_module("shapecheck.runtime.settings").enabled()
    if name in _EXTENSION:
        return getattr(import_module("shapecheck.runtime.notebook"), name)
    if name not in _HOME:
        raise AttributeError(f"module 'shapecheck' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
