"""What contracts and guards cost a training step on a GPU: ResNet-50 and GPT-2, bfloat16 autocast, AdamW.

    python -m benchmarks.cuda                           everything; needs a GPU
    python -m benchmarks.cuda gpt eager                 one network, one way to execute it
    python -m benchmarks.cuda --device cpu              the same code on the CPU, at small sizes

Each network is trained eagerly, under `torch.compile`, and as a captured CUDA graph, at batch sizes from where
launching kernels takes the time to where computing does, in these modes:

    bare                 the functions without any check; "bare again" says what the noise is
    contract             contracts alone
    contract, guarded    the default: contracts and their guards
    contract, -O         the same program under ``python -O``, next to a bare one in that process
    jaxtyping+beartype   the peer

Modes take turns in random order within a process. A step's time is taken between two CUDA events around a run of
steps, the ratio is the median of the paired rounds with its 95 % interval. Beside the times: how many kernels a step
launches, the memory that it needs beyond the model's, how often the host waits for the device (counted in torch's sync
debug mode, and then forbidden), and whether losses are bitwise those of the bare run. Contracts and guards have to
change none of these; `finite`, which measures tensors, is counted by itself. On the CPU torch's operators stand for
kernels, nothing is captured, and `torch.compile` only traces.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import measure, modes
from benchmarks.measure import Options, Ratio, Table, median, nanoseconds, ratio

BARE, OPTIMIZED, PEER = "bare", "contract, -O", "jaxtyping+beartype"
OURS = ("contract", "contract, guarded", OPTIMIZED)
AS_USUAL = (BARE, "bare again", "contract", "contract, guarded", PEER)
SHOWN = (BARE, "bare again", *OURS, PEER)

EXECUTIONS = {"cuda": ("eager", "compiled", "captured"), "cpu": ("eager", "compiled")}
TITLES = {"gpt": "GPT-2", "resnet": "ResNet-50"}


@dataclass(frozen=True, slots=True)
class Size:
    """How large a network is (see `benchmarks.programs.networks`), and the batches it is trained on."""

    arguments: Mapping[str, Any]
    batches: tuple[int, ...]


SIZES: Mapping[str, Mapping[str, Size]] = {
    "cuda": {"gpt": Size({}, (1, 4, 16, 32)), "resnet": Size({}, (4, 32, 128, 256))},
    "cpu": {
        "gpt": Size({"layers": 2, "width": 32, "heads": 2, "context": 16, "vocabulary": 97}, (2, 16)),
        "resnet": Size({"width": 8, "blocks": (1, 1, 1, 1), "image": 32, "classes": 10}, (2, 8)),
    },
}

Outcome = Mapping[str, Any]  # an `Outcome` of `benchmarks.programs.training_step`, from JSON


@dataclass(frozen=True, slots=True)
class Runs:
    """One network, executed in one way: every mode at every batch size."""

    network: str
    execution: str
    device: str
    outcomes: Mapping[tuple[str, int], Outcome]
    bare_optimized: Mapping[int, Outcome]  # the bare step under -O, by batch size
    removed: bool  # under -O, every method under contract is the bare method itself

    @property
    def title(self) -> str:
        return f"{TITLES[self.network]}, {self.execution}"

    @property
    def batches(self) -> list[int]:
        return sorted({batch for _, batch in self.outcomes})

    def ratio(self, mode: str, batch: int) -> Ratio | None:
        """How many times the bare step a mode takes; None if either couldn't be measured."""
        base = self.bare_optimized[batch] if mode == OPTIMIZED else self.outcomes[BARE, batch]
        times = self.outcomes[mode, batch]["times"]
        return ratio(times, base["times"]) if times and base["times"] else None


def unavailable() -> str | None:
    import torch

    if torch.cuda.is_available():
        return None
    return "needs a GPU, torch.cuda.is_available() is False; small, on the CPU: python -m benchmarks.cuda --device cpu"


def run(options: Options) -> Iterable[Table]:
    device = "cpu" if "cpu" in options.arguments else "cuda"
    wanted = set(options.arguments) - {"cpu", "cuda"}
    done = []
    for network, size in SIZES[device].items():
        for execution in EXECUTIONS[device]:
            if _is_wanted(wanted, network, TITLES) and _is_wanted(wanted, execution, EXECUTIONS["cuda"]):
                runs = measured(network, execution, device, size, rounds=5 if options.quick else 31)
                yield times(runs)
                done.append(runs)
    yield unchanged(done)
    if device == "cuda":
        yield finite(done)


def _is_wanted(wanted: set[str], name: str, names: Iterable[str]) -> bool:
    chosen = wanted & set(names)
    return not chosen or name in chosen


def measured(network: str, execution: str, device: str, size: Size, rounds: int = 31, seconds: float = 0.1) -> Runs:
    """Measure one network in a process as usual and in one under ``python -O``."""
    job = {
        "network": network, "execution": execution, "device": device, "batches": size.batches,
        "size": size.arguments, "rounds": rounds, "seconds": seconds,
    }  # fmt: skip
    usual = modes.answer("training_step", modes.ON, json.dumps({**job, "modes": AS_USUAL}))
    optimized = modes.answer(
        "training_step", modes.OPTIMIZED, json.dumps({**job, "modes": (BARE, "contract, guarded")})
    )
    outcomes = {(outcome["mode"], outcome["batch"]): outcome for outcome in usual["outcomes"]}
    bare_optimized = {}
    for outcome in optimized["outcomes"]:
        if outcome["mode"] == BARE:
            bare_optimized[outcome["batch"]] = outcome
        else:
            outcomes[OPTIMIZED, outcome["batch"]] = outcome
    removed = optimized["optimized"] and all(optimized["bare"].values()) and not any(usual["bare"].values())
    return Runs(network, execution, device, outcomes, bare_optimized, removed)


def times(runs: Runs) -> Table:
    """The step's time in each mode, as a multiple of the bare one's."""
    columns = ("batch", BARE, *(f"{mode}, × bare" for mode in SHOWN[1:]))
    rows = []
    for batch in runs.batches:
        bare = runs.outcomes[BARE, batch]
        cells = [runs.ratio(mode, batch) or _failure(runs.outcomes[mode, batch]) for mode in SHOWN[1:]]
        rows.append((batch, nanoseconds(median(bare["times"])) if bare["times"] else _failure(bare), *cells))
    notes = [f"`{mode}` at {batch}: {why}" for (mode, batch), why in _failures(runs)]
    return Table(f"A training step of {runs.title}", columns, tuple(rows), tuple(notes), _figures(runs))


def _failure(outcome: Outcome) -> str:
    return str(outcome["failed"]).partition(":")[0] or "not measured"


def _failures(runs: Runs) -> Iterator[tuple[tuple[str, int], str]]:
    yield from ((key, outcome["failed"]) for key, outcome in runs.outcomes.items() if outcome["failed"])


def _figures(runs: Runs) -> dict[str, Any]:
    """What a plot of the overhead needs: ratios as (median, low, high), None where there is none."""
    ratios = {mode: [runs.ratio(mode, batch) for batch in runs.batches] for mode in SHOWN[1:]}
    return {
        "figure": "training_step",
        "device": runs.device,
        "network": TITLES[runs.network],
        "execution": runs.execution,
        "batch": runs.batches,
        "bare": [_median_or_none(runs.outcomes[BARE, batch]["times"]) for batch in runs.batches],
        "ratio": {mode: [each and (each.median, each.low, each.high) for each in ratios[mode]] for mode in ratios},
    }


def _median_or_none(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def unchanged(done: Sequence[Runs]) -> Table:
    """What has to be the same with and without contracts."""
    on_gpu = any(runs.device == "cuda" for runs in done)
    columns = (
        "step",
        "batch",
        "kernels" if on_gpu else "operators",
        "the same in all of our modes",
        "losses equal",
        "graphs",
        "peak memory",
        "waits",
    )
    rows = tuple(
        (runs.title, batch, *_row(runs, batch))
        for runs in done
        for batch in runs.batches
        if not runs.outcomes[BARE, batch]["failed"]
    )
    notes = (
        f"Under -O every method under contract is the bare one: {_yes(all(runs.removed for runs in done))}.",
        'In steps that guards look at (`check="always"`). Losses: of three steps from the same weights and two more as '
        "they are timed, bitwise. “Not bare's own either”: “bare again” differs from bare as well.",
        "Graphs compiled; peak memory beyond what was held before the step; the host's waits for the device: "
        "one figure where all agree.",
    )
    return Table("What contracts and guards leave as it is", columns, rows, notes)


def _row(runs: Runs, batch: int) -> tuple[object, ...]:
    bare, again = runs.outcomes[BARE, batch], runs.outcomes["bare again", batch]
    ours = [runs.outcomes[mode, batch] for mode in OURS]

    def same(fact: str) -> str:
        if all(outcome[fact] == bare[fact] for outcome in ours):
            return "yes"
        return "NO" if again[fact] == bare[fact] else "not bare's own either"

    def each(fact: str, text: Callable[[Any], str]) -> str:
        return " / ".join(dict.fromkeys(text(outcome[fact]) for outcome in (bare, *ours)))

    return (
        sum(bare["kernels"].values()),
        same("kernels"),
        same("losses"),
        each("graphs", str),
        each("peak", _megabytes),
        each("waits", _known),
    )


def finite(done: Sequence[Runs]) -> Table:
    """How often `guard(finite=True)` waits for the device."""
    rows = []
    for runs in done:
        for batch in runs.batches:
            waits = runs.outcomes["contract, guarded", batch]["finite_waits"]
            if waits:
                rows.append((runs.title, batch, waits["forward"], waits["step"]))
    note = "A guarded call waits once, when it ends; a step once more, when its backward pass is over."
    return Table(
        "How often `guard(finite=True)` waits for the device",
        ("step", "batch", "forward", "step"),
        tuple(rows),
        (note,),
    )


def _yes(fact: bool) -> str:
    return "yes" if fact else "NO"


def _known(value: int | None) -> str:
    return "not on a GPU" if value is None else str(value)


def _megabytes(value: int | None) -> str:
    return "not on a GPU" if value is None else f"{value / 2**20:.1f} MiB"


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m benchmarks.cuda``: `measure.main`, with a device."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--device", choices=tuple(SIZES), default="cuda")
    given, rest = parser.parse_known_args(argv)
    words = {*TITLES, *EXECUTIONS["cuda"]}
    arguments = [*(word for word in rest if word not in words), given.device, *(word for word in rest if word in words)]
    if given.device == "cuda" and not {"-h", "--help"} & set(rest) and (reason := unavailable()):
        print(f"skipped: {reason}")
        return 0
    return measure.main(run, arguments)


if __name__ == "__main__":
    sys.exit(main())
