"""What guards cost: a bypassed call, an operation of a checked one, whole training steps, and the peer for NaNs.

Targets: a bypassed call of a bare `guard` of two tensors at most 1 µs; inside a contract at most 0.4 µs more than the
contract without guards; a training step of a small MLP at most 1.02 times bare, of a 4-layer BERT 1.01 times.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from benchmarks import measure
from benchmarks.measure import Options, Table, interleaved, median, nanoseconds, ratio
from shapecheck import contract, guard

Step = Callable[[], object]


def run(options: Options) -> Iterable[Table]:
    torch.set_num_threads(1)
    yield calls(options)
    yield operations(options)
    yield training(options)
    yield elsewhere()


def calls(options: Options) -> Table:
    """A call of a known pattern."""
    rows = []
    for title, bare, other in (*_guarded_functions(), *_contracts()):
        for _ in range(3000):  # past the checked calls number 1, 2, 4, … 2048
            other()
        times = interleaved({"bare": bare, "other": other}, options.rounds(41))
        difference = median([b - a for a, b in zip(times["bare"], times["other"], strict=True)])
        rows.append(
            (title, nanoseconds(median(times["bare"])), nanoseconds(median(times["other"])), nanoseconds(difference))
        )
    return Table(
        "A call whose pattern of sizes is known", ("function", "without", "with guards", "difference"), tuple(rows)
    )


def operations(options: Options) -> Table:
    """One operation inside a guarded block."""
    a, b, c = torch.rand(8, 8), torch.rand(8, 8), torch.rand(8)
    programs: dict[str, Step] = {
        "a + b, equal shapes": lambda: a + b,
        "a + c, a bias": lambda: a + c,
        "a.exp()": lambda: a.exp(),
        "a.sum(1)": lambda: a.sum(1),
        "a.view(64)": lambda: a.view(64),
        "a.shape": lambda: a.shape,
    }
    rows = []
    for title, program in programs.items():
        bare = median(interleaved({title: program}, options.rounds(21))[title])
        with guard():
            default = median(interleaved({title: program}, options.rounds(21))[title])
        with guard(finite=True):
            finite = median(interleaved({title: program}, options.rounds(11), seconds=0.005)[title])
        rows.append((title, nanoseconds(bare), nanoseconds(default), nanoseconds(finite)))
    return Table("An operation that is looked at", ("operation", "bare", "guard()", "guard(finite=True)"), tuple(rows))


def training(options: Options) -> Table:
    """Forward, loss, backward, optimizer step."""
    rows = []
    for title, build in (
        ("MLP 16-32-1, batch 32", _mlp),
        ("BERT, 4 layers of 64", _bert),
        ("ConvNet, 32x32, batch 8", _conv),
    ):
        step = build()
        decorated = guard(step)
        for _ in range(3000 if title.startswith("MLP") else 70):
            decorated()
        variants: dict[str, Step] = {
            "bare": step,
            "decorated": decorated,
            "block": _inside(step),
            "finite": _inside(step, finite=True),
            "anomaly": _anomaly(step),
        }
        times = interleaved(variants, options.rounds(41), seconds=0.05)
        bare = times["bare"]
        rows.append((title, nanoseconds(median(bare)), *(ratio(times[name], bare) for name in list(variants)[1:])))
    columns = ("step", "bare", "@guard, bypassed", "with guard()", "with guard(finite=True)", "detect_anomaly()")
    note = (
        "Ratios to the bare step of the same round, with 95 % intervals; `with guard()` is what a checked call costs."
    )
    return Table("A training step", columns, tuple(rows), (note,))


def elsewhere() -> Table:
    """Where guards cost nothing by construction."""
    code = "import shapecheck\ndef f(x): return x\nprint(shapecheck.guard(f) is f)"
    optimized = subprocess.run([sys.executable, "-O", "-c", code], capture_output=True, text=True, check=True)
    rows = (
        ("guard(f) is f under python -O", optimized.stdout.strip()),
        ("operations in the compiled graph, bare", _compiled_operations(_program)),
        ("operations in the compiled graph, @guard", _compiled_operations(guard(_program))),
    )
    return Table("Switched off and compiled", ("what", "result"), rows)


def _guarded_functions() -> Iterable[tuple[str, Step, Step]]:
    x, y = torch.rand(8, 8), torch.rand(8)

    def one(x: Tensor) -> None: ...
    def two(x: Tensor, y: Tensor) -> None: ...
    def four(x: Tensor, y: Tensor, z: Tensor, *, mask: Tensor) -> None: ...

    first, second, third = guard(one), guard(two), guard(four)
    yield "@guard of 1 tensor", lambda: one(x), lambda: first(x)
    yield "@guard of 2 tensors", lambda: two(x, y), lambda: second(x, y)
    yield "@guard of 4 tensors, one by name", lambda: four(x, y, x, mask=y), lambda: third(x, y, x, mask=y)


def _contracts() -> Iterable[tuple[str, Step, Step]]:
    off = contract(broadcast="allow", keepdim=False)

    def two(x: Float[Tensor, "n d"], y: Float[Tensor, " d"]) -> None: ...
    def three(q: Float[Tensor, "b h t d"], k: Float[Tensor, "b h s d"], v: Float[Tensor, "b h s d"]) -> None: ...

    x, y = torch.rand(8, 8), torch.rand(8)
    q, k = torch.rand(2, 4, 8, 16), torch.rand(2, 4, 9, 16)
    plain, guarded = off(two), contract(two)
    yield "@contract of 2 tensors", lambda: plain(x, y), lambda: guarded(x, y)
    plain3, guarded3 = off(three), contract(three)
    yield "@contract of 3 tensors of rank 4", lambda: plain3(q, k, k), lambda: guarded3(q, k, k)


def _mlp() -> Step:
    return _step(
        nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 1)), torch.rand(32, 16), torch.rand(32, 1), F.mse_loss
    )


def _bert() -> Step:
    layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True, activation="gelu")
    model = nn.Sequential(nn.Embedding(99, 64), nn.TransformerEncoder(layer, 4), nn.Linear(64, 99))
    tokens = torch.randint(99, (4, 32))
    return _step(model, tokens, tokens, lambda logits, labels: F.cross_entropy(logits.mT, labels))


def _conv() -> Step:
    blocks = [
        part
        for c in (3, 16, 32)
        for part in (nn.Conv2d(c, max(16, 2 * c) if c > 3 else 16, 3), nn.GELU(), nn.MaxPool2d(2))
    ]
    model = nn.Sequential(*blocks, nn.Flatten(), nn.LazyLinear(10))
    return _step(model, torch.rand(8, 3, 32, 32), torch.arange(8), F.cross_entropy)


def _step(model: nn.Module, x: Tensor, y: Tensor, criterion: Callable[[Tensor, Tensor], Tensor]) -> Step:
    model(x)
    optimizer = torch.optim.AdamW(model.parameters())

    def step() -> Tensor:
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def _inside(step: Step, **options: object) -> Step:
    def inside() -> object:
        with guard(**options):
            return step()

    return inside


def _anomaly(step: Step) -> Step:
    def inside() -> object:
        with torch.autograd.set_detect_anomaly(True):
            return step()

    return inside


def _program(x: Tensor, y: Tensor) -> Tensor:
    return (x * 2 + y).relu().sum(-1)


def _compiled_operations(program: Callable[[Tensor, Tensor], Tensor]) -> int:
    from torch._dynamo.testing import CompileCounter

    torch._dynamo.reset()
    counter = CompileCounter()
    torch.compile(program, backend=counter, fullgraph=True)(torch.rand(4, 5), torch.rand(5))
    return int(counter.op_count)


if __name__ == "__main__":
    sys.exit(measure.main(run))
