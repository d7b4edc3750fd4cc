"""One call of each checker's function of three tensors of four dims: its time, what it executes, what it rejects.

After that, as timing comes first, what `identity` finds.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks import contract as cases
from benchmarks import measure
from benchmarks.counting import count
from benchmarks.programs import identity
from shapecheck import guard

PAST_FIRST_CALLS = 5000  # guards look at the calls number 1, 2, 4, … 4096


def attend_raising(q: Any, k: Any, v: Any) -> Any:
    """`attend_by_hand` with errors that `-O` leaves in."""
    if not isinstance(q, Tensor) or q.dtype not in cases.FLOATS:
        raise TypeError("q")
    b, h, t, d = q.shape
    if not isinstance(k, Tensor) or k.dtype not in cases.FLOATS:
        raise TypeError("k")
    kb, kh, s, kd = k.shape
    if kb != b or kh != h or kd != d:
        raise ValueError("k")
    if not isinstance(v, Tensor) or v.dtype not in cases.FLOATS:
        raise TypeError("v")
    vb, vh, vs, vd = v.shape
    if vb != b or vh != h or vs != s or vd != d:
        raise ValueError("v")
    result = q
    if not isinstance(result, Tensor) or result.dtype not in cases.FLOATS:
        raise TypeError("result")
    rb, rh, rt, rd = result.shape
    if rb != b or rh != h or rt != t or rd != d:
        raise ValueError("result")
    return result


def variants() -> dict[str, Callable[..., Any]]:
    made: dict[str, Callable[..., Any]] = {"bare": cases.attend, "asserts": cases.attend_by_hand}
    made["if … raise"] = attend_raising
    made |= {name: checker(cases.attend) for name, checker in cases.CHECKERS.items()}
    return made | {"guard alone": guard(cases.attend)}


def rejects(function: Callable[..., Any]) -> bool:
    """Whether a call whose `v` has another length than its `k` is an error."""
    try:
        function(cases.q, cases.k, cases.q)
    except Exception:
        return True
    return False


def answers(options: measure.Options) -> list[dict[str, Any]]:
    functions = variants()
    calls = {name: partial(function, cases.q, cases.k, cases.k) for name, function in functions.items()}
    for call in calls.values():
        for _ in range(PAST_FIRST_CALLS):
            call()
    bare = {name for name, function in functions.items() if function is cases.attend}
    times = timed(calls, bare, options) | timed(calls, functions.keys() - bare | {"bare"}, options)
    rows = []
    for name, call in calls.items():
        counts, slower = count(call), measure.ratio(*times[name])
        rows.append(
            {
                "checker": name,
                "same": functions[name] is cases.attend,
                "nanoseconds": measure.median(times[name][0]),
                "ratio": [slower.median, slower.low, slower.high],
                "instructions": counts.instructions,
                "frames": counts.frames,
                "rejects": rejects(functions[name]),
            }
        )
    return rows


def timed(
    calls: Mapping[str, partial[object]], names: Collection[str], options: measure.Options
) -> dict[str, tuple[list[float], list[float]]]:
    """The times of these calls, each with those of the bare one in the same rounds.

    Where objects happen to lie in memory makes the same function up to 4 % faster or slower for as long as they live,
    so the calls are made anew, in another order, for every few rounds.
    """
    chosen, shuffle = sorted(names), random.Random(0)
    times: dict[str, list[float]] = {name: [] for name in chosen}
    for _ in range(options.rounds(41)):
        shuffle.shuffle(chosen)
        made_anew = {name: partial(calls[name].func, *calls[name].args) for name in chosen}
        for name, some in measure.interleaved(made_anew, rounds=5, seconds=0.0005 if options.quick else 0.005).items():
            times[name] += some
    return {name: (each, times["bare"]) for name, each in times.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    found = answers(measure.Options(quick="--quick" in sys.argv))
    print(json.dumps({"calls": found, "identity": identity.answers()}))
