"""What each import adds, in the order of a user's module: milliseconds of CPU and modules loaded.

python -m benchmarks.programs.imports [torch] PACKAGE…      where `contract` is `from shapecheck import contract`
"""

from __future__ import annotations

import importlib
import json
import sys
import time


def load(name: str) -> None:
    if name == "contract":
        getattr(importlib.import_module("shapecheck"), name)
    else:
        importlib.import_module(name)


def taken(name: str) -> tuple[float, int]:
    before, start = len(sys.modules), time.thread_time()
    load(name)
    return (time.thread_time() - start) * 1e3, len(sys.modules) - before


if __name__ == "__main__":
    print(json.dumps({name: taken(name) for name in sys.argv[1:]}))
