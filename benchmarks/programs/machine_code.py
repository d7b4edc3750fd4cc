"""Loops of calls with a mark between them, for callgrind to count the machine's instructions of each.

Without torch, which takes minutes to import under valgrind: what is left of a contract in these modes doesn't know
what an array is.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from itertools import repeat
from types import FunctionType
from typing import Any

from beartype import beartype
from jaxtyping import Float, jaxtyped

from shapecheck import contract


class Array:
    shape, dtype = (2, 3), "float32"


def bare(x: Float[Array, "b c"], y: Float[Array, "b c"]) -> Float[Array, "b c"]:
    return x


def by_hand(x: Any, y: Any) -> Any:
    assert isinstance(x, Array) and x.dtype == "float32"
    b, c = x.shape
    assert isinstance(y, Array) and y.dtype == "float32" and y.shape == (b, c)
    return x


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "bare": bare,
    "contract": contract(bare),
    "asserts": by_hand,
    "jaxtyping+beartype": jaxtyped(typechecker=beartype)(bare),
}


def loop(function: Callable[..., Any], calls: int, x: Array) -> None:
    for _ in repeat(None, calls):
        function(x, x)


def main(calls: int) -> None:
    """A loop of `calls` and one of twice as many for each function; `getppid` is what callgrind knows as a mark."""
    x, mark = Array(), os.getppid
    for function in FUNCTIONS.values():
        own = FunctionType(loop.__code__.replace(), globals())  # the interpreter adapts code to what it calls
        own(function, calls, x)
        mark()
        own(function, calls, x)
        mark()
        own(function, 2 * calls, x)
        mark()


if __name__ == "__main__":
    main(int(sys.argv[1]))
    print(json.dumps(list(FUNCTIONS)))
