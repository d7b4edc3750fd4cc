"""Import a module of many functions under one checker: CPU seconds, memory, and the first call of a function.

python -m benchmarks.programs.functions CHECKER COUNT [--trace]
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from types import CodeType
from typing import Any

import torch

from benchmarks import contract as cases

SOURCE = """
@checker
def function{index}(x: Float[Tensor, "b t d"], y: Float[Tensor, "b s d"]) -> Float[Tensor, "b t d"]:
    return x
"""
HEADER = "from jaxtyping import Float\nfrom torch import Tensor\n"


def compiled(source: str) -> CodeType:
    return compile(source, __file__, "exec", dont_inherit=True)  # annotations are objects, as most people have them


def defined(count: int, module: dict[str, Any]) -> float:
    """Seconds that defining so many functions takes, without compiling them."""
    exec(compiled(HEADER), module)
    taken = 0.0
    for index in range(count):
        code = compiled(SOURCE.format(index=index))
        start = time.thread_time()
        exec(code, module)
        taken += time.thread_time() - start
    return taken


def resident() -> int:
    """The process's memory in bytes, now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def memory(traced: bool) -> int:
    return tracemalloc.get_traced_memory()[0] if traced else resident()


def first_call(module: dict[str, Any]) -> float:
    """Seconds that the first call of a function takes."""
    x, y, times = torch.zeros(2, 3, 5), torch.zeros(2, 4, 5), []
    for index in range(100):
        function: Callable[..., Any] = module[f"function{index}"]
        start = time.thread_time()
        function(x, y)
        times.append(time.thread_time() - start)
    return statistics.median(times)


def answers(checker: str, count: int, traced: bool) -> dict[str, float]:
    make = cases.CHECKERS.get(checker, lambda function: function)
    warm: dict[str, Any] = {"checker": make}
    defined(100, warm)  # what the first functions load isn't theirs
    module: dict[str, Any] = {"checker": make}
    if traced:
        tracemalloc.start()
    before = memory(traced)
    taken = defined(count, module)
    return {"seconds": taken, "bytes": memory(traced) - before, "first_call": first_call(module)}


if __name__ == "__main__":
    print(json.dumps(answers(sys.argv[1], int(sys.argv[2]), "--trace" in sys.argv)))
