"""From a `Failure` to the `ShapeError` that the user sees: who, which dim, both sizes, the table, hints, places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shapecheck.core import advice, message
from shapecheck.core.dtype_advice import about_dtype
from shapecheck.core.errors import DtypeError, ShapeError
from shapecheck.core.message import Row, subject
from shapecheck.core.unify import Bindings
from shapecheck.runtime import arrays
from shapecheck.runtime.checks import Anything, Check, tensors
from shapecheck.runtime.hints import hint_text
from shapecheck.runtime.places import place_text, rank
from shapecheck.runtime.reference import MISSING, Choice, Failure, Goal, Own, Planted, Tensor, Wrong, has_shape
from shapecheck.runtime.settings import Place

__all__ = ["Situation", "error", "text"]


@dataclass(frozen=True, slots=True)
class Situation:
    """What was being checked: whose contract, in which role the culprit stands, and everything around it."""

    function: str
    role: str
    known: Bindings
    others: tuple[Goal, ...]  # of the same call, met already: the arguments while the result is checked
    contract: Place | None
    caller: Place | None


def text(failure: Failure, situation: Situation) -> str:
    """What the user is told of a failure."""
    first, _ = _told(failure, subject(failure.culprit.label, situation.role))
    rows, hints = list(_rows(failure, situation)), list(_hints(failure, situation))
    return message.compose(situation.function, first, rows, hints, _places(situation))


def error(failure: Failure, situation: Situation) -> ShapeError:
    """The exception that tells of a failure."""
    culprit, bindings = failure.culprit, failure.mismatch.bindings if failure.mismatch else situation.known
    _, facts = _told(failure, "")
    if here := rank():
        facts["rank"] = here[0]
    kind = DtypeError if isinstance(culprit, Tensor) and failure.mismatch is None else ShapeError
    return kind(
        text(failure, situation),
        function=situation.function or None,
        argument=culprit.label,
        bindings=bindings.public(),
        bound_by=bindings.bound_by,
        **facts,
    )


def _told(failure: Failure, who: str) -> tuple[str, dict[str, Any]]:
    """The first line of a failure, and the facts in it by the name of the error's attribute."""
    match failure.culprit:
        case Tensor() if failure.mismatch is not None:
            return _shape(failure, who)
        case Tensor() as culprit:
            return _dtype(culprit, who)
        case Choice():
            return _union(failure, who)
    return _type(failure.culprit, who)


def _shape(failure: Failure, who: str) -> tuple[str, dict[str, Any]]:
    mismatch = failure.mismatch
    assert mismatch is not None and isinstance(failure.culprit, Tensor)
    facts = {
        "dim": mismatch.dim,
        "dim_name": mismatch.name or None,
        "expected": mismatch.expected,
        "found": mismatch.found,
    }
    return message.first_line(who, mismatch, f'"{failure.culprit.check.spec.text}"'), facts


def _dtype(culprit: Tensor, who: str) -> tuple[str, dict[str, Any]]:
    word, found = culprit.check.word, arrays.dtype_name(culprit.value)
    expected = culprit.check.dtypes
    names = sorted((expected or frozenset()) - {"bool_"})  # numpy's old name
    listed = f" ({', '.join(names)})" if 1 < len(names) <= 4 else ""
    return f"{who} has dtype {found}, expected {word}{listed}", {"expected": word, "found": found}


def _type(culprit: Goal, who: str) -> tuple[str, dict[str, Any]]:
    text = culprit.check.text if isinstance(culprit, Wrong) else ""
    value = getattr(culprit, "value", None)
    if value is MISSING:
        return f"{who} is missing", {"expected": text, "found": None}
    found = describe(value)
    return f"{who} is {found}, expected {text}", {"expected": text, "found": found}


def _union(failure: Failure, who: str) -> tuple[str, dict[str, Any]]:
    culprit = failure.culprit
    assert isinstance(culprit, Choice)
    facts = {"expected": culprit.check.text, "found": describe(culprit.value)}
    lines = [f"{who} fits no branch of its union"]
    for branch, reason in zip(culprit.check.branches, failure.branches, strict=False):
        lines.append(f"    {branch.text}: {_reason(reason)}")
    return "\n".join(lines[:20]), facts


def _reason(failure: Failure) -> str:
    """Why one branch of a union doesn't fit, without saying again who."""
    culprit = failure.culprit
    match culprit:
        case Tensor() if failure.mismatch is not None:
            return _shape(failure, "it")[0].removeprefix("it ")
        case Tensor():
            return _dtype(culprit, "it")[0].removeprefix("it ")
        case Wrong():
            return f"is {describe(culprit.value)}"
    return "doesn't fit"


def describe(value: Any) -> str:
    """What a value is, without what is in it."""
    if value is None:
        return "None"
    if _is_array(value):
        kind = f"{_library(value)}{type(value).__name__}"
        if not has_shape(value):
            return f"a {'nested ' if getattr(value, 'is_nested', False) else ''}{kind} without a shape"
        return f"a {kind} of shape {_shape_of(value)}"
    name = type(value).__qualname__
    if isinstance(value, list | tuple | dict | set | frozenset):
        return f"a {name} of {len(value)}"
    return f"the class {value.__qualname__}" if isinstance(value, type) else f"{_article(name)} {name}"


def _is_array(value: Any) -> bool:
    try:
        return hasattr(value, "shape") and hasattr(value, "dtype")
    except RuntimeError:  # a nested tensor has the attribute, but no shape in it
        return True


def _article(word: str) -> str:
    return "an" if word[:1].lower() in "aeiou" else "a"


def _library(value: Any) -> str:
    module = type(value).__module__.partition(".")[0]
    return "" if module == "torch" else f"{module}."


def _shape_of(value: Any) -> str:
    try:
        return message.shape_text(value.shape)
    except Exception:  # a nested tensor has no shape to show
        return "?"


# --- the table ---------------------------------------------------------------------------------------------------


def _rows(failure: Failure, situation: Situation) -> Iterator[Row]:
    culprit = failure.culprit
    every = {id(goal): goal for goal in (*situation.others, *failure.around, culprit)}
    for goal in every.values():
        yield _row(goal, failure, blamed=goal is culprit)


def _row(goal: Goal, failure: Failure, blamed: bool) -> Row:
    match goal:
        case Tensor(label=label, check=check, value=value):
            note = _note(goal, failure, blamed)
            return Row(label, check.text, _shape_of(value), arrays.dtype_name(value), note, blamed)
        case Own(label=label, value=value):
            return Row(label, hint_text(type(value)), "", "", "", blamed)
        case Wrong(value=value) | Choice(value=value) | Planted(value=value):
            text = goal.check.text
            if value is MISSING:
                return Row(goal.label, text, "missing", "", "", blamed)
            if _is_array(value):
                return Row(goal.label, text, _shape_of(value), arrays.dtype_name(value), "", blamed)
            return Row(goal.label, text, describe(value), "", "", blamed)


def _note(goal: Tensor, failure: Failure, blamed: bool) -> str:
    mismatch = failure.mismatch
    if mismatch is None:
        return f"{arrays.dtype_name(goal.value)} is not {goal.check.word}" if blamed else ""
    if blamed:
        return message.note_of(mismatch)
    bindings = mismatch.bindings
    names = {**bindings.sizes, **{f"*{name}": shape for name, shape in bindings.shapes.items()}}
    return message.bound_here(goal.label, bindings.bound_by, names, mismatch.name.replace("#", ""))


# --- hints and places --------------------------------------------------------------------------------------------


def _hints(failure: Failure, situation: Situation) -> Iterator[str]:
    culprit = failure.culprit
    name = culprit.label if situation.role == "argument" else ""
    match culprit:
        case Tensor(check=check) if failure.mismatch is not None:
            others = [tensor.claim for tensor in failure.around if tensor is not culprit]
            yield from advice.about_shape(failure.mismatch, situation.known, others, name)
        case Tensor(check=check, value=value):
            if arrays.is_torch(check.array):
                hint = about_dtype(check.word, check.dtypes, arrays.dtype_name(value), name)
                yield from [hint] if hint else []
        case Wrong(check=check, value=value):
            yield from _about_type(check, value, name)


def _about_type(check: Check, value: Any, name: str) -> Iterator[str]:
    wanted = next(tensors(check), None)
    subject = name or "..."
    if value is None and not isinstance(check, Anything):
        yield f"write `{check.text} | None` if None is allowed"
    elif wanted is None or not arrays.is_torch(wanted.array):
        return
    elif type(value).__module__.partition(".")[0] == "numpy" and hasattr(value, "shape"):
        yield f"`torch.from_numpy({subject})` makes a tensor of it"
    elif isinstance(value, int | float | list | tuple):
        yield f"`torch.tensor({subject})` makes a tensor of it"


def _places(situation: Situation) -> str:
    called = f"called at {place_text(situation.caller)}" if situation.caller else ""
    contract = f"contract at {place_text(situation.contract)}" if situation.contract else ""
    here = rank()
    process = f"on rank {here[0]} of {here[1]}" if here else ""
    return ", ".join(filter(None, (called, contract, process)))
