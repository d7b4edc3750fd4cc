"""What a contract means: the slow path that the fast one falls back on, and that alone words errors.

    look       values and their checks  →  goals: tensors found, values of a wrong type, unions to choose from
    solve      goals and known names    →  bindings, or a `Failure`

A union is a choice: the first branch, in order, under which everything else still holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from shapecheck.core.spec import AnyDims
from shapecheck.core.unify import Bindings, Claim, Mismatch, unify
from shapecheck.runtime import arrays
from shapecheck.runtime.checks import (
    Anything,
    Check,
    Fields,
    Instance,
    Items,
    OneOf,
    Other,
    Pairs,
    Row,
    TensorCheck,
    Tree,
)
from shapecheck.runtime.nontensors import accepts, is_instance
from shapecheck.runtime.settings import current
from shapecheck.runtime.trees import first_misfit

__all__ = ["Failure", "Goal", "Tensor", "look", "solve"]

MAX_TRIES = 2_000  # combinations of union branches
ValueOf = Callable[[str], Any]


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A tensor that was found where one is wanted."""

    label: str
    check: TensorCheck
    value: Any

    @property
    def claim(self) -> Claim:
        shape = () if self.check.spec.dims == (AnyDims(),) else tuple(self.value.shape)
        return Claim(self.label, self.check.spec, shape)


@dataclass(frozen=True, slots=True, eq=False)
class Planted:
    """A value that has to be a tree; the leaves share the names of the call."""

    label: str
    check: Tree
    value: Any


@dataclass(frozen=True, slots=True, eq=False)
class Wrong:
    """A value that isn't of the kind its check wants."""

    label: str
    check: Check
    value: Any


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A union: the goals of each branch."""

    label: str
    check: OneOf
    value: Any
    options: tuple[list[Goal], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """The fields of a class's instance, whose names are their own."""

    label: str
    goals: list[Goal]
    value: Any


Goal = Tensor | Planted | Wrong | Choice | Own


@dataclass(frozen=True, slots=True, eq=False)
class Failure:
    """Why goals can't all be met.

    `mismatch` is set for a shape; otherwise `culprit` has a wrong type, or dtype where it is a `Tensor`; for a
    `Choice` each branch has its own failure in `branches`.
    """

    culprit: Goal
    mismatch: Mismatch | None = None
    branches: tuple[Failure, ...] = ()
    around: tuple[Tensor, ...] = field(default=())  # the tensors of the scope that the culprit was checked with


def look(label: str, check: Check, value: Any) -> list[Goal]:
    """The goals that a value has to meet."""
    return list(_look(label, check, value, ()))


def _look(label: str, check: Check, value: Any, inside: tuple[int, ...]) -> Iterator[Goal]:
    match check:
        case Anything():
            return
        case Instance(classes=classes) if is_instance(value, classes) or _is_proxy(value):
            return
        case Other(hint=hint) if accepts(hint)(value) or _is_proxy(value):
            return
        case TensorCheck() if _is_array(value, check) and (check.spec.dims == (AnyDims(),) or has_shape(value)):
            yield Tensor(label, check, value)
        case TensorCheck() if _is_proxy(value):
            return
        case OneOf(branches=branches):
            yield from _choose(label, check, value, branches, inside)
        case Items(kind=kind, item=item) if isinstance(value, kind):
            for index, each in _looked_at(enumerate, value):
                yield from _look(f"{label}[{index}]", item, each, inside)
        case Pairs(kind=kind) if isinstance(value, kind):
            for key, each in _looked_at(lambda pairs: pairs.items(), value):
                yield from _look(f"a key of {label}", check.key, key, inside)
                yield from _look(f"{label}[{_key_text(key)}]", check.value, each, inside)
        case Row(items=items) if isinstance(value, tuple) and len(value) == len(items):
            for index, (item, each) in enumerate(zip(items, value, strict=True)):
                yield from _look(f"{label}[{index}]", item, each, inside)
        case Fields() if isinstance(value, dict if check.access == "key" else check.kind):
            yield from _fields(label, check, value, inside)
        case Tree():
            yield Planted(label, check, value)
        case _:
            yield Wrong(label, check, value)


def _choose(label: str, check: OneOf, value: Any, branches: Sequence[Check], inside: tuple[int, ...]) -> Iterator[Goal]:
    options = tuple(list(_look(label, branch, value, inside)) for branch in branches)
    if any(not goals for goals in options):
        return  # a branch asks nothing more of this value
    alive = [goals for goals in options if not any(isinstance(goal, Wrong) for goal in goals)]
    if len(alive) == 1:
        yield from alive[0]
    else:
        yield Choice(label, check, value, options)


def _fields(label: str, check: Fields, value: Any, inside: tuple[int, ...]) -> Iterator[Goal]:
    if id(value) in inside:
        return
    goals: list[Goal] = []
    for name, part in check.fields.items():
        if check.access == "key":
            where = f"{label}[{name!r}]"
            if name in value:
                goals += _look(where, part, value[name], (*inside, id(value)))
            elif name not in check.optional:
                goals.append(Wrong(where, part, MISSING))
        elif hasattr(value, name) and not _is_uninitialized(getattr(value, name)):
            goals += _look(f"{label}.{name}" if label else name, part, getattr(value, name), (*inside, id(value)))
    if goals:
        yield Own(label, goals, value)


def _is_uninitialized(value: Any) -> bool:
    return type(value).__name__ in ("UninitializedParameter", "UninitializedBuffer")


class _Missing:
    """Stands for a key that a dictionary lacks."""


MISSING = _Missing()


def _looked_at(each: Callable[[Any], Iterable[Any]], value: Any) -> Iterable[Any]:
    """The items of a container, up to the cap; none of an iterator, which looking at would use up."""
    if not hasattr(value, "__len__"):
        return ()
    return islice(each(value), current().max_elements)


def _key_text(key: object) -> str:
    return (
        repr(key) if isinstance(key, int | bool | None.__class__) or (isinstance(key, str) and len(key) < 40) else "…"
    )


def _is_array(value: Any, check: TensorCheck) -> bool:
    if check.array is None:
        return hasattr(value, "shape") and hasattr(value, "dtype")
    return isinstance(value, check.array)


def has_shape(value: Any) -> bool:
    """Whether an array can say its shape: a nested tensor of strided layout and an uninitialized parameter can't."""
    try:
        tuple(value.shape)
    except RuntimeError:
        return False
    return True


def _is_proxy(value: Any) -> bool:
    """Whether torch.fx is tracing: its stand-in for a tensor has no shape yet."""
    return any(cls.__module__ == "torch.fx.proxy" for cls in type(value).__mro__)


# --- solving -----------------------------------------------------------------------------------------------------


def solve(goals: Sequence[Goal], known: Bindings, value_of: ValueOf) -> Bindings | Failure:
    """The bindings under which all goals are met, beginning with those `known`, or why there are none."""
    tensors = [goal for goal in goals if isinstance(goal, Tensor | Planted)]
    for goal in goals:
        match goal:
            case Wrong():
                return Failure(goal, around=_only_tensors(tensors))
            case Own(goals=inner):
                outcome = solve(inner, Bindings(), _field_of(goal.value))
                if isinstance(outcome, Failure):
                    return outcome
    choices = [goal for goal in goals if isinstance(goal, Choice)]
    outcome = _unify(tensors, known, value_of)
    if choices and isinstance(outcome, Bindings):
        return _choose_all(tensors, choices, known, value_of, _Tries())
    return outcome


def _only_tensors(goals: Iterable[Goal]) -> tuple[Tensor, ...]:
    return tuple(goal for goal in goals if isinstance(goal, Tensor))


def _unify(goals: Sequence[Tensor | Planted], known: Bindings, value_of: ValueOf) -> Bindings | Failure:
    tensors = _only_tensors(goals)
    claims = [tensor.claim for tensor in tensors if not _treelike(tensor.check)]
    outcome = unify(claims, known, value_of)
    if isinstance(outcome, Mismatch):
        culprit = next(tensor for tensor in tensors if tensor.label == outcome.claim.label)
        return Failure(culprit, outcome, around=tuple(tensors))
    for tensor in tensors:
        if not tensor.check.accepts_dtype(arrays.dtype_name(tensor.value)):
            return Failure(tensor, around=tuple(tensors))
    trees = [goal for goal in goals if isinstance(goal, Planted)]
    if trees and (misfit := first_misfit(trees, outcome)) is not None:
        return Failure(Wrong(misfit.label, misfit.check, misfit.value), around=tensors)
    return outcome


def _treelike(check: TensorCheck) -> bool:
    return any(getattr(dim, "treepath", False) for dim in check.spec.dims)


@dataclass(slots=True)
class _Tries:
    left: int = MAX_TRIES


def _choose_all(
    tensors: list[Tensor | Planted], choices: Sequence[Choice], known: Bindings, value_of: ValueOf, tries: _Tries
) -> Bindings | Failure:
    """Choose a branch for each choice, depth first, so that all tensors agree."""
    if not choices:
        return _unify(tensors, known, value_of)
    choice, rest = choices[0], choices[1:]
    failures = []
    for goals in choice.options:
        tries.left -= 1
        outcome = _try(goals, tensors, rest, known, value_of, tries)
        if isinstance(outcome, Bindings):
            return outcome
        failures.append(outcome)
        if tries.left <= 0:
            break
    deeper = next((failure for failure in failures if failure.culprit in rest), None)
    return deeper or Failure(choice, branches=tuple(failures), around=_only_tensors(tensors))


def _try(
    goals: Sequence[Goal],
    tensors: list[Tensor | Planted],
    rest: Sequence[Choice],
    known: Bindings,
    value_of: ValueOf,
    tries: _Tries,
) -> Bindings | Failure:
    """One branch of a union, with everything that has to hold beside it."""
    for goal in goals:
        match goal:
            case Wrong():
                return Failure(goal, around=_only_tensors(tensors))
            case Own(goals=inner):
                outcome = solve(inner, Bindings(), _field_of(goal.value))
                if isinstance(outcome, Failure):
                    return outcome
    together = tensors + [goal for goal in goals if isinstance(goal, Tensor | Planted)]
    outcome = _unify(together, known, value_of)
    if isinstance(outcome, Failure):
        return outcome
    nested = [goal for goal in goals if isinstance(goal, Choice)]
    return _choose_all(together, [*nested, *rest], known, value_of, tries)


def _field_of(value: Any) -> ValueOf:
    """Values for ``{...}`` in the annotations of a class: its fields."""
    fields = (
        dict(value) if isinstance(value, dict) else {name: getattr(value, name, None) for name in _field_names(value)}
    )
    return lambda source: eval(source, {}, {**fields, "self": value})


def _field_names(value: Any) -> tuple[str, ...]:
    return getattr(value, "_fields", None) or tuple(getattr(value, "__dataclass_fields__", ()))
