"""Rule `finite`: the first operation that makes a NaN or an infinity which then survives.

While the guard is on, each float tensor that an operation reads or makes is measured once: its smallest and largest
value (`aminmax`, one reduction; NaN shows in both), left on its device. Nothing is read back until a backward pass or
the guarded call is over: then all of it comes in one transfer, and only if something isn't finite is it searched
(`causes`). Gradients: see `gradients`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from shapecheck.runtime.guard import ops
from shapecheck.runtime.guard.calls import Arguments, Keywords, Op, name_of
from shapecheck.runtime.guard.facts import Facts
from shapecheck.runtime.guard.gradients import Gradient, watch
from shapecheck.runtime.guard.scaled import scales_loss
from shapecheck.runtime.guard.site import Instruction, instruction
from shapecheck.runtime.settings import Mode


class Measure:
    """A tensor's values in two numbers, which stay on its device until they are read.

    Attributes:
        shape: its shape.
        dtype: its dtype, without ``torch.``.
        size: how many values it has.
        bad: how many of them aren't finite, where that costs nothing to know (on the CPU).
        smallest: the smallest value, NaN if there is one.
        largest: the largest value, NaN if there is one.
    """

    __slots__ = ("bad", "dtype", "largest", "shape", "size", "smallest")

    def __init__(self, tensor: Tensor, smallest: Any, largest: Any) -> None:
        self.shape = tuple(tensor.shape)
        self.dtype = str(tensor.dtype).removeprefix("torch.")
        self.size = tensor.numel()
        self.bad: int | None = None
        self.smallest = smallest
        self.largest = largest

    @property
    def is_bad(self) -> bool:
        """Whether there is a value that isn't finite."""
        return not (math.isfinite(self.smallest) and math.isfinite(self.largest))

    @property
    def is_nan(self) -> bool:
        """Whether there is a NaN; then there may be infinities, too."""
        return math.isnan(self.smallest)


@dataclass(frozen=True, slots=True)
class Event:
    """One operation: what it read (with the place among its arguments, -1 inside a list), what it made, and where.

    `meant` if it wrote a NaN or infinity on purpose.
    """

    op: Op
    at: Instruction | None
    arguments: int
    inputs: Sequence[tuple[int, Measure]]
    outputs: Sequence[Measure]
    meant: bool

    @property
    def bad_inputs(self) -> list[Measure]:
        return [measure for _, measure in self.inputs if measure.is_bad]

    @property
    def brings_gradients(self) -> bool:
        """Whether it hands out what a backward pass made: ``p.grad``, `torch.autograd.grad`."""
        return self.op is torch.autograd.grad or _attribute(self.op) in ("grad", "_grad")


class Log:
    """What a guarded call computed, in order.

    Attributes:
        mode: what a violation does.
        judge: told when gradients are all computed, the guard being over.
        events: the operations.
        gradients: what their backwards handed on.
        scale: what a GradScaler last multiplied a loss by, if one did.
        is_open: whether the guard is still on.
    """

    __slots__ = ("_known", "_unread", "events", "gradients", "is_open", "judge", "mode", "scale")

    def __init__(self, mode: Mode, judge: Callable[[Log], None]) -> None:
        self.mode = mode
        self.judge = judge
        self.is_open = True
        self.scale: Measure | None = None
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.events: list[Event] = []
        self.gradients: list[Gradient] = []
        self._unread: list[Measure] = []
        self._known: Facts[Tensor, tuple[int, Measure]] = Facts()

    def run(self, op: Op, args: Arguments, kwargs: Keywords) -> Any:
        """Run the operation and write down what it did."""
        if not _observable():
            return op(*args, **kwargs)
        placed = list(_placed(args, kwargs))
        inputs = list(self._read(placed))
        result = op(*args, **kwargs)
        made = _made(op, args, result)
        if _same_values(op):
            for tensor in made if len(inputs) == 1 else ():
                self._remember(tensor, inputs[0][1])
        elif made and (outputs := [measure for tensor in made if (measure := self.measure(tensor)) is not None]):
            meant = not placed or _is_meant(op, args, kwargs)  # what needs no tensor brings in data: torch.tensor
            if inputs and scales_loss(op):
                meant, self.scale = True, inputs[-1][1]
            event = Event(op, instruction(), len(args), inputs, outputs, meant)
            self.events.append(event)
            watch(self, event, made, (args, kwargs))
        elif inputs and _makes_integers(op, made):
            self.events.append(Event(op, None, len(args), inputs, (), meant=True))
        return result

    def measure(self, tensor: Tensor) -> Measure | None:
        """Have `tensor` measured; None if it can't be."""
        if not _measurable(tensor):
            return None
        values = torch.view_as_real(tensor.detach()) if tensor.is_complex() else tensor.detach()
        try:
            measure = Measure(tensor, *torch.aminmax(values))
        except (RuntimeError, NotImplementedError):  # float8, sparse, quantized
            return None
        if values.is_cpu:
            measure.smallest, measure.largest = measure.smallest.item(), measure.largest.item()
            if measure.is_bad:
                measure.bad = values.numel() - int(values.isfinite().sum())
        else:
            self._unread.append(measure)
        self._remember(tensor, measure)
        return measure

    def read_back(self) -> None:
        """Turn everything measured into numbers: one transfer per device."""
        by_device: dict[torch.device, dict[torch.dtype, list[Measure]]] = {}
        for measure in self._unread:
            number: Tensor = measure.smallest
            by_device.setdefault(number.device, {}).setdefault(number.dtype, []).append(measure)
        self._unread = []
        for by_dtype in by_device.values():
            pairs = [
                [end for measure in group for end in (measure.smallest, measure.largest)] for group in by_dtype.values()
            ]
            numbers = iter(torch.cat([torch.stack(group).double() for group in pairs]).tolist())
            for measure in (measure for group in by_dtype.values() for measure in group):
                measure.smallest, measure.largest = next(numbers), next(numbers)

    def _read(self, placed: Iterable[tuple[int, Tensor]]) -> Iterator[tuple[int, Measure]]:
        for position, tensor in placed:
            known = self._known.get(tensor)
            if known is not None and known[0] == _version(tensor):
                yield position, known[1]
            elif (measure := self.measure(tensor)) is not None:
                yield position, measure

    def _remember(self, tensor: Tensor, measure: Measure) -> None:
        self._known.put(tensor, (_version(tensor), measure))


def _placed(args: Arguments, kwargs: Keywords) -> Iterator[tuple[int, Tensor]]:
    """The tensors among the arguments, one level of lists deep, each with its place."""
    for position, arg in enumerate(args):
        if isinstance(arg, Tensor):
            yield position, arg
        elif isinstance(arg, list | tuple):
            yield from ((-1, part) for part in arg if isinstance(part, Tensor))
    for value in kwargs.values():
        if isinstance(value, Tensor):
            yield -1, value


def _made(op: Op, args: Arguments, result: Any) -> list[Tensor]:
    """The tensors that an operation made or wrote into."""
    if result is None and args and name_of(op).endswith("_"):
        result = args[0]  # x[i] = y, torch._foreach_add_
    parts = result if isinstance(result, list | tuple) else (result,)
    return [part for part in parts if isinstance(part, Tensor)]


def _measurable(tensor: Tensor) -> bool:
    """Whether there are values to look at: subclasses and functorch's wrappers may have none, or not these."""
    return (
        type(tensor) in (Tensor, Parameter)
        and (tensor.is_floating_point() or tensor.is_complex())
        and not tensor.is_meta
        and tensor.numel() > 0
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    )


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _observable() -> bool:
    """Whether measuring leaves no trace: not while a graph is recorded or another mode looks at every kernel."""
    if torch._C._len_torch_dispatch_stack() or torch._C._get_tracing_state() is not None:
        return False
    return not (torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing())  # type: ignore[no-untyped-call]


def _is_meant(op: Op, args: Arguments, kwargs: Keywords) -> bool:
    """Whether an infinity or NaN was written as such, or the memory has no values yet."""
    if op in _UNINITIALIZED:
        return True
    return any(isinstance(value, float) and not math.isfinite(value) for value in (*args, *kwargs.values()))


def _same_values(op: Op) -> bool:
    """Whether the result is a view of the input, or a copy: `x.T`, `x.reshape(…)`, `x.detach()`."""
    if op in _SAME_VALUES:
        return True
    return _attribute(op) not in ("", "grad", "_grad")


def _makes_integers(op: Op, made: Sequence[Tensor]) -> bool:
    """Whether the operation casts to integers, which can't be NaN or infinite: what it read goes no further."""
    return name_of(op) in _CASTS and any(tensor.dtype in _INTEGERS for tensor in made)


def _attribute(op: Op) -> str:
    """The attribute that an operation reads: "T" of ``x.T``; "" for any other operation."""
    return getattr(getattr(op, "__self__", None), "__name__", "") if name_of(op) == "__get__" else ""


_SAME_VALUES = frozenset(
    op
    for name in """view reshape transpose permute t swapaxes movedim unsqueeze squeeze flatten unflatten detach
                   contiguous clone expand expand_as view_as requires_grad_ broadcast_to""".split()
    for op in ops.spellings(name)
)
_UNINITIALIZED = frozenset(
    op
    for name in """empty empty_like empty_strided empty_permuted new_empty new_empty_strided resize_ set_
                   new_tensor""".split()
    for op in ops.spellings(name)
)
_CASTS = frozenset("to type long int short char byte".split())
_INTEGERS = frozenset({torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8})
