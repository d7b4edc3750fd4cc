"""One network's training step in several modes, at several batch sizes: times, kernels, memory, waits, losses.

    python -m benchmarks.programs.training_step '{"network": "gpt", "execution": "eager", "device": "cpu", …}'

A program of its own, because under ``python -O`` the contracts have to be compiled away before anything is imported,
and because every way to execute a step gets a fresh allocator and compiler. A step is forward in bfloat16 autocast,
loss, backward, AdamW. Modes take turns in random order within each round; each has its own copy of one model.
"""

from __future__ import annotations

import copy
import json
import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
import torch._dynamo.utils
from beartype import beartype
from jaxtyping import jaxtyped
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from benchmarks.programs.networks import CLASSES, GPT, Checker, GPTSize, Network, ResNet, ResNetSize, annotated, under
from shapecheck import configure, contract, guard

Execution = Literal["eager", "compiled", "captured"]
Step = Callable[[], Tensor]

WARM_UP = 11  # steps before any is timed: past the checked calls number 1, 2, 4 and 8
COMPARED = 3  # steps whose losses are compared

PEER = "jaxtyping+beartype"
CHECKERS: dict[str, Checker] = {
    "bare": lambda function: function,
    "bare again": lambda function: function,
    "contract": contract(broadcast="allow", keepdim=False),
    "contract, guarded": contract,
    PEER: jaxtyped(typechecker=beartype),
}


@dataclass(frozen=True, slots=True)
class Job:
    """What to measure.

    Attributes:
        size: the network's, as the arguments of `GPTSize` or `ResNetSize`.
        rounds: how often each mode has its turn.
        seconds: how long a turn takes.
    """

    network: Literal["gpt", "resnet"]
    execution: Execution
    device: Literal["cuda", "cpu"]
    modes: Sequence[str]
    batches: Sequence[int]
    size: dict[str, Any] = field(default_factory=dict)
    rounds: int = 31
    seconds: float = 0.1


@dataclass(slots=True)
class Outcome:
    """What one mode did at one batch size.

    Attributes:
        failed: why it couldn't be measured; "" if it could.
        times: nanoseconds of a step, one figure a round.
        kernels: what ran on the device in one step, by name; on the CPU, torch's operators.
        peak: bytes allocated during a step at most, beyond what was held before it.
        waits: how often the host waited for the device in one step; None where that can't be told.
        finite_waits: the same for a step, and for a forward alone, inside `guard(finite=True)`.
        losses: of the first steps from the same weights, and of two as they are timed, as hexadecimal floats.
        graphs: how many graphs were compiled.
    """

    mode: str
    batch: int
    failed: str = ""
    times: list[float] = field(default_factory=list)
    kernels: dict[str, int] = field(default_factory=dict)
    peak: int | None = None
    waits: int | None = None
    finite_waits: dict[str, int] = field(default_factory=dict)
    losses: list[str] = field(default_factory=list)
    graphs: int = 0


def main(argument: str) -> None:
    job = Job(**json.loads(argument))
    if job.device == "cpu":
        torch.set_num_threads(1)
    else:
        kernels_of(lambda: torch.ones(1, device=job.device), job.device)  # the profiler's own start
    outcomes = [asdict(outcome) for batch in job.batches for outcome in measured(job, batch)]
    same = {cls.__name__: _is_bare(cls) for cls in CLASSES}
    print(json.dumps({"optimized": not __debug__, "bare": same, "outcomes": outcomes}))


def measured(job: Job, batch: int) -> list[Outcome]:
    """Every mode at one batch size."""
    torch._dynamo.reset()  # the modes' functions share code, and a code object may be compiled only so often
    torch.manual_seed(0)
    model = build(job).to(job.device)
    data = tuple(part.to(job.device) for part in model.data(batch))
    outcomes = {mode: Outcome(mode, batch) for mode in job.modes}
    steps: dict[str, Step] = {}
    for mode, outcome in outcomes.items():
        with _telling(outcome), configure(check="always"):  # what is compared is compared while guards look on
            _prepare(job)
            training = Training(job, under(copy.deepcopy(model), CHECKERS[mode]), data, whole=mode != PEER)
            steps[mode] = _compared(training, outcome)
    steps = {mode: step for mode, step in steps.items() if not outcomes[mode].failed}
    for step in steps.values():
        for _ in range(WARM_UP):
            step()
    _times(job, steps, outcomes)
    return list(outcomes.values())


def _prepare(job: Job) -> None:
    if job.execution == "compiled":
        torch._dynamo.utils.counters.clear()
    if job.device == "cuda":
        torch.cuda.empty_cache()


def _compared(training: Training, outcome: Outcome) -> Step:
    """Everything but the times; the step that is to be timed."""
    losses = [training.step() for _ in range(COMPARED)]
    step = training.replayed() if training.job.execution == "captured" else training.step
    losses += [step().clone() for _ in range(2)]
    outcome.losses = [float(loss).hex() for loss in losses]
    outcome.graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    outcome.kernels = kernels_of(step, training.job.device)
    if training.job.device == "cuda":
        _memory_and_waits(outcome, training, step)
    return step


def build(job: Job) -> Network:
    return GPT(GPTSize(**job.size)) if job.network == "gpt" else ResNet(ResNetSize(**job.size))


class Training:
    """One model being trained on one batch."""

    def __init__(self, job: Job, model: Network, data: tuple[Tensor, ...], whole: bool) -> None:
        self.job, self.model, self.data = job, model, data
        self.loss = self._compiled(whole) if job.execution == "compiled" else model.loss
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, capturable=job.device == "cuda")

    def _compiled(self, whole: bool) -> Callable[..., Tensor]:
        """The loss, compiled; `whole`: or an error, if it takes more than one graph."""
        backend = "inductor" if self.job.device == "cuda" else "eager"
        return torch.compile(self.model.loss, backend=backend, dynamic=False, fullgraph=whole)

    def forward(self) -> Tensor:
        # A cached cast would belong to the graph that captured it.
        cached = self.job.execution != "captured"
        with torch.autocast(self.job.device, torch.bfloat16, cache_enabled=cached):
            return self.loss(*self.data)

    def step(self) -> Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.forward()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def replayed(self) -> Step:
        """The step as a captured CUDA graph."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = self.step()

        def replay() -> Tensor:
            graph.replay()
            return loss

        return replay


def kernels_of(step: Step, device: str) -> dict[str, int]:
    """What one step runs on the device, copies and fills included; torch's operators on the CPU."""
    on_gpu = device == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    _wait(device)
    with profile(activities=activities) as profiled:
        step()
        _wait(device)
    kind = torch.autograd.DeviceType.CUDA if on_gpu else torch.autograd.DeviceType.CPU
    events = [event for event in profiled.events() if event.device_type == kind and not event.is_user_annotation]
    names = (event.name for event in events)
    return dict(Counter(name for name in names if on_gpu or name.startswith("aten::")))


def _memory_and_waits(outcome: Outcome, training: Training, step: Step) -> None:
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step()
    torch.cuda.synchronize()
    outcome.peak = torch.cuda.max_memory_allocated() - before
    outcome.waits = _waits(step)
    if not outcome.waits:  # counted, and now enforced
        with _sync_debug_mode("error"):
            step()
    if outcome.mode == "contract, guarded" and training.job.execution == "eager":
        runs = {"forward": training.forward, "step": training.step}
        outcome.finite_waits = {name: _waits(_finite(run)) for name, run in runs.items()}


def _finite(run: Step) -> Step:
    def guarded() -> Tensor:
        with guard(finite=True):
            return run()

    return guarded


def _waits(run: Step) -> int:
    """How often the host waits for the device while `run` runs."""
    with warnings.catch_warnings(record=True) as caught, _sync_debug_mode("warn"):
        warnings.simplefilter("always")
        run()
    return sum("synchronizing CUDA operation" in str(warning.message) for warning in caught)


@contextmanager
def _sync_debug_mode(mode: Literal["warn", "error"]) -> Iterator[None]:
    torch.cuda.set_sync_debug_mode(mode)
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@contextmanager
def _telling(outcome: Outcome) -> Iterator[None]:
    """Note what keeps a mode from being measured: the others still are."""
    try:
        yield
    except Exception as error:
        outcome.failed = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:200]}"


def _times(job: Job, steps: dict[str, Step], outcomes: dict[str, Outcome]) -> None:
    repeats = {mode: max(1, round(job.seconds * 1e9 / _time(step, 1, job.device))) for mode, step in steps.items()}
    order, shuffle = list(steps), random.Random(0)
    for _ in range(job.rounds):
        shuffle.shuffle(order)
        for mode in order:
            outcomes[mode].times.append(_time(steps[mode], repeats[mode], job.device))


def _time(step: Step, repeats: int, device: str) -> float:
    """Nanoseconds of a step: between two events on the device, or of this thread's CPU time."""
    if device != "cuda":
        start = time.thread_time_ns()
        for _ in range(repeats):
            step()
        return (time.thread_time_ns() - start) / repeats
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    begin.record()
    for _ in range(repeats):
        step()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) * 1e6 / repeats


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _is_bare(cls: type) -> bool:
    """Whether a contract leaves every method of a class as it is."""
    return all(contract(method) is method for method in annotated(cls).values())


if __name__ == "__main__":
    main(sys.argv[1])
