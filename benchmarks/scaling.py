"""How the cost of a contract grows: with dims, arguments, containers, nesting, functions, threads, changing shapes.

"contract" checks only annotations, "contract, guarded" is the default with its guards, "asserts" is what one would
write by hand. beartype, with jaxtyping or without, looks at one random item of a list or dict; contracts look at all.
"""

# No `from __future__ import annotations`: beartype without shapes is made from annotations that are objects.

import itertools
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks import contract as cases
from benchmarks import measure, modes
from benchmarks.measure import Options, Table, nanoseconds
from shapecheck import contract, guard

Function = Callable[..., Any]
PAST_FIRST_CALLS = 5000  # guards look at the calls number 1, 2, 4, … 4096
GUARDED = "contract, guarded"


def run(options: Options) -> Iterator[Table]:
    torch.set_num_threads(1)
    yield dims(options)
    yield arguments(options)
    yield lists(options)
    yield dicts(options)
    yield nesting(options)
    yield changing_shapes(options)
    yield threads(options)
    yield functions(options)


# --- dims and arguments: every checker ---------------------------------------------------------------------------


def dims(options: Options) -> Table:
    counts = (1, 4, 8) if options.quick else tuple(range(1, 9))
    by_count = {n: over_bare([Float[Tensor, _names(n)]], [torch.zeros([2] * n)], options) for n in counts}
    return _growth("1 argument of n dims", "dims of the argument", "dim", by_count)


def arguments(options: Options) -> Table:
    counts = (1, 4, 12) if options.quick else tuple(range(1, 13))
    hint, value = Float[Tensor, "b h t d"], torch.zeros(2, 4, 8, 16)
    by_count = {n: over_bare([hint] * n, [value] * n, options) for n in counts}
    return _growth("n arguments of 4 dims", "arguments of 4 dims", "argument", by_count)


def _names(count: int) -> str:
    return " ".join(f"d{index}" for index in range(count))


def over_bare(hints: Sequence[Any], values: Sequence[Tensor], options: Options) -> dict[str, float]:
    """What each checker adds to a call, in nanoseconds."""
    bare, by_hand = _bare(hints), _asserts([len(value.shape) for value in values], shared=hints[0])
    made = {"bare": bare, "asserts": by_hand, **{name: checker(bare) for name, checker in cases.CHECKERS.items()}}
    calls = {name: partial(function, *values) for name, function in made.items()}
    for _ in range(PAST_FIRST_CALLS):
        calls[GUARDED]()
    times = measure.interleaved(calls, options.rounds(61), seconds=_seconds(options))
    return {name: _over(times[name], times["bare"]) for name in times if name != "bare"}


def _seconds(options: Options) -> float:
    return 0.0003 if options.quick else 0.003


def _over(times: Sequence[float], bare: Sequence[float]) -> float:
    return statistics.median(a - b for a, b in zip(times, bare, strict=True))


def _bare(hints: Sequence[Any]) -> Function:
    parameters = [f"x{index}" for index in range(len(hints))]
    function = _written(f"def function({', '.join(parameters)}): pass")
    function.__annotations__ = dict(zip(parameters, hints, strict=True))
    return function


def _asserts(ranks: Sequence[int], shared: Any) -> Function:
    """The asserts of arguments that share their dims' names, as one would write them by hand."""
    parameters = [f"x{index}" for index in range(len(ranks))]
    lines = [f"def function({', '.join(parameters)}):"]
    for index, (name, rank) in enumerate(zip(parameters, ranks, strict=True)):
        lines.append(f"    assert isinstance({name}, Tensor) and {name}.dtype in FLOATS")
        found = [f"{'s' if index else 'd'}{dim}" for dim in range(rank)]
        lines.append(f"    {', '.join(found)}, = {name}.shape")
        if index:
            lines.append("    assert " + " and ".join(f"s{dim} == d{dim}" for dim in range(rank)))
    return _written("\n".join(lines))


def _written(source: str) -> Function:
    names: dict[str, Any] = {"Tensor": Tensor, "FLOATS": cases.FLOATS}
    exec(source, names)
    function: Function = names["function"]
    return function


def _growth(title: str, along: str, unit: str, by_count: dict[int, dict[str, float]]) -> Table:
    """A line per checker, and the slope of the straight line through its figures."""
    counts, variants = list(by_count), list(next(iter(by_count.values())))
    overhead = {name: [by_count[count][name] for count in counts] for name in variants}
    rows = []
    for name, times in overhead.items():
        slope, _ = statistics.linear_regression(counts, times)
        straight = statistics.correlation(counts, times) ** 2
        rows.append((name, *map(nanoseconds, times), nanoseconds(slope), f"{straight:.3f}"))
    columns = ("over the bare call", *(f"n = {count}" for count in counts), f"a {unit} more", "r²")
    data = {"figure": "overhead", "along": along, "x": counts, "overhead": overhead}
    return Table(title, columns, tuple(rows), _missing(), data)


def _missing() -> tuple[str, ...]:
    return () if "jaxtyping+typeguard" in cases.CHECKERS else ("typeguard 2 isn't installed: skipped.",)


# --- containers --------------------------------------------------------------------------------------------------


def _lengths(options: Options) -> tuple[int, ...]:
    return (1, 10, 100) if options.quick else (1, 3, 10, 30, 100, 300, 1000)


def of_list(xs: list[Float[Tensor, "b c"]]) -> None: ...


def of_list_by_hand(xs: Any) -> None:
    assert isinstance(xs, list)
    b = c = None
    for x in xs:
        assert isinstance(x, Tensor) and x.dtype in cases.FLOATS
        xb, xc = x.shape
        assert b in (None, xb) and c in (None, xc)
        b, c = xb, xc


def of_dict(named: dict[str, Float[Tensor, "b c"]]) -> None: ...


def of_dict_by_hand(named: Any) -> None:
    assert isinstance(named, dict)
    for name in named:
        assert isinstance(name, str)
    of_list_by_hand(list(named.values()))


def lists(options: Options) -> Table:
    values = {length: [torch.zeros(3, 5)] * length for length in _lengths(options)}
    return _containers("A list of n tensors of 2 dims", of_list, of_list_by_hand, values, options)


def dicts(options: Options) -> Table:
    values = {length: {str(key): torch.zeros(3, 5) for key in range(length)} for length in _lengths(options)}
    return _containers("A dict of n tensors of 2 dims", of_dict, of_dict_by_hand, values, options)


def _containers(title: str, bare: Function, by_hand: Function, values: dict[int, Any], options: Options) -> Table:
    made = {"bare": bare, "asserts": by_hand, **{name: checker(bare) for name, checker in cases.CHECKERS.items()}}
    found: dict[str, list[float]] = {name: [] for name in made if name != "bare"}
    for value in values.values():
        calls = {name: partial(function, value) for name, function in made.items()}
        for _ in range(600):
            calls[GUARDED]()
        times = measure.interleaved(calls, options.rounds(31), seconds=_seconds(options))
        for name, each in found.items():
            each.append(_over(times[name], times["bare"]))
    last = list(values)[-1]
    rows = [(name, *map(nanoseconds, each), nanoseconds(each[-1] / last)) for name, each in found.items()]
    columns = ("over the bare call", *(f"n = {length}" for length in values), f"per item of {last}")
    note = "beartype and jaxtyping look at one item drawn at random, the others at every item."
    return Table(title, columns, tuple(rows), (note,), {"x": list(values), "overhead": found})


# --- nesting, shapes, threads ------------------------------------------------------------------------------------


def nesting(options: Options) -> Table:
    """Contracted functions that call one another, on real work at the bottom."""
    depths = (1, 4) if options.quick else (1, 2, 4, 8, 16, 32)
    makers = {"bare": lambda function: function, **cases.CHECKERS}
    found: dict[str, list[float]] = {name: [] for name in makers if name != "bare"}
    for depth in depths:
        x = torch.zeros(2, 4, 8, 16)
        calls = {name: partial(_nested(make, depth), x) for name, make in makers.items()}
        for _ in range(PAST_FIRST_CALLS if not options.quick else 1100):
            calls[GUARDED]()
        times = measure.interleaved(calls, options.rounds(31), seconds=_seconds(options))
        for name, each in found.items():
            each.append(_over(times[name], times["bare"]))
    rows = [(name, *map(nanoseconds, each), nanoseconds(each[-1] / depths[-1])) for name, each in found.items()]
    columns = ("over the bare calls", *(f"depth {depth}" for depth in depths), "per level")
    note = "Each level takes and gives a tensor of 4 dims; the lowest one negates it."
    return Table("Contracted functions in contracted functions", columns, tuple(rows), (note,))


def _nested(make: Callable[[Function], Function], depth: int) -> Function:
    inner: Function = torch.neg
    for _ in range(depth):
        inner = make(_around(inner))
    return inner


def _around(inner: Function) -> Function:
    def level(x: Float[Tensor, "b h t d"]) -> Float[Tensor, "b h t d"]:
        result: Tensor = inner(x)
        return result

    return level


def changing_shapes(options: Options) -> Table:
    """Calls whose sizes change: the checker keeps nothing, the guards know a pattern of sizes again."""
    rows = []
    counts = (1, 16) if options.quick else (1, 2, 16, 256, 10_000)
    for count in counts:
        values = [torch.empty(2 + index, 3 + index % 7) for index in range(count)]
        made = {"bare": _double, "contract": cases.unguarded(_double), GUARDED: contract(_double)}
        made["guard alone"] = guard(_double)
        for function in made.values():
            for x in itertools.islice(itertools.cycle(values), max(count, PAST_FIRST_CALLS)):
                function(x)
        calls = {name: partial(_call_with_next, function, itertools.cycle(values)) for name, function in made.items()}
        times = measure.interleaved(calls, options.rounds(41), seconds=_seconds(options))
        over = [nanoseconds(_over(times[name], times["bare"])) for name in times if name != "bare"]
        rows.append(("one shape" if count == 1 else f"{count} shapes in turn", *over, _looked_at(values)))
    columns = ("over the bare call", "contract", GUARDED, "guard alone", "calls that guards look at, of 10,000")
    note = "2 + i rows and 3 + i % 7 columns: all shapes make two patterns (equal sizes, unequal ones)."
    return Table("Shapes that change from call to call", columns, tuple(rows), (note,))


def _double(x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    return x


def _call_with_next(function: Function, values: Iterator[Tensor]) -> None:
    function(next(values))


def _looked_at(values: Sequence[Tensor]) -> int:
    """How many of the first 10,000 calls of a function the guards look at."""
    seen = 0

    def body(x: Tensor) -> None:
        nonlocal seen
        seen += torch._C._len_torch_function_stack() > 0

    guarded = guard(body)
    for x in itertools.islice(itertools.cycle(values), 10_000):
        guarded(x)
    return seen


def threads(options: Options) -> Table:
    """The same number of calls shared out among threads: does switching between them cost anything?"""
    calls = 4_000 if options.quick else 400_000
    functions = {"bare": cases.attend, "contract": cases.unguarded(cases.attend), GUARDED: contract(cases.attend)}
    rows = []
    for count in (1, 2, 4, 8):
        taken = {name: _in_threads(function, count, calls // count) for name, function in functions.items()}
        rows.append((count, *(nanoseconds(each / calls * 1e9) for each in taken.values())))
    note = "CPU time of the whole process per call of 3 tensors of 4 dims, waiting and switching included."
    return Table("Threads", ("threads", *functions), tuple(rows), (note,))


def _in_threads(function: Function, count: int, calls: int) -> float:
    """The least time of three for `count` threads, each of which calls with sizes of its own."""
    return min(_once_in_threads(function, count, calls) for _ in range(3))


def _once_in_threads(function: Function, count: int, calls: int) -> float:
    ready, go, failed = threading.Barrier(count + 1), threading.Event(), []

    def work(size: int) -> None:
        q, k = torch.zeros(2, 4, size, 16), torch.zeros(2, 4, size + 1, 16)
        ready.wait()
        go.wait()
        try:
            for _ in itertools.repeat(None, calls):
                function(q, k, k)
        except Exception as error:
            failed.append(error)

    workers = [threading.Thread(target=work, args=(8 + index,)) for index in range(count)]
    for worker in workers:
        worker.start()
    ready.wait()
    begun = time.process_time()
    go.set()
    for worker in workers:
        worker.join()
    taken = time.process_time() - begun
    if failed:
        raise failed[0]
    return taken


# --- many functions ----------------------------------------------------------------------------------------------


def functions(options: Options) -> Table:
    """A module of many contracted functions: the time to import it, and what each function keeps in memory."""
    count = 200 if options.quick else 10_000
    runs = [(name, modes.ON) for name in ("bare", "contract", GUARDED, "beartype, no shapes", "jaxtyping+beartype")]
    runs.insert(3, (GUARDED, modes.OPTIMIZED))
    if options.quick:
        runs = [("contract", modes.ON), (GUARDED, modes.OPTIMIZED)]
    rows, data = [], {}
    for name, mode in runs:
        timed = modes.answer("functions", mode, name, str(count))
        some = min(count, 1000)  # tracing is slow, and memory grows in a straight line
        traced = modes.answer("functions", mode, name, str(some), "--trace")
        title = name if mode is modes.ON else f"{name}, {mode.name}"
        data[title] = {"timed": timed, "traced": traced}
        seconds, memory = timed["seconds"], timed["bytes"] / 1e6
        each = (
            nanoseconds(seconds / count * 1e9),
            f"{traced['bytes'] / some:.0f} B",
            f"{timed['bytes'] / count:.0f} B",
        )
        rows.append((title, f"{seconds:.2f} s", *each, f"{memory:.0f} MB", nanoseconds(timed["first_call"] * 1e9)))
    columns = (
        "",
        "import",
        "per function",
        "Python memory each",
        "process memory each",
        "process memory",
        "first call",
    )
    note = (
        "Functions of 2 tensors of 3 dims and a result, compiling not timed; Python memory as tracemalloc "
        "counts it, in a run of its own of 1,000; the first call is the median of a hundred functions'."
    )
    return Table(f"A module of {count} contracted functions", columns, tuple(rows), (note,), data)


if __name__ == "__main__":
    sys.exit(measure.main(run))
