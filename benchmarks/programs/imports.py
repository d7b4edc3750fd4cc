"""What each step of a user's module adds: milliseconds of CPU and modules loaded.

python -m benchmarks.programs.imports STEP…

A step is a package to import; `contract`, which is ``from shapecheck import contract``; or `decoration`, which puts a
first function under contract.
"""

from __future__ import annotations

import importlib
import json
import sys
import time


def load(name: str) -> None:
    match name:
        case "contract":
            getattr(importlib.import_module("shapecheck"), name)
        case "decoration":
            decorate()
        case _:
            importlib.import_module(name)


class Array:
    shape, dtype = (2, 3), "float32"


def decorate() -> None:
    from jaxtyping import Float

    from shapecheck import contract

    @contract
    def function(x: Float[Array, "b c"]) -> Float[Array, "b c"]:
        return x


def taken(name: str) -> tuple[float, int]:
    before, start = len(sys.modules), time.thread_time()
    load(name)
    return (time.thread_time() - start) * 1e3, len(sys.modules) - before


if __name__ == "__main__":
    print(json.dumps({name: taken(name) for name in sys.argv[1:]}))
