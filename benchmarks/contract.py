"""What a contract costs: per call, next to hand-written asserts that check the same and next to other checkers.

"bare" is the function without any check; "asserts" is what one would write by hand to check the same types, dtypes
and shapes; "contract" checks only annotations, "contract, guarded" is the default with its guards. beartype alone sees
`Tensor` instead of the shapes. typeguard is shown where version 2 is installed: later ones can't read shape strings.
"""

import importlib.metadata
import importlib.util
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import FunctionType, UnionType
from typing import Any, Union, get_args, get_origin

import torch
from beartype import beartype
from jaxtyping import AbstractArray, Float, jaxtyped
from torch import Tensor, nn

from benchmarks import measure
from benchmarks.measure import Options, Table, nanoseconds, ratio
from shapecheck import ShapeError, check, configure, contract

Function = Callable[..., Any]

FLOATS = frozenset(
    dtype for dtype in vars(torch).values() if isinstance(dtype, torch.dtype) and dtype.is_floating_point
)

unguarded = contract(broadcast="allow", keepdim=False)


def by_jaxtyping(function: Function) -> Function:
    return jaxtyped(typechecker=beartype)(function)


def by_typeguard(function: Function) -> Function:
    from typeguard import typechecked

    return jaxtyped(typechecker=typechecked)(function)


def by_beartype(function: Function) -> Function:
    """beartype on the same function, its shapes replaced by their array types."""
    defaults, closure = function.__defaults__, function.__closure__
    copy = FunctionType(function.__code__, function.__globals__, function.__name__, defaults, closure)
    copy.__annotations__ = {name: _shapeless(hint) for name, hint in function.__annotations__.items()}
    return beartype(copy)


def _shapeless(hint: Any) -> Any:
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return hint.array_type
    arguments = tuple(map(_shapeless, get_args(hint)))
    if get_origin(hint) in (Union, UnionType):
        return Union[arguments]  # noqa: UP007
    return get_origin(hint)[arguments] if arguments else hint


def has_typeguard_2() -> bool:
    if importlib.util.find_spec("typeguard") is None:
        return False
    return importlib.metadata.version("typeguard").startswith("2.")


CHECKERS: dict[str, Callable[[Function], Function]] = {
    "contract": unguarded,
    "contract, guarded": contract,
    "beartype, no shapes": by_beartype,
    "jaxtyping+beartype": by_jaxtyping,
    **({"jaxtyping+typeguard": by_typeguard} if has_typeguard_2() else {}),
}


# --- cases: the function, what one would write by hand, and its arguments ----------------------------------------


def one(x: Float[Tensor, "n"]):
    return x


def one_by_hand(x):
    assert isinstance(x, Tensor) and x.dtype in FLOATS
    (_,) = x.shape
    return x


def attend(
    q: Float[Tensor, "b h t d"], k: Float[Tensor, "b h s d"], v: Float[Tensor, "b h s d"]
) -> Float[Tensor, "b h t d"]:
    return q


def attend_by_hand(q, k, v):
    assert isinstance(q, Tensor) and q.dtype in FLOATS
    b, h, t, d = q.shape
    assert isinstance(k, Tensor) and k.dtype in FLOATS
    kb, kh, s, kd = k.shape
    assert kb == b and kh == h and kd == d
    assert isinstance(v, Tensor) and v.dtype in FLOATS
    vb, vh, vs, vd = v.shape
    assert vb == b and vh == h and vs == s and vd == d
    result = q
    assert isinstance(result, Tensor) and result.dtype in FLOATS
    rb, rh, rt, rd = result.shape
    assert rb == b and rh == h and rt == t and rd == d
    return result


def flatten(x: Float[Tensor, "*batch h w"], scale: Float[Tensor, "#w"]) -> Float[Tensor, "*batch h*w"]:
    return x.view(2, 3, 20) if x.ndim == 4 else x  # shapecheck: ignore[return-shape]  only what the call below passes


def flatten_by_hand(x, scale):
    assert isinstance(x, Tensor) and x.dtype in FLOATS
    *batch, h, w = x.shape
    assert isinstance(scale, Tensor) and scale.dtype in FLOATS
    (one,) = scale.shape
    assert one == w or one == 1
    result = x.view(2, 3, 20) if x.ndim == 4 else x
    assert isinstance(result, Tensor) and result.dtype in FLOATS
    *rest, area = result.shape
    assert rest == batch and area == h * w
    return result


def gather(
    xs: list[Float[Tensor, "b c"]], named: dict[str, Float[Tensor, "b"]], mask: Float[Tensor, "b c"] | None = None
) -> Float[Tensor, "b c"]:
    return xs[0]


def gather_by_hand(xs, named, mask=None):
    assert isinstance(xs, list)
    b = c = None
    for x in xs:
        assert isinstance(x, Tensor) and x.dtype in FLOATS
        xb, xc = x.shape
        assert b in (None, xb) and c in (None, xc)
        b, c = xb, xc
    assert isinstance(named, dict)
    for key, value in named.items():
        assert isinstance(key, str)
        assert isinstance(value, Tensor) and value.dtype in FLOATS
        (vb,) = value.shape
        assert b in (None, vb)
        b = vb
    if mask is not None:
        assert isinstance(mask, Tensor) and mask.dtype in FLOATS
        mb, mc = mask.shape
        assert b in (None, mb) and c in (None, mc)
        b, c = mb, mc
    result = xs[0]
    assert isinstance(result, Tensor) and result.dtype in FLOATS
    rb, rc = result.shape
    assert rb == b and rc == c
    return result


class Layer(nn.Module):
    def forward(self, x: Float[Tensor, "b d"], y: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return x


def layer_by_hand(self, x, y):
    assert isinstance(x, Tensor) and x.dtype in FLOATS
    b, d = x.shape
    assert isinstance(y, Tensor) and y.dtype in FLOATS
    yb, yd = y.shape
    assert yb == b and yd == d
    result = x
    assert isinstance(result, Tensor) and result.dtype in FLOATS
    rb, rd = result.shape
    assert rb == b and rd == d
    return result


q, k, x = torch.zeros(2, 4, 8, 16), torch.zeros(2, 4, 9, 16), torch.zeros(3, 5)
CASES: dict[str, tuple[Function, Function, tuple[Any, ...]]] = {
    "1 tensor of 1 dim": (one, one_by_hand, (torch.zeros(5),)),
    "3 tensors of 4 dims, result": (attend, attend_by_hand, (q, k, k)),
    "*batch, #w, h*w, result": (flatten, flatten_by_hand, (torch.zeros(2, 3, 4, 5), torch.zeros(5))),
    "list of 4, dict of 2, optional, result": (gather, gather_by_hand, ([x] * 4, {"a": x[:, 0], "b": x[:, 1]}, x)),
    "nn.Module.forward": (Layer.forward, layer_by_hand, (Layer(), x, x)),
}


def run(options: Options) -> Iterator[Table]:
    torch.set_num_threads(1)
    for name, case in CASES.items():
        yield per_call(name, *case, options)
    yield growth(options)
    yield others(options)


def per_call(name: str, function: Function, by_hand: Function, arguments: tuple[Any, ...], options: Options) -> Table:
    """One case, every variant; its overhead is what it takes beyond the bare function."""
    made = {"bare": function, "asserts": by_hand, **{name: checker(function) for name, checker in CHECKERS.items()}}
    for _ in range(5000):  # past the calls number 2, 4, 8, … 4096, which guards look at
        made["contract, guarded"](*arguments)
    times = timed({name: partial(variant, *arguments) for name, variant in made.items()}, options)
    bare, ours = times["bare"], statistics.median(over(times["contract"], times["bare"]))
    rows = []
    for variant, each in times.items():
        overhead = statistics.median(over(each, bare))
        rows.append(
            (variant, nanoseconds(measure.median(each)), ratio(each, times["asserts"]), f"{overhead / ours:.1f}")
        )
    return Table(name, ("", "per call", "× asserts", "overhead, × the contract's"), tuple(rows))


def timed(variants: dict[str, Function], options: Options) -> dict[str, list[float]]:
    return measure.interleaved(variants, options.rounds(101), seconds=0.001 if options.quick else 0.005)


def over(times: list[float], bare: list[float]) -> list[float]:
    return [a - b for a, b in zip(times, bare, strict=True)]


def growth(options: Options) -> Table:
    rows = []
    for count in (1, 2, 4, 8, 16):
        shape = " ".join(f"d{index}" for index in range(count))
        rows.append(
            (f"1 argument of {count} dims", overhead([Float[Tensor, shape]], [torch.zeros([2] * count)], options))
        )
    for count in (2, 4, 8, 12):
        rows.append(
            (f"{count} arguments of 4 dims", overhead([Float[Tensor, "b h t d"]] * count, [q] * count, options))
        )
    return Table("Growth with dims and arguments", ("", "over the bare call"), tuple(rows))


def overhead(annotations: list[Any], values: list[Tensor], options: Options) -> str:
    names: dict[str, Any] = {}
    parameters = [f"x{index}" for index in range(len(annotations))]
    exec(f"def function({', '.join(parameters)}): pass", names)
    function = names["function"]
    function.__annotations__ = dict(zip(parameters, annotations, strict=True))
    times = timed({"bare": partial(function, *values), "ours": partial(unguarded(function), *values)}, options)
    return nanoseconds(statistics.median(over(times["ours"], times["bare"])))


# --- everything but a passing call -------------------------------------------------------------------------------

Scores = Float[Tensor, "b h t d"]
switched = contract(attend)


@unguarded
def body_with_check(q: Float[Tensor, "b h t d"]):
    return check(q, Scores)


@unguarded
def body_with_eleven_checks(q: Float[Tensor, "b h t d"]):
    for _ in range(10):
        check(q, Scores)
    return check(q, Scores)


@unguarded
def failing(q: Float[Tensor, "b h t d"], k: Float[Tensor, "b h s d"], v: Float[Tensor, "b h s d"]):
    return q


def fails() -> None:
    try:
        failing(q, k, q)
    except ShapeError:
        return
    raise AssertionError("the call should have failed")


def decorates() -> Function:
    def attend(
        q: Float[Tensor, "b h t d"], k: Float[Tensor, "b h s d"], v: Float[Tensor, "b h s d"]
    ) -> Float[Tensor, "b h t d"]:
        return q

    return contract(attend)


def others(options: Options) -> Table:
    rows: list[tuple[str, str]] = []
    body = timed({"one": partial(body_with_check, q), "eleven": partial(body_with_eleven_checks, q)}, options)
    each = (measure.median(body["eleven"]) - measure.median(body["one"])) / 10
    rows.append(("check() in the body that passes", nanoseconds(each)))
    with configure(mode="off"):
        off = timed({"bare": partial(attend, q, k, k), "off": partial(switched, q, k, k)}, options)
    rows.append(("call of a contract switched off, × the bare call", str(ratio(off["off"], off["bare"]))))
    rare = timed({"fails": fails, "decorates": decorates}, options)
    rows.append(("call that fails", nanoseconds(measure.median(rare["fails"]))))
    rows.append(("decoration", nanoseconds(measure.median(rare["decorates"]))))
    rows.append(("import of contract after torch and jaxtyping", nanoseconds(imports(options.rounds(21)))))
    return Table("Everything else", ("", ""), tuple(rows))


PROGRAM = """
import time, torch, jaxtyping
start = time.thread_time()
import shapecheck.runtime.contract
print(time.thread_time() - start)
"""


def imports(times: int) -> float:
    command = [sys.executable, "-c", PROGRAM]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(times)]
    return statistics.median(float(done.stdout) for done in runs) * 1e9


if __name__ == "__main__":
    sys.exit(measure.main(run))
