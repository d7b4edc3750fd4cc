"""What is wrong with a contract as a whole, found at decoration: unbound names, `{...}` of nothing, typos."""

from __future__ import annotations

import ast
import builtins
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeGuard

from shapecheck.core import expression
from shapecheck.core.errors import AnnotationError
from shapecheck.core.spec import Computed, Named, ShapeSpec, Variadic
from shapecheck.runtime.checks import Check, Fields, Items, OneOf, Pairs, Row, tensors
from shapecheck.runtime.settings import Place, ShapeWarning

__all__ = ["bound_names", "field_sources", "fields_used", "validate", "validate_check", "warn_of_typos"]


def validate(where: str, checks: Mapping[str, Check], outcomes: Iterable[Check], parameters: Sequence[str]) -> None:
    """Refuse expressions over names that nothing can bind, wherever in the contract they stand.

    Raises:
        AnnotationError: with a caret under the dim.
    """
    known = bound_names(checks.values())
    for name, check in checks.items():
        validate_check(f"{where}, parameter `{name}`", check, known, parameters)
    for check in outcomes:
        validate_check(f"{where}, return value", check, known | bound_names([check]), parameters)


def validate_check(where: str, check: Check, known: set[str], parameters: Iterable[str]) -> None:
    """Refuse one annotation's expressions over names outside `known`, and ``{...}`` over more than `parameters`."""
    for tensor in tensors(check):
        for offset, reason in _problems(tensor.spec, known, set(parameters)):
            raise AnnotationError(reason, tensor.spec.text, offset, where)
    for fields in _classes(check):
        inner = bound_names(fields.fields.values())
        for name, part in fields.fields.items():
            if not isinstance(part, Fields):
                validate_check(f"{fields.text}.{name}", part, inner, {*_field_names(fields.kind), "self"})


def _field_names(cls: type) -> Iterator[str]:
    """The fields of a class, those without tensors included: ``{n}`` may well read an int."""
    for base in cls.__mro__:
        yield from vars(base).get("__annotations__", ())


def bound_names(checks: Iterable[Check]) -> set[str]:
    """The names of single dims that tensors of these checks give a size."""
    return {name for check in checks for tensor in tensors(check) for name in tensor.spec.bound_names}


def fields_used(check: Check) -> set[str]:
    """The names that the ``{...}`` of a check read."""
    return {name for field in _fields(check) for name in field.arguments}


def field_sources(check: Check) -> set[str]:
    """The sources of the ``{...}`` of a check."""
    return {field.source for field in _fields(check)}


def _fields(check: Check) -> Iterator[expression.Field]:
    for tensor in tensors(check):
        for _, dim in tensor.spec.expressions:
            yield from expression.fields(dim.tree)


def _problems(spec: ShapeSpec, known: set[str], parameters: set[str]) -> Iterator[tuple[int, str]]:
    for dim, offset in zip(spec.dims, spec.offsets, strict=True):
        match dim:
            case Named(treepath=True) | Variadic(treepath=True):
                yield offset, f'`{dim}` is one size per leaf: it stands inside a `PyTree[..., "T"]` only'
            case Computed(tree=tree):
                unbound = [name for name in expression.names(tree) if name not in known]
                if unbound:
                    yield offset, f"`{unbound[0]}` is not a dim of any argument, so `{dim.text}` has no value"
                for field in expression.fields(tree):
                    yield from ((offset, reason) for reason in _unknown(field, parameters))


def _unknown(field: expression.Field, parameters: set[str]) -> Iterator[str]:
    bound = {node.id for node in ast.walk(ast.parse(field.source)) if _is_target(node)}
    for name in field.arguments:
        if name not in parameters | bound and not hasattr(builtins, name):
            yield f"`{{{field.source}}}` reads `{name}`, which is not a parameter"


def _is_target(node: ast.AST) -> TypeGuard[ast.Name]:
    """Whether a comprehension inside the expression binds this name."""
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _classes(check: Check) -> Iterator[Fields]:
    match check:
        case Fields():
            yield check
        case OneOf(branches=parts) | Row(items=parts):
            for part in parts:
                yield from _classes(part)
        case Items(item=item):
            yield from _classes(item)
        case Pairs(key=key, value=value):
            yield from _classes(key)
            yield from _classes(value)


# --- names that look like another ----------------------------------------------------------------------------------


def warn_of_typos(function: str, arguments: Iterable[Check], returns: Check, place: Place) -> None:
    """Warn of a name that only the result has, one slip of the keyboard away from a name of the arguments."""
    known = bound_names(arguments)
    for name in sorted(bound_names([returns]) - known):
        meant = next((other for other in sorted(known) if is_slip(name, other)), None)
        if meant is not None:
            text = f"{function}(): the result's dim `{name}` is no argument's; is `{meant}` meant?"
            warnings.warn_explicit(f"{text} As it is, it is never compared.", ShapeWarning, place.filename, place.line)


def is_slip(name: str, other: str) -> bool:
    """Whether two names of four letters or more differ by one letter left out, doubled, exchanged or mistyped.

    Differences that names have on purpose don't count: digits, the first and last letter, a part between underscores.
    """
    if min(len(name), len(other)) < 4 or name[0] != other[0] or name[-1] != other[-1]:
        return False
    if sorted(map(len, (name, other)))[1] - min(len(name), len(other)) > 1:
        return False
    start = next(index for index in range(len(name) + 1) if name[: index + 1] != other[: index + 1])
    left, right = name[start:], other[start:]
    if left[:2] == right[1::-1] and left[2:] == right[2:]:
        changed = left[:2]
    elif len(left) == len(right) and left[1:] == right[1:]:
        changed = left[0] + right[0]
    elif left[1:] == right or right[1:] == left:
        changed = (left if left[1:] == right else right)[0]
    else:
        return False
    alone = "_" in (name[start - 1 : start], name[start + 1 : start + 2])
    return changed.isalpha() and not alone
